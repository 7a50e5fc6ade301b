from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finetable.data.table import Table
from finetable.errors import TableError
from finetable.settings import TaskSettings
from finetable.tasks.label import MOST_LABELS, Choice, LabelTask, choose

MakeTable = Callable[..., Table]

SETTINGS = TaskSettings(label="genre", given=("title",))
LABELS = ("comedy", "drama", "science", "western", "été")


def films(make_table: MakeTable, genres: list[str | None]) -> Table:
    return make_table(title=[f"T{row}" for row in range(len(genres))], genre=genres)


def test_labels_are_the_closed_set_of_what_stands_in_the_column(make_table: MakeTable) -> None:
    genres: list[str | None] = ["western", " drama", "drama ", "\tcomedy\n", "", "été", None, "Drama"] * 3
    task = LabelTask(SETTINGS)
    kept = task.learnable(films(make_table, genres))
    assert task.labels == ("Drama", "comedy", "drama", "western", "été")
    assert len(kept) == 18
    assert [row.line for row in kept.set_aside] == [6, 8, 14, 16, 22, 24]
    assert {row.reason for row in kept.set_aside} == {"no genre"}
    assert {task.answer(cell.as_py()) for cell in kept.texts("genre")} == set(task.labels)


def test_labels_of_a_folder_are_known_at_once() -> None:
    assert LabelTask(SETTINGS, ["b", "a"]).labels == ("b", "a")
    assert LabelTask(SETTINGS).labels == ()


@pytest.mark.parametrize("genres", [["drama"] * 20, ["drama", " drama", "drama\n", ""] * 5])
def test_one_label_only_is_an_error(make_table: MakeTable, genres: list[str | None]) -> None:
    with pytest.raises(TableError) as caught:
        LabelTask(SETTINGS).learnable(films(make_table, genres))
    assert str(caught.value) == "Every row of films.csv has the genre 'drama'; two labels are needed."


def test_a_label_that_stands_once_is_an_error_with_its_line(make_table: MakeTable) -> None:
    genres: list[str | None] = [None, "drama", "comedy"] * 6
    genres[9] = " western "
    with pytest.raises(TableError) as caught:
        LabelTask(SETTINGS).learnable(films(make_table, genres))
    assert str(caught.value) == (
        "The genre 'western' (films.csv, line 11) has only one row, which cannot be both learnt from and "
        "judged on; add rows, or empty the cell."
    )


def test_several_labels_that_stand_once_are_counted(make_table: MakeTable) -> None:
    genres: list[str | None] = [*["drama", "comedy"] * 8, "zombie", "crime", "western"]
    with pytest.raises(TableError, match=r"The genre 'crime' \(films.csv, line 19\) and 2 more labels ha"):
        LabelTask(SETTINGS).learnable(films(make_table, genres))


def test_too_many_labels_are_an_error_that_names_the_other_task(make_table: MakeTable) -> None:
    genres: list[str | None] = [f"g{row // 2}" for row in range(2 * MOST_LABELS + 2)]
    with pytest.raises(TableError) as caught:
        LabelTask(SETTINGS).learnable(films(make_table, genres))
    assert str(caught.value) == (
        "The column 'genre' of films.csv has 1,001 different values; at most 1,000 labels are possible. "
        "Free text is learnt with --write genre."
    )
    task = LabelTask(SETTINGS)
    task.learnable(films(make_table, genres[:-2]))
    assert len(task.labels) == MOST_LABELS


def test_labels_that_differ_in_case_or_form_are_different(make_table: MakeTable) -> None:
    task = LabelTask(SETTINGS)
    task.learnable(films(make_table, ["Drama", "drama", "e\u0301te", "éte"] * 4))
    assert len(task.labels) == 4


def test_equal_probabilities_go_to_the_label_that_stands_first() -> None:
    probabilities = np.array([[0.1, 0.3, 0.3, 0.2, 0.1], [0.2] * 5])
    assert choose(LABELS, probabilities, 0.0) == [
        Choice("drama", 0.3, "science"),
        Choice("comedy", 0.2, "drama"),
    ]


def test_a_prediction_below_the_bar_is_empty_and_one_at_the_bar_is_not() -> None:
    probabilities = np.array([[0.5, 0.25, 0.25, 0, 0], [0.49, 0.51, 0, 0, 0]])
    assert choose(LABELS, probabilities, 0.5) == [
        Choice("comedy", 0.5, "drama"),
        Choice("drama", 0.51, "comedy"),
    ]
    assert [choice.predicted for choice in choose(LABELS, probabilities, 0.505)] == ["", "drama"]
    assert [choice.runner_up for choice in choose(LABELS, probabilities, 1.0)] == ["drama", "comedy"]


@given(
    arrays(
        np.float64, st.tuples(st.integers(0, 4), st.integers(2, 5)), elements=st.sampled_from([0.1, 0.2, 0.4])
    )
)
def test_choices_are_those_of_a_slow_search(probabilities: np.ndarray) -> None:
    labels = LABELS[: probabilities.shape[1]]
    expected = []
    for row in probabilities.tolist():
        ranked = sorted(zip(row, labels, strict=True), key=lambda pair: -pair[0])
        (best, predicted), (_, runner_up) = ranked[0], ranked[1]
        expected.append(Choice(predicted if best >= 0.2 else "", best, runner_up))
    assert choose(labels, probabilities, 0.2) == expected
