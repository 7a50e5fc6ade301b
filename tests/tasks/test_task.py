from collections.abc import Callable

import numpy as np
import pytest

from finetable.data.examples import Example
from finetable.data.table import SetAside, Table
from finetable.errors import ColumnError, TableError
from finetable.settings import TaskSettings
from finetable.tasks.label import LabelTask
from finetable.tasks.task import FEWEST_EXAMPLES, answers, examples, filled, prompts, with_target
from finetable.tasks.write import WriteTask

MakeTable = Callable[..., Table]

BLANKS = ("", "   ", "\t\n", "\u00a0", None)


def films(make_table: MakeTable, plots: list[str | None]) -> Table:
    return make_table(title=[f"T{row}" for row in range(len(plots))], plot=plots)


def test_rows_become_examples_in_order_with_their_ids(make_table: MakeTable) -> None:
    table = make_table(title=["A", "B", None], year=["1", "", "3"], plot=["p", " q ", "r\n"])
    table = table.take(np.array([2, 0, 1]))
    task = WriteTask(TaskSettings(write="plot", given=("title", "year")))
    assert list(examples(task, table)) == [
        Example(2, "title: \nyear: 3", "r\n"),
        Example(0, "title: A\nyear: 1", "p"),
        Example(1, "title: B\nyear: ", " q "),
    ]


def test_one_given_column_stands_alone(make_table: MakeTable) -> None:
    table = make_table(title=["A", None], plot=["p", "q"])
    assert list(prompts(WriteTask(TaskSettings(write="plot", given=("title",))), table)) == ["A", ""]


def test_without_given_columns_there_are_no_prompts_but_all_answers(make_table: MakeTable) -> None:
    table = make_table(plot=["p", "", "q"])
    task = WriteTask(TaskSettings(write="plot"))
    assert list(prompts(task, table)) == [None, None, None]
    assert list(answers(task, table)) == ["p", "", "q"]


def test_given_columns_stand_in_the_order_asked_for(make_table: MakeTable) -> None:
    table = make_table(title=["A"], year=["1"], plot=["p"])
    task = WriteTask(TaskSettings(write="plot", given=("year", "title")))
    assert list(prompts(task, table)) == ["year: 1\ntitle: A"]


def test_an_answer_is_what_the_task_makes_of_the_cell(make_table: MakeTable) -> None:
    table = make_table(title=["A", "B"], genre=[" drama ", "comedy\n"])
    settings = TaskSettings(label="genre", given=("title",))
    assert list(answers(LabelTask(settings), table)) == ["drama", "comedy"]


@pytest.mark.parametrize("blank", BLANKS, ids=repr)
def test_rows_without_a_target_are_set_aside_with_their_lines(
    make_table: MakeTable, blank: str | None
) -> None:
    table = films(
        make_table, [f"plot {row}" for row in range(6)] + [blank] + [f"p {row}" for row in range(6)]
    )
    kept = with_target(WriteTask(TaskSettings(write="plot")), table)
    assert len(kept) == 12
    assert kept.row_ids.tolist() == [*range(6), *range(7, 13)]
    assert kept.set_aside == (SetAside(6, 8, "no plot"),)


def test_a_table_with_every_target_is_taken_as_it_is(make_table: MakeTable) -> None:
    table = films(make_table, [f"plot {row}" for row in range(FEWEST_EXAMPLES)])
    assert with_target(WriteTask(TaskSettings(write="plot")), table) is table


def test_a_column_of_blanks_is_an_error(make_table: MakeTable) -> None:
    table = films(make_table, [BLANKS[row % 5] for row in range(20)])
    with pytest.raises(TableError) as caught:
        with_target(WriteTask(TaskSettings(write="plot")), table)
    assert str(caught.value) == "Every cell of the column 'plot' in films.csv is empty; name another column."


@pytest.mark.parametrize("count", [0, 1, FEWEST_EXAMPLES - 1])
def test_too_few_rows_are_an_error(make_table: MakeTable, count: int) -> None:
    plots: list[str | None] = [f"plot {row}" for row in range(count)]
    table = films(make_table, [*plots, *([None] * 50 if count else [])])
    with pytest.raises(TableError) as caught:
        with_target(WriteTask(TaskSettings(write="plot")), table)
    assert f"films.csv has {count} row" in str(caught.value)
    assert f"with a plot; at least {FEWEST_EXAMPLES} are needed." in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (TaskSettings(write="polt", given=("title",)), "polt"),
        (TaskSettings(write="plot", given=("title", "yaer")), "yaer"),
    ],
)
def test_a_column_that_is_not_there_is_an_error(
    make_table: MakeTable, settings: TaskSettings, missing: str
) -> None:
    with pytest.raises(ColumnError, match=f"films.csv has no column '{missing}'"):
        with_target(WriteTask(settings), films(make_table, ["p"] * 20))


def test_a_given_column_without_content_is_refused(make_table: MakeTable) -> None:
    table = make_table(title=["", " "] * 10, year=["1", ""] * 10, plot=[f"p{row}" for row in range(20)])
    assert len(with_target(WriteTask(TaskSettings(write="plot", given=("year",))), table)) == 20
    with pytest.raises(TableError, match=r"the given column 'title' in films\.csv is blank"):
        with_target(WriteTask(TaskSettings(write="plot", given=("year", "title"))), table)


def test_few_rows_can_be_judged(make_table: MakeTable) -> None:
    task = WriteTask(TaskSettings(write="plot"))
    assert len(filled(task, films(make_table, ["p", "", "q"]))) == 2
