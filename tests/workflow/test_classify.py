"""A labelled table: the same rows in order, probabilities, abstaining."""

from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from finetable.errors import ColumnError, RecipeError
from finetable.progress import Silent
from finetable.verbs import classify


def test_same_rows_in_order_with_three_columns_more(labeller: Path, films: Path) -> None:
    labelled = classify(labeller, films)
    assert labelled.column_names[:3] == ["title", "genre", "plot"]
    assert labelled.column_names[3:] == ["genre_predicted", "genre_probability", "genre_runner_up"]
    assert labelled["title"].to_pylist() == [f"Film {number}" for number in range(150)]
    for row in labelled.to_pylist():
        assert {row["genre_predicted"], row["genre_runner_up"]} < {"crime", "love", "horror"}
        assert 1 / 3 <= row["genre_probability"] <= 1


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_probabilities_do_not_depend_on_the_batch_size(labeller: Path, films: Path, batch_size: int) -> None:
    one, other = classify(labeller, films, batch_size=13), classify(labeller, films, batch_size=batch_size)
    assert one["genre_predicted"].to_pylist() == other["genre_predicted"].to_pylist()
    first, second = (np.array(table["genre_probability"].to_pylist()) for table in (one, other))
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_abstaining_leaves_the_prediction_empty(labeller: Path, films: Path) -> None:
    rows = classify(labeller, films, abstain_below=0.4).to_pylist()
    for row in rows:
        assert (row["genre_predicted"] == "") == (row["genre_probability"] < 0.4)


class Unworked(Silent):
    """Sees no row labelled."""

    def bar(self, name: str, total: float) -> NoReturn:
        raise AssertionError(f"{name} {total:g} rows was begun")


def test_faults(labeller: Path, writer: Path, films: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="not to label"):
        classify(writer, films)
    missing = tmp_path / "missing.csv"
    missing.write_text("title,plott\nA,b\n", encoding="utf-8")
    with pytest.raises(ColumnError, match="plott"):
        classify(labeller, missing)
    taken = tmp_path / "taken.csv"
    taken.write_text("title,plot,genre_predicted\nA,b,c\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="genre_predicted"):
        classify(labeller, taken, progress=Unworked())
