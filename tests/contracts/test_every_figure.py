"""What holds for every figure of a report, whatever it shows."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest

from finetable.data.copies import Copy
from finetable.data.lengths import Lengths
from finetable.data.profile import Topic
from finetable.reporting.figure import WIDTH, Figure, Section
from finetable.reporting.figures import FIGURES, draw
from finetable.reporting.findings import (
    Findings,
    LabelFindings,
    RunFindings,
    TableFindings,
    TextFindings,
    Validation,
)

MakeFigure = Callable[[Findings], Figure | None]

ODD = (
    "<script>alert(1)</script>",
    "$x_1$ \\frac",
    "a & b \"c\" 'd'",
    "👩‍🚀 🎬",
    "שלום مرحبا",
    "\u202eright to left",
    "nul \x00 bell \x07 \ud800 \ufffe",
    "映画" * 40,
    "long " * 60,
    "#0072b2 url(#a) href",
    " ",
)
UNITS = re.compile(
    r"words|tokens|rows|nats|steps|per cent|Times|standard errors|labels|share|texts|probability"
)


@pytest.fixture(params=FIGURES, ids=lambda figure: figure.__name__)
def make_figure(request: pytest.FixtureRequest) -> MakeFigure:
    make: MakeFigure = request.param
    return make


@pytest.fixture(scope="session")
def all_drawn(full_findings: Findings) -> list[Figure]:
    return draw(full_findings)


@pytest.fixture
def figure(make_figure: MakeFigure, all_drawn: list[Figure]) -> Figure:
    return all_drawn[FIGURES.index(make_figure)]


def drawn(make_figure: MakeFigure, findings: Findings) -> Figure:
    figure = make_figure(findings)
    assert figure is not None
    return figure


def identities(figure: Figure) -> list[str]:
    return [
        element.attrib["id"]
        for element in ElementTree.fromstring(figure.svg).iter()
        if "id" in element.attrib
    ]


def is_sound(figure: Figure) -> None:
    root = ElementTree.fromstring(figure.svg)
    elements = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert elements <= {
        "svg",
        "title",
        "desc",
        "g",
        "path",
        "use",
        "defs",
        "text",
        "clipPath",
        "rect",
        "pattern",
    }
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff\u202a-\u202e]", figure.svg)
    assert "nan" not in re.findall(r'[ "]nan[ "]', figure.svg)
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', re.sub(r">[^<]*<", "><", figure.svg))
    assert {"".join(pair) for pair in references} <= set(identities(figure))


def test_none_where_nothing_is_known(make_figure: MakeFigure) -> None:
    assert make_figure(Findings()) is None


def test_none_where_a_part_is_empty(make_figure: MakeFigure) -> None:
    nothing, no_steps = np.array([]), np.array([], dtype=np.int64)
    empty = Findings(
        table=TableFindings(lengths=(), labels={}, word_counts={}, rows=0, duplicates=0, near_duplicates=0),
        run=RunFindings(
            no_steps, nothing, nothing, nothing, Validation(no_steps, nothing, nothing), kept_step=0
        ),
        label=LabelFindings((), no_steps, np.zeros((0, 0)), 1.0, [], {}),
        text=TextFindings([], [], [], []),
    )
    assert make_figure(empty) is None


def test_says_what_it_shows(figure: Figure) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]+", figure.name)
    assert figure.section in get_args(Section)
    assert figure.title
    assert UNITS.search(figure.caption)
    assert re.search(r"\d", figure.alt)
    assert figure.caption.endswith(".")
    root = ElementTree.fromstring(figure.svg)
    named = {element.attrib["id"]: element.text for element in root if "id" in element.attrib}
    assert [named[name] for name in root.attrib["aria-labelledby"].split()] == [figure.title, figure.alt]
    assert root.attrib["role"] == "img"


def test_stands_in_a_page_as_it_is(figure: Figure) -> None:
    is_sound(figure)
    assert figure.svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ')
    assert figure.svg.count("//") == 1, "nothing is fetched"
    assert not re.search(r"<!|<\?|<style|<metadata|DejaVu", figure.svg)
    root = ElementTree.fromstring(figure.svg)
    assert root.attrib["viewBox"].split()[2] == str(WIDTH)
    assert "width" not in root.attrib
    assert len(figure.svg) < 100_000


def test_follows_light_and_dark(figure: Figure) -> None:
    assert "var(--ink, #1c1c1e)" in figure.svg
    assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", figure.svg))


def test_letters_are_large_enough(figure: Figure) -> None:
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", figure.svg)]
    assert min(sizes) >= 9 * 4 / 3, "nine points"


def test_the_same_bytes_twice(figure: Figure, make_figure: MakeFigure, full_findings: Findings) -> None:
    assert make_figure(full_findings) == figure


def test_survives_odd_labels_and_words(make_figure: MakeFigure, full_findings: Findings) -> None:
    table, label, text = full_findings.table, full_findings.label, full_findings.text
    assert table is not None
    assert label is not None
    assert text is not None
    odd = replace(
        full_findings,
        table=replace(
            table,
            labels=dict.fromkeys(ODD, 5),
            word_counts={name: 9 - place % 5 for place, name in enumerate(ODD)},
            lengths=tuple(Lengths(name, "words", np.array([3, 4]), 0, 2) for name in ODD[:4]),
            topics=(Topic(ODD, 0.5, (2,)),),
        ),
        label=replace(
            label,
            labels=ODD,
            truth=np.arange(len(ODD)),
            probabilities=np.eye(len(ODD))[::-1],
            per_class=[label.per_class[0] | {"label": name} for name in ODD],
        ),
        text=replace(text, written=[each for each in ODD for _ in range(9)], real=["a quiet sea"] * 30),
    )
    figure = drawn(make_figure, odd)
    is_sound(figure)
    assert "<script" not in figure.svg


def test_survives_a_single_row(make_figure: MakeFigure) -> None:
    one = np.array([1.0])
    copy = Copy(words=2, row=0, start=0, nearest_row=0, whole=False)
    scores = {"label": "only", "rows": 1} | {
        f"{name}{end}": 1.0 for name in ("precision", "recall", "f1") for end in ("_low", "", "_high")
    }
    single = Findings(
        table=TableFindings(
            lengths=(Lengths("text", "words", np.array([0]), missing=0, distinct=1, limit=8),),
            labels={"only": 1},
            word_counts={"word": 1},
            rows=1,
            duplicates=0,
            topics=(Topic(("word",), 1.0, (2,)),),
        ),
        run=RunFindings(np.array([1]), one, one, one, Validation(np.array([1]), one, one), 1, 4.0),
        label=LabelFindings(("only",), np.array([0]), np.ones((1, 1)), 1.0, [scores], {}),
        text=TextFindings(["sea " * 40], ["moon " * 40], [copy], [copy]),
    )
    is_sound(drawn(make_figure, single))


def test_survives_many_labels_and_losses_that_are_no_numbers(
    make_figure: MakeFigure, full_findings: Findings
) -> None:
    table, run, label = full_findings.table, full_findings.run, full_findings.label
    assert table is not None
    assert run is not None
    assert label is not None
    random = np.random.default_rng(0)
    names = tuple(f"label {place}" for place in range(1_000))
    broken = run.loss_nats.copy()
    broken[100:200] = np.nan
    unknown = replace(run.validation, nats=np.full(12, np.nan))
    many = replace(
        full_findings,
        table=replace(table, labels={name: place for place, name in enumerate(names)}),
        run=replace(run, loss_nats=broken, kept_step=-1, validation=unknown),
        label=replace(
            label,
            labels=names,
            truth=random.integers(1_000, size=300),
            probabilities=random.dirichlet(np.full(1_000, 0.02), size=300),
            per_class=[label.per_class[0] | {"label": name} for name in names],
        ),
    )
    figure = drawn(make_figure, many)
    is_sound(figure)
    assert len(figure.svg) < 200_000


def test_no_two_figures_share_a_name_or_an_id(all_drawn: list[Figure]) -> None:
    assert len({figure.name for figure in all_drawn}) == len(all_drawn) == len(FIGURES)
    times = Counter(identity for figure in all_drawn for identity in identities(figure))
    assert max(times.values()) == 1
    assert sum(len(figure.svg) for figure in all_drawn) < 1_000_000


def test_only_what_is_known_is_drawn(full_findings: Findings) -> None:
    assert draw(Findings()) == []
    sections = {figure.section for figure in draw(Findings(run=full_findings.run))}
    assert sections == {"training"}
