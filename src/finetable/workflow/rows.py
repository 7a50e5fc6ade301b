"""From a table to rows frozen with their splits."""

from collections.abc import Sequence

import numpy as np

from finetable.data.column_names import find_column, find_columns
from finetable.data.column_texts import ColumnTexts
from finetable.data.folding import words
from finetable.data.splits import group_rows, near_groups, split_by_column, split_rows, text_hash
from finetable.data.table import Table, set_aside_lines
from finetable.frozen_rows import SplitRows, freeze_rows
from finetable.progress import Progress
from finetable.settings import Recipe, TaskSettings
from finetable.tasks.task import Rows, Task, prompts
from finetable.wording import are_counted, counted, on_lines

SEEN = ("train", "validation")
LONG_ENOUGH_TO_BE_A_TEXT = 5
"""Words from which a cell of a given column is a text that may not stand on two sides."""


def named_columns(task: TaskSettings, table: Table) -> TaskSettings:
    """The task with the names that the columns have in the table."""
    there = table.column_names
    found: dict[str, object] = {"given": tuple(find_columns(task.given, there))}
    for job in ("write", "label"):
        name = getattr(task, job)
        found[job] = None if name is None else find_column(name, there)
    return task.model_copy(update=found)


def frozen_rows(table: Table, task: Task, recipe: Recipe) -> tuple[SplitRows, int]:
    """The learnable rows with their splits, and how many rows a split column had on two sides.

    Rows with equal or nearly equal texts stay together: the target of a writer, the given columns of a
    labeller, and any longer text among the given columns.
    """
    settings = task.settings
    keys = key_texts(table, task)
    groups = group_rows([keys, *(_long_texts(table, name) for name in settings.given)])
    groups = near_groups(keys, groups)
    moved = 0
    if recipe.data.split_column:
        splits, moved = split_by_column(table.texts(recipe.data.split_column).to_pylist(), groups)
    else:
        labels = None
        if settings.name == "label":
            labels = [task.answer(cell) for cell in table.texts(settings.target).to_pylist()]
        splits = split_rows(groups, labels, recipe.seed)
    hashes = [text_hash(key) for key in keys]
    return freeze_rows(table, [settings.target, *settings.given], splits, hashes), moved


def key_texts(table: Table, task: Task) -> Sequence[str]:
    """The text that makes a row the same as another: what is written, or what a label is read from."""
    if task.settings.name == "write":
        return ColumnTexts(table.texts(task.settings.target))
    return [prompt or "" for prompt in prompts(task, table)]


def are_new(table: Table, task: Task, rows: SplitRows) -> np.ndarray:
    """Which rows of a table a model has not seen, bool (rows,), by the rule that keeps splits apart.

    Seen are the rows that it learnt from, and those that chose its best step and its temperature.
    """
    known = rows.of("train").hashes() | rows.of("validation").hashes()
    new = np.array([text_hash(key) not in known for key in key_texts(table, task)], dtype=bool)
    for name in task.settings.given:
        seen = {text_hash(cell) for split in SEEN for cell in _long_texts(rows.of(split), name) if cell}
        cells = _long_texts(table, name)
        new &= np.array([not cell or text_hash(cell) not in seen for cell in cells], dtype=bool)
    return new


def _long_texts(rows: Rows, column: str) -> list[str]:
    cells = ColumnTexts(rows.texts(column))
    return [cell if len(words(cell)) >= LONG_ENOUGH_TO_BE_A_TEXT else "" for cell in cells]


def tell_about_table(table: Table, progress: Progress) -> None:
    """Say how a table was read and which rows were set aside."""
    progress.say(f"Read {table.name}: {table.format.describe()}")
    for note in table.notes:
        progress.say(note)
    taken, aside = len(table), len(table.set_aside)
    progress.say(counted(taken, "row") + (f", {aside:,} set aside:" if aside else ", none set aside"))
    for line in set_aside_lines(table.set_aside):
        progress.warn(f"  {line}")


def warn_of_cut(places: Sequence[int], table: Table, progress: Progress) -> None:
    """Say which rows of a table a model could not read to their end."""
    if places:
        lines = on_lines([int(table.lines[place]) for place in places])
        progress.warn(
            f"{are_counted(len(places), 'row')} longer than the model can see; the end of the text was not "
            f"read ({lines})"
        )


def share_of_splits(rows: SplitRows) -> dict[str, int]:
    """How many rows each split has."""
    names, counts = np.unique(np.asarray(rows.columns["split"].to_pylist()), return_counts=True)
    found = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return {name: found.get(name, 0) for name in ("train", "validation", "test")}
