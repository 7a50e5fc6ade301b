"""Figures: of the frozen test rows, and of a new table without what was seen in training."""

from pathlib import Path

import pytest

from finetable.errors import RecipeError, TableError
from finetable.model_folder import ModelFolder
from finetable.verbs import evaluate

from .listener import Listener

NEW = [
    "New 1,love,a lonely pilot writes a tender letter beside the quiet lake",
    "New 2,crime,a retired judge steals a painting from the palace",
    "New 3,horror,three students find a cursed mirror under the theatre",
]


def test_figures_of_the_frozen_rows(writer: Path, labeller: Path) -> None:
    label, write = evaluate(labeller), evaluate(writer)
    assert label["rows"] == write["rows"] == 15
    assert {"task", "rows", "best", "baselines", "accuracy", "accuracy_low", "accuracy_high"} <= set(label)
    assert {"macro_f1", "calibration_error", "per_class", "confusion"} <= set(label)
    assert {"cross_entropy_nats", "perplexity", "bits_per_byte"} <= set(write)
    assert {"copied_words_median", "copied_words_median_real"} <= set(write)
    assert label["accuracy_low"] <= label["accuracy"] <= label["accuracy_high"]
    assert write["bits_per_byte_low"] <= write["bits_per_byte"] <= write["bits_per_byte_high"]


def test_rows_seen_in_training_are_counted_and_left_out(labeller: Path, films: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    header, *old = films.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([header, *NEW, *old, *NEW[:0]]) + "\n", encoding="utf-8")
    figures = evaluate(labeller, table)
    splits = ModelFolder(labeller).read_record().splits
    # Those that chose the best step and the temperature were seen, too.
    seen = splits["train"] + splits["validation"]
    assert figures["seen_rows"] == seen
    assert figures["rows"] == 153 - seen
    assert evaluate(labeller, table, include_seen=True)["rows"] == 153


def test_nothing_but_seen_rows_is_a_fault(labeller: Path, tmp_path: Path) -> None:
    rows = ModelFolder(labeller).read_rows().of("train")
    names = ("title", "genre", "plot")
    lines = zip(*(rows.texts(name).to_pylist() for name in names), strict=True)
    table = tmp_path / "seen.csv"
    table.write_text(
        "\n".join([",".join(names), *(",".join(line) for line in lines)]) + "\n", encoding="utf-8"
    )
    with pytest.raises(TableError, match="--include-seen"):
        evaluate(labeller, table)
    with pytest.raises(RecipeError, match="are for another table"):
        evaluate(labeller, include_seen=True)


def test_why_no_row_can_be_judged_is_told(labeller: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    names = ("Love", "CRIME", "Horror")
    lines = [f"New {number},{names[number % 3]},a nurse hides {number} letters" for number in range(12)]
    table.write_text("\n".join(["title,genre,plot", *lines]) + "\n", encoding="utf-8")
    told = Listener()
    with pytest.raises(TableError) as caught:
        evaluate(labeller, table, progress=told)
    assert str(caught.value) == f"No row of {table} can be judged; the reasons are above."
    assert any("12 × a label the model does not know" in line for line in told.lines)
