"""A model folder judged on its own test rows, or on a new table."""

from pathlib import Path
from typing import Any

import numpy as np

from finetable.data.read_table import read_table
from finetable.data.splits import text_hash
from finetable.data.table import Table
from finetable.errors import RecipeError, TableError
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder
from finetable.progress import Progress
from finetable.reporting.summary import rows_judged
from finetable.tasks.task import with_target
from finetable.verb_settings import EvaluateSettings
from finetable.workflow.judging import judge_on
from finetable.workflow.opened import OpenModel, open_model
from finetable.workflow.rows import key_texts, tell_about_table
from finetable.workflow.training_texts import training_index


def evaluate_model(
    path: Path, table: str | None, settings: EvaluateSettings, progress: Progress
) -> dict[str, Any]:
    """Figures with the keys that `evaluate --json` promises; those of the test rows are in the folder.

    Rows of a new table whose text was seen in training are counted (`seen_rows`) and excluded, unless the
    settings include them.
    """
    if table is None:
        if settings.include_seen:
            raise RecipeError("--include-seen is for another table: name one, or leave it out.")
        return ModelFolder(path).read_finished().figures
    model = open_model(path)
    rows = model.folder.read_rows()
    judged, seen = _rows_to_judge(model, rows, table, settings, progress)
    index = training_index(model.task, model.folder, rows)
    learnt_from = seen if settings.include_seen else 0
    progress.say(f"Judging on {rows_judged({'rows': len(judged), 'seen_rows_judged': learnt_from})}")
    figures = judge_on(
        model.task, model.base, model.record, (rows.of("train"), judged), index, settings.batch_size
    )
    if learnt_from and "copying" in figures:
        figures["copying"] = None  # rows learnt from copy themselves, so they are no yardstick
    return {**figures, "seen_rows": seen, "seen_rows_judged": learnt_from}


def _rows_to_judge(
    model: OpenModel, rows: SplitRows, name: str, settings: EvaluateSettings, progress: Progress
) -> tuple[Table, int]:
    table = with_target(model.task, read_table(name, settings.table))
    if model.task.labels:
        known = [
            model.task.answer(cell) in model.task.labels
            for cell in table.texts(model.task.settings.target).to_pylist()
        ]
        table = table.select(np.array(known, dtype=bool), "a label the model does not know")
    # Validation rows chose the best step and the temperature.
    learnt = rows.of("train").hashes() | rows.of("validation").hashes()
    new = np.array([text_hash(key) not in learnt for key in key_texts(table, model.task)], dtype=bool)
    seen = int((~new).sum())
    if not settings.include_seen:
        table = table.select(new, "seen in training")
    tell_about_table(table, progress)
    if not len(table):
        keep = " --include-seen keeps those seen in training." if seen else ""
        raise TableError(f"No row of {name} can be judged; the reasons are above.{keep}")
    return table, seen
