"""A model calibrated and judged on rows frozen in its folder."""

from typing import Any

import numpy as np

from finetable.catalog import engine_of
from finetable.data.copies import CopyIndex
from finetable.data.probabilities import fit_temperature
from finetable.evaluation.evaluate import Judged, judge_labels, judge_texts
from finetable.model_folder import Record, SplitRows
from finetable.models.base_model import BaseModel
from finetable.progress import Progress
from finetable.tasks.task import Rows, Task, answers, prompts

BATCH = 64


def calibrate(task: Task, base: BaseModel, record: Record, rows: SplitRows) -> float:
    """The temperature under which the label probabilities of the validation rows are likeliest true."""
    validation = rows.of("validation")
    engine = engine_of("torch", base, record.longest_prompt, record.longest_answer)
    place = {label: code for code, label in enumerate(task.labels)}
    truth = np.array([place[answer] for answer in answers(task, validation)])
    return fit_temperature(engine.score_labels(list(prompts(task, validation)), task.labels, BATCH), truth)


def judge(task: Task, base: BaseModel, record: Record, rows: SplitRows, progress: Progress) -> dict[str, Any]:
    """Figures on the test rows."""
    return judge_on(task, base, record, rows.of("train"), rows.of("test"), progress)


def judge_on(
    task: Task, base: BaseModel, record: Record, train: Rows, test: Rows, progress: Progress
) -> dict[str, Any]:
    """Figures on any rows that were not trained on."""
    engine = engine_of("torch", base, record.longest_prompt, record.longest_answer)
    rows = Judged(
        prompts=list(prompts(task, test)),
        answers=list(answers(task, test)),
        train_prompts=list(prompts(task, train)),
        train_answers=list(answers(task, train)),
    )
    progress.say(f"Judging on {len(rows.answers):,} rows the model never saw")
    if task.settings.name == "label":
        return judge_labels(engine, rows, task.labels, record.temperature, BATCH)
    tokens = [len(ids) for ids in base.encoder().answers(rows.answers)]
    return judge_texts(engine, rows, CopyIndex.build(rows.train_answers), tokens, BATCH)
