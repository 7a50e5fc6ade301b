"""What every task can do: a row becomes an example, and an engine's answer becomes columns."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pyarrow as pa

from finetable.data.examples import Example, prompt_of
from finetable.data.table import Table
from finetable.errors import TableError
from finetable.settings import TaskSettings
from finetable.wording import counted

FEWEST_EXAMPLES = 10


class Task(Protocol):
    """A job: which rows can teach it, and what an example of it is."""

    settings: TaskSettings
    labels: tuple[str, ...]
    """The closed set of answers, empty where answers are free."""

    def learnable(self, table: Table) -> Table:
        """The rows that can be learnt from, the others set aside with a reason.

        Raises TableError where what is left cannot teach this task.
        """

    def answer(self, target: str) -> str:
        """The answer that a target cell stands for."""


class Rows(Protocol):
    """Rows of a table or of a model folder."""

    @property
    def row_ids(self) -> np.ndarray:
        """Stable number of each row, int64 (rows,)."""

    def texts(self, column: str) -> pa.ChunkedArray:
        """The texts of a column; a missing one is empty."""


def examples(task: Task, rows: Rows) -> Iterator[Example]:
    """Each row as an example, in order, without holding the rows as Python objects."""
    for row_id, prompt, answer in zip(rows.row_ids, prompts(task, rows), answers(task, rows), strict=True):
        yield Example(int(row_id), prompt, answer)


def prompts(task: Task, rows: Rows) -> Iterator[str | None]:
    """The prompt of each row, in order."""
    given = task.settings.given
    if not given:
        yield from (None for _ in rows.row_ids)
        return
    for values in zip(*(rows.texts(name) for name in given), strict=True):
        yield prompt_of(given, [value.as_py() for value in values])


def answers(task: Task, rows: Rows) -> Iterator[str]:
    """The answer of each row, in order."""
    for target in rows.texts(task.settings.target):
        yield task.answer(target.as_py())


def filled(task: Task, table: Table) -> Table:
    """The rows whose target is not blank."""
    target = task.settings.target
    table.require([target, *task.settings.given])
    full = np.array([value.as_py().strip() != "" for value in table.texts(target)], dtype=bool)
    return table.select(full, f"no {target}")


def with_target(task: Task, table: Table) -> Table:
    """The rows to learn from: those whose target is not blank; raises TableError where too few are left."""
    target = task.settings.target
    kept = filled(task, table)
    if len(table) and not len(kept):
        raise TableError(
            f"Every cell of the column {target!r} in {table.name} is empty; name another column."
        )
    for name in task.settings.given:
        if len(kept) and not any(cell.as_py().strip() for cell in kept.texts(name)):
            raise TableError(
                f"Every cell of the given column {name!r} in {table.name} is blank; take it out of --given."
            )
    if len(kept) < FEWEST_EXAMPLES:
        raise TableError(
            f"{table.name} has {counted(len(kept), 'row')} with a {target}; "
            f"at least {FEWEST_EXAMPLES} are needed."
        )
    return kept
