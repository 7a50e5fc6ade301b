"""A model calibrated and judged on rows frozen in its folder."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from finetable.catalog import engine_of, label_engine_of
from finetable.data.column_texts import ColumnTexts
from finetable.data.copies import Copy, CopyIndex
from finetable.data.probabilities import fit_temperature, softmax
from finetable.evaluation.evaluate import Judged, JudgedLabels, JudgedTexts, judge_labels, judge_texts
from finetable.frozen_rows import SplitRows
from finetable.inference.engine import Engine, LabelEngine
from finetable.inference.predict import score_in_pieces
from finetable.model_folder import Details, Record
from finetable.models.base_model import BaseModel
from finetable.progress import Progress
from finetable.tasks.task import Rows, Task, answers, prompts
from finetable.wording import counted

BATCH = 64
ENCODED_AT_ONCE = 1_000
Asked = tuple[list[str | None], list[str]]
"""Prompts and answers of rows that are judged beside others."""


def judge_run(
    task: Task, base: BaseModel, record: Record, rows: SplitRows, index: CopyIndex | None, progress: Progress
) -> tuple[Record, Details]:
    """The record with calibration and figures of the test rows, and what the figures were computed from.

    `index` holds the training texts of a writer; None for a labeller.
    """
    engine = engine_of("torch", base, record.longest_prompt, record.longest_answer)
    test = rows.of("test")
    if index is None:
        labels = _judged_labels(task, rows.of("train"), test)
        _say(labels, progress)
        return _labelled(task, label_engine_of(base, engine), record, rows, labels)
    judged = _judged_texts(task, rows.texts_of("train", task.settings.target), test)
    _say(judged, progress)
    validation = rows.of("validation")
    asked = (list(prompts(task, validation)), list(answers(task, validation)))
    return _written(engine, base, record, rows, (judged, index, asked))


def judge_on(
    task: Task,
    base: BaseModel,
    record: Record,
    rows: tuple[Rows, Rows],
    index: CopyIndex | None,
    batch_size: int,
) -> dict[str, Any]:
    """Figures on any rows that were not trained on; `rows` are those trained on and those to judge on."""
    engine = engine_of("torch", base, record.longest_prompt, record.longest_answer)
    train, test = rows
    if index is None:
        labels = _judged_labels(task, train, test)
        return judge_labels(
            label_engine_of(base, engine), labels, task.labels, record.temperature, batch_size
        ).figures
    judged = _judged_texts(task, ColumnTexts(train.texts(task.settings.target)), test)
    return judge_texts(engine, judged, index, _tokens(base, judged.answers), batch_size).figures


def _judged_texts(task: Task, train_answers: Sequence[str], test: Rows) -> Judged:
    return Judged(list(prompts(task, test)), list(answers(task, test)), train_answers)


def _judged_labels(task: Task, train: Rows, test: Rows) -> Judged:
    return Judged(
        prompts=list(prompts(task, test)),
        answers=list(answers(task, test)),
        train_answers=list(answers(task, train)),
        train_prompts=list(prompts(task, train)),
    )


def _tokens(base: BaseModel, texts: Sequence[str]) -> list[int]:
    encoder = base.encoder()
    return [
        len(ids)
        for first in range(0, len(texts), ENCODED_AT_ONCE)
        for ids in encoder.answers(texts[first : first + ENCODED_AT_ONCE])
    ]


def _labelled(
    task: Task, engine: LabelEngine, record: Record, rows: SplitRows, judged: Judged
) -> tuple[Record, Details]:
    """Calibrate: the temperature under which the labels of the validation rows are likeliest true."""
    validation = rows.of("validation")
    place = {label: code for code, label in enumerate(task.labels)}
    truth = np.array([place[answer] for answer in answers(task, validation)])
    asked = list(prompts(task, validation))
    scores = np.concatenate(list(score_in_pieces(engine, asked, task.labels, BATCH)))
    temperature = fit_temperature(scores, truth)
    found: JudgedLabels = judge_labels(engine, judged, task.labels, temperature, BATCH)
    probabilities = np.concatenate([softmax(scores, temperature), found.probabilities])
    details = pa.table(
        {
            **_identity(validation, rows.of("test")),
            "truth": pa.array(np.concatenate([truth, found.truth])),
            "probabilities": pa.array(list(probabilities), pa.list_(pa.float64())),
        }
    )
    return record.model_copy(update={"temperature": temperature, "figures": found.figures}), Details(details)


def _written(
    engine: Engine,
    base: BaseModel,
    record: Record,
    rows: SplitRows,
    judged: tuple[Judged, CopyIndex, Asked],
) -> tuple[Record, Details]:
    test, index, validation = judged
    found: JudgedTexts = judge_texts(engine, test, index, _tokens(base, test.answers), BATCH)
    nats = -engine.score(*validation, BATCH)
    sizes = np.array([len(answer.encode()) for answer in validation[1]], dtype=np.int64)
    copies = index.look_up(validation[1])
    details = pa.table(
        {
            **_identity(rows.of("validation"), rows.of("test")),
            "nats": pa.array(np.concatenate([nats, found.nats])),
            "bytes": pa.array(np.concatenate([sizes, found.bytes])),
            "tokens": pa.array(_tokens(base, validation[1]) + _tokens(base, test.answers), pa.int64()),
            **_copy_columns([*copies, *found.copies]),
        }
    )
    written = pa.table(
        {"text": pa.array(found.written, pa.large_string()), **_copy_columns(found.written_copies)}
    )
    return record.model_copy(update={"figures": found.figures}), Details(details, written)


def _identity(validation: SplitRows, test: SplitRows) -> dict[str, pa.Array]:
    splits = ["validation"] * len(validation) + ["test"] * len(test)
    return {
        "row_id": pa.array(np.concatenate([validation.row_ids, test.row_ids])),
        "split": pa.array(splits, pa.string()),
    }


def _copy_columns(copies: Sequence[Copy]) -> dict[str, pa.Array]:
    """What each text copies; rows are places among the training texts."""
    columns = [asdict(copy) for copy in copies]
    kinds = {"words": pa.int64(), "row": pa.int64(), "start": pa.int64(), "nearest_row": pa.int64()}
    kinds["whole"] = pa.bool_()
    return {f"copy_{name}": pa.array([copy[name] for copy in columns], kind) for name, kind in kinds.items()}


def _say(judged: Judged, progress: Progress) -> None:
    progress.say(f"Judging on {counted(len(judged.answers), 'row')} the model never saw")
