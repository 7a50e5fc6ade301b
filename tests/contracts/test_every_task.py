"""What holds for every task, whatever is done with its answers."""

from collections.abc import Callable
from typing import get_args

import pytest

from finetable.catalog import task_of
from finetable.data.table import Table
from finetable.errors import ColumnError, TableError
from finetable.settings import TaskName, TaskSettings
from finetable.tasks.task import Task, examples

MakeTable = Callable[..., Table]

SETTINGS: dict[TaskName, TaskSettings] = {
    "write": TaskSettings(write="target", given=("title",)),
    "label": TaskSettings(label="target", given=("title",)),
}


@pytest.fixture(params=get_args(TaskName))
def task(request: pytest.FixtureRequest) -> Task:
    return task_of(SETTINGS[request.param])


def table_of(make_table: MakeTable, targets: list[str | None]) -> Table:
    return make_table(title=[f"T{row}" for row in range(len(targets))], target=targets)


def test_every_name_has_a_task_that_keeps_its_settings() -> None:
    assert set(SETTINGS) == set(get_args(TaskName))
    for name, settings in SETTINGS.items():
        assert settings.name == name
        assert task_of(settings).settings == settings


def test_nothing_is_dropped_without_its_line_and_a_reason(task: Task, make_table: MakeTable) -> None:
    table = table_of(make_table, ["drama", "comedy", None, " "] * 6)
    kept = task.learnable(table)
    assert len(kept) + len(kept.set_aside) == len(table)
    ids = {*kept.row_ids.tolist(), *(row.row_id for row in kept.set_aside)}
    assert ids == set(table.row_ids.tolist())
    assert all(row.line == table.lines[row.row_id] and row.reason for row in kept.set_aside)


def test_what_is_kept_becomes_examples_with_an_answer_each(task: Task, make_table: MakeTable) -> None:
    kept = task.learnable(table_of(make_table, ["drama", "comedy", None] * 6))
    made = list(examples(task, kept))
    assert [example.row_id for example in made] == kept.row_ids.tolist()
    assert [example.prompt for example in made] == [f"T{row_id}" for row_id in kept.row_ids]
    assert all(example.answer.strip() for example in made)
    if task.labels:
        assert {example.answer for example in made} == set(task.labels)


def test_what_is_kept_once_is_kept_again(task: Task, make_table: MakeTable) -> None:
    kept = task.learnable(table_of(make_table, ["drama", "comedy", None] * 6))
    again = task.learnable(kept)
    assert again.row_ids.tolist() == kept.row_ids.tolist()
    assert again.set_aside == kept.set_aside


@pytest.mark.parametrize(
    "targets",
    [[], ["drama", "comedy"], ["drama"] * 20, [None] * 20, [" ", ""] * 10],
    ids=["no rows", "too few", "all the same", "missing", "blank"],
)
def test_what_cannot_teach_is_an_error_of_one_sentence(
    task: Task, make_table: MakeTable, targets: list[str | None]
) -> None:
    with pytest.raises(TableError) as caught:
        task.learnable(table_of(make_table, targets))
    assert "films.csv" in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("column", ["title", "target"])
def test_a_missing_column_is_named(task: Task, make_table: MakeTable, column: str) -> None:
    table = table_of(make_table, ["drama", "comedy"] * 8)
    with pytest.raises(ColumnError, match=f"no column '{column}'"):
        task.learnable(Table(**{**vars(table), "columns": table.columns.drop_columns([column])}))
