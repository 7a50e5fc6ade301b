"""The report of a run: the verdict, the figures behind it, and how to repeat it."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from finetable.data.table import SetAside, set_aside_lines
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder, Record
from finetable.name_lists import join_names
from finetable.reporting.figure import Figure
from finetable.reporting.findings import TextFindings
from finetable.reporting.gather import SplitDetails
from finetable.reporting.marked import CopiedPair, copied_pair
from finetable.reporting.page import Grid, KeyFigure, Page, SampleSet, Section
from finetable.reporting.summary import NAMES, early_end, spread, summary
from finetable.settings import Recipe
from finetable.wording import are_counted

PAIRS_SHOWN = 10
ROWS_SHOWN = 20
SAMPLES_SHOWN = 5
EXCERPT = 300

TITLES = {
    "table": "The table",
    "training": "Training",
    "labels": "How well it labels",
    "texts": "What it writes, beside what people wrote",
}


def run_page(folder: ModelFolder, record: Record, text: TextFindings | None, drawn: Sequence[Figure]) -> Page:
    """The page of a finished run; raises ModelFolderError where a file of the folder is damaged.

    `text` is what a writer wrote, None for a labeller; `drawn` are the figures.
    """
    rows = folder.read_rows()
    sections = [
        Section(slug, title, figures=[figure for figure in drawn if figure.section == slug])
        for slug, title in TITLES.items()
    ]
    task = record.recipe.task
    verb = "writing" if task.name == "write" else "labelling with"
    return Page(
        title=f"finetable: {verb} {task.target} of {record.table_name}",
        verdict=summary(record.figures)[0],
        about=_about(record),
        key_figures=key_figures(record),
        sections=[
            *(section for section in sections if section.slug != "table"),
            _copies(text, rows, task.target),
            _look_at_these(folder, record, rows),
            _samples(folder),
            *(section for section in sections if section.slug == "table"),
            _set_aside(folder),
            _recipe(record),
        ],
    )


def key_figures(record: Record) -> list[KeyFigure]:
    """The numbers that a reader looks for first, with their 95 % intervals."""
    figures = record.figures
    if figures["task"] == "label":
        rivals = figures["baselines"]

        def beside(name: str) -> str:
            return ", ".join(f"{NAMES[rival]} {rivals[rival][name]:.3f}" for rival in rivals)

        return [
            _key_figure(figures, "Accuracy", "accuracy", beside("accuracy")),
            _key_figure(figures, "Macro-F1", "macro_f1", beside("macro_f1")),
            _key_figure(figures, "Calibration error", "calibration_error", "0 is perfect"),
        ]
    xz, nats = figures["baselines"]["xz"]["bits_per_byte"], figures["cross_entropy_nats"]
    return [
        _key_figure(figures, "Bits per byte", "bits_per_byte", f"a compressor (xz) {xz:.3f}"),
        _key_figure(figures, "Perplexity", "perplexity", f"{nats:.3f} nats per token", 1),
        KeyFigure(
            "Copied words, median",
            f"{figures['copied_words_median']:g}",
            beside=f"real rows that it never saw: {figures['copied_words_median_real']:g}",
        ),
        _key_figure(
            figures,
            "Share of rows that copy",
            "copied_share",
            f"real rows: {spread(figures, 'copied_share_real')}",
        ),
    ]


def _key_figure(figures: dict[str, Any], name: str, key: str, beside: str, digits: int = 3) -> KeyFigure:
    value, _, interval = spread(figures, key, digits).partition(" ")
    return KeyFigure(name, value, interval, beside)


def repeat_command(record: Record) -> str:
    """The command line that trains this model again."""
    usual = Recipe().flat()
    words = ["finetable", "train", record.table_name]
    for name, value in record.recipe.flat().items():
        flag = f"--{name.replace('_', '-')}"
        if value == usual[name]:
            continue
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words += [flag, join_names(value) if isinstance(value, tuple) else str(value)]
    return shlex.join([*words, "--out", "NEW_FOLDER"])


def _about(record: Record) -> str:
    splits = record.splits
    validated = "told how sure it may be" if record.plan.get("keeps_last") else "chose the weights to keep"
    return (
        f"{splits['train']:,} rows of {record.table_name} were learnt from, {splits['validation']:,} "
        f"{validated}, and {splits['test']:,} that played no part are what it is judged on. Base: "
        f"{record.recipe.base.base}; {record.parameters:,} parameters. Brackets are 95 % intervals. "
        f"{early_end(record.plan, record.outcome) or ''}"
    )


def _copies(text: TextFindings | None, rows: SplitRows, target: str) -> Section:
    title = "Does it copy?"
    if text is None:
        return Section("copies", title)
    train = rows.of("train")
    sources, lines = train.texts(target), train.columns["line"]
    worst = np.argsort([-copy.words for copy in text.written_copies], kind="stable")[:PAIRS_SHOWN]
    pairs: list[CopiedPair] = []
    for place in worst.tolist():
        copy = text.written_copies[place]
        if copy.row >= 0:
            source, line = sources[copy.row].as_py(), lines[copy.row].as_py()
            pairs.append(copied_pair(text.written[place], source, copy, line))
    intro = (
        f"The {len(pairs)} of {len(text.written):,} freely written texts that share the longest run of words "
        "with a training row. Copies were not redrawn here, as generate does."
    )
    return Section("copies", title, intro, copies=pairs)


def _look_at_these(folder: ModelFolder, record: Record, rows: SplitRows) -> Section:
    """Rows that fit worst to what was learnt: often they are the ones with a fault."""
    judged = folder.read_details().judged
    kept = SplitRows(rows.columns.take(_places(rows, np.asarray(judged["row_id"]))))
    grid = _unlikely_labels(record, kept, judged) if record.labels else _costly_texts(record, kept, judged)
    return Section("look", "Look at these rows first", grids=[grid])


def _places(rows: SplitRows, row_ids: np.ndarray) -> np.ndarray:
    """Where rows with these ids stand, int64 (ids,)."""
    order = np.argsort(rows.row_ids, kind="stable")
    return np.asarray(order[np.searchsorted(rows.row_ids[order], row_ids)])


def _unlikely_labels(record: Record, rows: SplitRows, judged: pa.Table) -> Grid:
    details = SplitDetails(judged)
    probabilities, truth = details.probabilities(), details.array("truth")
    own = probabilities[np.arange(len(truth)), truth]
    texts = [rows.texts(name) for name in record.recipe.task.given]
    lines = rows.columns["line"]
    told = []
    for place in np.argsort(own, kind="stable")[:ROWS_SHOWN].tolist():
        best = int(probabilities[place].argmax())
        told.append(
            (
                f"{lines[place].as_py():,}",
                _excerpt(" · ".join(text[place].as_py() for text in texts)),
                record.labels[truth[place]],
                f"{own[place]:.4f}",
                record.labels[best],
                f"{probabilities[place, best]:.3f}",
            )
        )
    return Grid(
        "The least likely labels",
        "Validation and test rows whose own label the model thinks least likely. Some are its mistakes; some "
        "are mistakes of the table.",
        ("Line", "Text", "Label in the table", "Its probability", "The model says", "Probability"),
        told,
        frozenset({0, 3, 5}),
    )


def _costly_texts(record: Record, rows: SplitRows, judged: pa.Table) -> Grid:
    details = SplitDetails(judged)
    bits = details.array("nats") / np.log(2) / np.maximum(details.array("bytes"), 1)
    texts, lines = rows.texts(record.recipe.task.target), rows.columns["line"]
    return Grid(
        "The least expected texts",
        "Validation and test rows that cost the model most bits per byte: another language, lost letters, "
        "a text in the wrong column, or something truly new.",
        ("Line", "Text", "Bits per byte"),
        [
            (f"{lines[place].as_py():,}", _excerpt(texts[place].as_py()), f"{bits[place]:.2f}")
            for place in np.argsort(-bits, kind="stable")[:ROWS_SHOWN].tolist()
        ],
        frozenset({0, 2}),
    )


def _samples(folder: ModelFolder) -> Section:
    lines = folder.read_lines("samples")
    chosen = np.unique(np.linspace(0, max(0, len(lines) - 1), SAMPLES_SHOWN).round().astype(np.int64))
    told = [lines[place] for place in chosen.tolist() if lines]
    samples = [
        SampleSet(line["number"], tuple(zip(line["texts"], line["copied_words"], strict=True)))
        for line in told
    ]
    intro = "From the same seeds and prompts each time; in brackets the longest run of copied words."
    return Section("samples", "What it wrote while it learnt", intro, samples=samples)


def _set_aside(folder: ModelFolder) -> Section:
    rows = [SetAside(**line) for line in folder.read_lines("set_aside")]
    told = [(line,) for line in set_aside_lines(rows)]
    title = f"{are_counted(len(rows), 'row', ('was', 'were'))} set aside"
    grid = Grid(title, "", ("Reason and lines",), told)
    return Section("set-aside", "Rows that were not used", grids=[grid] if rows else [])


def _recipe(record: Record) -> Section:
    options = [
        (f"--{name.replace('_', '-')}", _spelled(value)) for name, value in record.recipe.flat().items()
    ]
    options = [(name, value) for name, value in options if value]
    plan = [(name.replace("_", " "), _spelled(value)) for name, value in record.plan.items()]
    plan = [(name, value) for name, value in plan if value]
    return Section(
        "recipe",
        "The recipe, and how to repeat it",
        f"The table had the SHA-256 {record.table_fingerprint}, and was read as {record.table_format}.",
        commands=[repeat_command(record)],
        grids=[
            Grid("Options", "Those left out were decided below.", ("Option", "Value"), options),
            Grid("What was decided once, at the start", "", ("Number", "Value"), plan),
        ],
    )


def _spelled(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[:EXCERPT].rstrip() + "…"
