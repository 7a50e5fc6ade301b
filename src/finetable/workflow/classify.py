"""A table labelled: the same rows, columns and order, with the label, its probability and the runner-up."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.data.table_writer import write_table
from finetable.errors import RecipeError
from finetable.inference.predict import label_rows
from finetable.progress import Progress
from finetable.tasks.label import Choice
from finetable.tasks.task import prompts
from finetable.verb_settings import ClassifySettings
from finetable.wording import are_counted, counted
from finetable.workflow.first_checks import check_classifying
from finetable.workflow.opened import OpenModel, open_model
from finetable.workflow.rows import tell_about_table, warn_of_cut


def classify_table(
    path: Path, table: str, out: Path | None, settings: ClassifySettings, progress: Progress
) -> pa.Table:
    """Label every row of a table; with `out` also write it there.

    Raises RecipeError for a model that writes, ColumnError for a table without the given columns.
    """
    check_classifying(path, table, out)
    model = open_model(path)
    source = read_table(table, settings.table)
    source.require(model.task.settings.given)
    _refuse_taken_names(model, source)
    tell_about_table(source, progress)
    labelled = _labelled(model, source, _choices(model, source, settings, progress))
    if out is not None:
        write_table(out, labelled)
        progress.say(f"Wrote {counted(labelled.num_rows, 'row')} to {out}")
    return labelled


def _choices(
    model: OpenModel, source: Table, settings: ClassifySettings, progress: Progress
) -> Sequence[Choice]:
    asked = list(prompts(model.task, source))
    engine = model.label_engine()
    warn_of_cut(engine.too_long(asked, model.task.labels), source, progress)
    done = 0
    with progress.bar("labelling", len(asked)) as bar:

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            bar.update(done)

        choices = label_rows(
            engine,
            asked,
            model.task.labels,
            model.record.temperature,
            (settings.abstain_below, settings.batch_size),
            count,
        )
    abstained = sum(choice.predicted == "" for choice in choices)
    if abstained:
        progress.say(
            f"{are_counted(abstained, 'prediction')} left empty: "
            f"less probable than {settings.abstain_below:g}"
        )
    return choices


def _names(model: OpenModel) -> tuple[str, str, str]:
    target = model.task.settings.target
    return f"{target}_predicted", f"{target}_probability", f"{target}_runner_up"


def _refuse_taken_names(model: OpenModel, source: Table) -> None:
    taken = [name for name in _names(model) if name in source.column_names]
    if taken:
        raise RecipeError(
            f"{source.name} has a column {taken[0]!r} already, which would be overwritten; rename it first."
        )


def _labelled(model: OpenModel, source: Table, choices: Sequence[Choice]) -> pa.Table:
    added = (
        pa.array([choice.predicted for choice in choices], pa.large_string()),
        pa.array([round(choice.probability, 6) for choice in choices], pa.float64()),
        pa.array([choice.runner_up for choice in choices], pa.large_string()),
    )
    labelled = source.columns
    for name, column in zip(_names(model), added, strict=True):
        labelled = labelled.append_column(name, column)
    return labelled
