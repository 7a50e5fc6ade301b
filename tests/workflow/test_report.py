"""Reports of real runs: what stands in them, and that they are told of truthfully."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finetable.errors import ModelFolderError, RecipeError
from finetable.model_folder import ModelFolder
from finetable.verbs import compare, report, train

Recipes = dict[str, dict[str, Any]]
# fp32 everywhere: how much a tiny network learns by heart hangs on the precision that a machine prefers.
COPYING = {
    "precision": "fp32",
    "base": "scratch",
    "size": "tiny",
    "epochs": 150,
    "patience": 0,
    "batch_tokens": 512,
    "seed": 3,
}


def first_line(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("job", ["writer", "labeller"])
def test_training_leaves_a_report_with_the_verdict_first(job: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(job)
    html = (folder / "report.html").read_text(encoding="utf-8")
    record = json.loads((folder / "finetable.json").read_text(encoding="utf-8"))
    assert first_line(html).startswith(("Too few to tell", "The model gives all"))
    assert len(html) < 1_000_000
    for heading in ("Training", "Look at these rows first", "The recipe, and how to repeat it", "The table"):
        assert f"<h2>{heading}" in html
    assert "finetable train " in html
    assert "<td>--epochs</td>" in html
    assert not re.search(r"<td>--[a-z-]+</td>\s*<td[^>]*></td>", html), "an option without a value"
    assert record["table_fingerprint"] in html


def test_the_report_of_a_writer_shows_what_it_wrote_and_copied(writer: Path) -> None:
    html = (writer / "report.html").read_text(encoding="utf-8")
    assert html.count('<div class="pair">') == 10
    assert "<mark>" in html
    assert "After step" in html


def test_a_report_says_what_the_validation_rows_were_for(writer: Path, labeller: Path) -> None:
    for folder, told in ((writer, "chose the weights to keep"), (labeller, "told how sure it may be")):
        assert told in (folder / "report.html").read_text(encoding="utf-8")


def test_the_card_shows_pictures_that_are_there(writer: Path, labeller: Path) -> None:
    for folder in (writer, labeller):
        shown = re.findall(r"\]\((finetable/pictures/[^)]*)\)", (folder / "README.md").read_text())
        assert len(shown) >= 2
        for picture in shown:
            assert (folder / picture).read_text(encoding="utf-8").startswith("<svg")


def test_details_are_those_the_figures_were_computed_from(writer: Path, labeller: Path) -> None:
    for path in (writer, labeller):
        folder = ModelFolder(path)
        record, judged = folder.read_record(), folder.read_details().judged
        assert judged.num_rows == record.splits["validation"] + record.splits["test"]
        test = judged.filter(pa.compute.equal(judged["split"], "test"))
        if record.labels:
            probabilities = test["probabilities"].to_pylist()
            assert all(sum(row) == pytest.approx(1) for row in probabilities)
            predicted = [row.index(max(row)) for row in probabilities]
            right = sum(a == b for a, b in zip(predicted, test["truth"].to_pylist(), strict=True))
            assert right / test.num_rows == pytest.approx(record.figures["accuracy"])
        else:
            nats, tokens = sum(test["nats"].to_pylist()), sum(test["tokens"].to_pylist())
            assert nats / tokens == pytest.approx(record.figures["cross_entropy_nats"])


def test_a_report_is_made_anew_or_elsewhere_but_never_over_a_file(writer: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    assert report(writer, out=out) == out
    assert out.read_bytes() == (writer / "report.html").read_bytes()
    with pytest.raises(RecipeError, match="exists already"):
        report(writer, out=out)
    (writer / "report.html").write_text("lost")
    assert report(writer) == writer / "report.html"
    assert (writer / "report.html").read_bytes() == out.read_bytes()
    with pytest.raises(ModelFolderError, match="does not exist"):
        report(tmp_path / "absent")


def test_a_report_that_a_kill_left_unwritten_is_written_by_the_same_command(
    films: Path, labeller: Path, recipes: Recipes
) -> None:
    before = (labeller / "report.html").read_bytes()
    (labeller / "report.html").unlink()
    train(films, out=labeller, **recipes["label"])
    assert (labeller / "report.html").read_bytes() == before


@pytest.fixture(scope="module")
def copier(tmp_path_factory: pytest.TempPathFactory, write_films: Callable[[Path, int], Path]) -> Path:
    """A model trained on a few rows until it knows them by heart."""
    made = tmp_path_factory.mktemp("copier")
    table = write_films(made / "films.csv", 40)
    recipe: dict[str, Any] = COPYING | {"validations": 1}
    train(table, out=made / "model", write="plot", given="title", learning_rate=5e-3, **recipe)
    return made / "model"


def test_a_model_that_copies_is_called_so_in_the_first_line(copier: Path, writer: Path) -> None:
    assert first_line((copier / "report.html").read_text()).startswith("The model copies its training rows")
    assert "copies" not in first_line((writer / "report.html").read_text())
    figures = ModelFolder(copier).read_record().figures
    assert figures["copying"]
    assert figures["copied_share_low"] > figures["copied_share_real_high"]


def test_a_run_can_be_stopped_when_it_copies(
    tmp_path: Path, copier: Path, write_films: Callable[[Path, int], Path]
) -> None:
    table = write_films(tmp_path / "films.csv", 40)
    recipe: dict[str, Any] = COPYING | {"validations": 30}
    stopped = train(
        table,
        out=tmp_path / "model",
        write="plot",
        given="title",
        learning_rate=5e-3,
        stop_when_copying=0.2,
        **recipe,
    ).record
    assert stopped.outcome["copied_share"] >= 0.2
    assert stopped.outcome["step"] < stopped.plan["steps"]
    assert stopped.outcome["best_step"] < stopped.outcome["step"]
    assert stopped.figures["copied_share"] < ModelFolder(copier).read_record().figures["copied_share"]


def test_runs_side_by_side(
    films: Path, labeller: Path, writer: Path, tmp_path: Path, recipes: Recipes
) -> None:
    other = tmp_path / "other"
    train(films, out=other, **(recipes["label"] | {"epochs": 1}))
    out = tmp_path / "compare.html"
    lines = compare(labeller, other, out=out)
    assert lines[0] == "These runs cannot be ranked: 15 test rows are too few to tell."
    assert [line.split("  ")[0] for line in lines[1:]] == [
        str(labeller),
        str(other),
        "the majority guess",
        "TF-IDF with logistic regression",
    ]
    html = out.read_text(encoding="utf-8")
    assert first_line(html).startswith("These runs")
    assert re.search(r"<td>epochs</td>\s*<td[^>]*>2.0</td>\s*<td[^>]*>1.0</td>", html)
    with pytest.raises(RecipeError, match="at least two"):
        compare(labeller)
    with pytest.raises(RecipeError, match="one job"):
        compare(labeller, writer)


def test_runs_judged_on_other_rows_are_not_ranked(
    films: Path, labeller: Path, tmp_path: Path, recipes: Recipes
) -> None:
    train(films, out=tmp_path / "other", **(recipes["label"] | {"epochs": 1, "seed": 5}))
    assert "cannot be ranked" in compare(labeller, tmp_path / "other")[0]
