"""A model folder judged on its own test rows, or on a new table."""

from pathlib import Path
from typing import Any

import numpy as np

from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.errors import TableError
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder
from finetable.progress import Progress
from finetable.reporting.summary import rows_judged
from finetable.tasks.task import filled, prompts
from finetable.verb_settings import EvaluateSettings
from finetable.workflow.first_checks import check_evaluating
from finetable.workflow.judging import judge_on
from finetable.workflow.opened import OpenModel, open_model
from finetable.workflow.rows import are_new, tell_about_table, warn_of_cut
from finetable.workflow.training_texts import training_index


def evaluate_model(
    path: Path, table: str | None, settings: EvaluateSettings, progress: Progress
) -> dict[str, Any]:
    """Figures with the keys that `evaluate --json` promises; those of the test rows are in the folder.

    Rows of a new table whose text was seen in training are counted (`seen_rows`) and excluded, unless the
    settings include them.
    """
    check_evaluating(table, settings)
    if table is None:
        return ModelFolder(path).read_finished().figures
    model = open_model(path)
    rows = model.folder.read_rows()
    judged, seen = _rows_to_judge(model, rows, table, settings, progress)
    index = training_index(model.task, model.folder, rows)
    learnt_from = seen if settings.include_seen else 0
    progress.say(f"Judging on {rows_judged({'rows': len(judged), 'seen_rows_judged': learnt_from})}")
    if model.task.labels:
        cut = model.engine().too_long(list(prompts(model.task, judged)), model.task.labels)
        warn_of_cut(cut, judged, progress)
    figures = judge_on(
        model.task, model.base, model.record, (rows.of("train"), judged), index, settings.batch_size
    )
    if learnt_from and "copying" in figures:
        figures["copying"] = None  # rows learnt from copy themselves, so they are no yardstick
    return {**figures, "seen_rows": seen, "seen_rows_judged": learnt_from}


def _rows_to_judge(
    model: OpenModel, rows: SplitRows, name: str, settings: EvaluateSettings, progress: Progress
) -> tuple[Table, int]:
    table = filled(model.task, read_table(name, settings.table))
    if model.task.labels:
        known = [
            model.task.answer(cell) in model.task.labels
            for cell in table.texts(model.task.settings.target).to_pylist()
        ]
        table = table.select(np.array(known, dtype=bool), "a label the model does not know")
    new = are_new(table, model.task, rows)
    seen = int((~new).sum())
    if not settings.include_seen:
        table = table.select(new, "seen in training")
    tell_about_table(table, progress)
    if not len(table):
        keep = " --include-seen keeps those seen in training." if seen else ""
        raise TableError(f"No row of {name} can be judged; the reasons are above.{keep}")
    return table, seen
