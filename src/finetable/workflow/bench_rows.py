"""The rows of a comparison: one split for all, and in its test rows nothing that a contestant learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetable.bench_settings import BenchSettings
from finetable.catalog import task_of
from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.errors import TableError
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder
from finetable.progress import Progress
from finetable.record import Record
from finetable.settings import Recipe
from finetable.tasks.task import Task, answers
from finetable.wording import are_counted, counted
from finetable.workflow.rows import are_new, frozen_rows, named_columns, tell_about_table


@dataclass(frozen=True, eq=False)
class BenchRows:
    """Rows to learn or to take examples from, and rows to be judged on."""

    task: Task
    train: Table
    test: Table

    def truth(self) -> NDArray[np.int64]:
        """Places of the test rows' labels among the task's, int64 (N,)."""
        place = {label: code for code, label in enumerate(self.task.labels)}
        return np.array([place[answer] for answer in answers(self.task, self.test)], dtype=np.int64)


def bench_rows(name: str, settings: BenchSettings, folders: Sequence[Path], progress: Progress) -> BenchRows:
    """The rows on which all contestants are judged.

    A model folder that was trained on this very table has frozen a split of it, which is taken; otherwise
    the table is split as `train` splits it. Test rows that any of the folders learnt from are left out for
    everybody, and counted.
    """
    source = read_table(name, settings.table)
    task = task_of(named_columns(settings.task, source))
    table = task.learnable(source)
    tell_about_table(table, progress)
    opened = [(path, ModelFolder(path).read_finished()) for path in folders]
    frozen = _frozen(table, task, settings, opened)
    train, test = (_of_split(table, frozen, split) for split in ("train", "test"))
    for path, record in opened:
        test = _unseen(test, path, record, progress)
    if not len(test):
        raise TableError(f"No test row of {name} is left that none of the models learnt from.")
    if settings.rows is not None and settings.rows < len(test):
        drawn = np.random.default_rng(settings.seed).choice(len(test), settings.rows, replace=False)
        test = test.take(np.sort(drawn))
    progress.say(
        f"Judging on {counted(len(test), 'test row')}; {len(train):,} to learn or take examples from"
    )
    return BenchRows(task, train, test)


def _frozen(
    table: Table, task: Task, settings: BenchSettings, opened: Sequence[tuple[Path, Record]]
) -> SplitRows:
    for path, record in opened:
        if (
            record.table_fingerprint == table.fingerprint
            and record.recipe.task.target == task.settings.target
        ):
            return ModelFolder(path).read_rows()
    recipe = Recipe(task=task.settings, table=settings.table, seed=settings.seed)
    return frozen_rows(table, task, recipe)[0]


def _of_split(table: Table, frozen: SplitRows, split: str) -> Table:
    return table.take(np.flatnonzero(np.isin(table.row_ids, frozen.of(split).row_ids)))


def _unseen(test: Table, path: Path, record: Record, progress: Progress) -> Table:
    """The rows whose text a model did not learn from, nor choose its best step by."""
    task = task_of(record.recipe.task, record.labels)
    is_new = are_new(test, task, ModelFolder(path).read_rows())
    if not is_new.all():
        seen = are_counted(int((~is_new).sum()), "test row", ("was", "were"))
        progress.warn(f"{seen} learnt from by {path}: left out for all contestants")
    return test.take(np.flatnonzero(is_new))
