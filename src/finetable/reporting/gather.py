"""From a model folder, or from the profile of a table, to what figures are drawn from."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finetable.data.column_texts import ColumnTexts
from finetable.data.copies import Copy
from finetable.data.folding import text_hash, words
from finetable.data.lengths import Lengths
from finetable.data.profile import Profile
from finetable.data.topics import word_counts
from finetable.frozen_rows import SplitRows
from finetable.model_folder import Details, ModelFolder, Record
from finetable.reporting.findings import (
    Findings,
    LabelFindings,
    RunFindings,
    TableFindings,
    TextFindings,
    Validation,
)


def findings_of_folder(folder: ModelFolder, record: Record) -> Findings:
    """Everything that a model folder knows; raises ModelFolderError where a file of it is damaged."""
    rows, details = folder.read_rows(), folder.read_details()
    test = SplitDetails(details.judged, "test")
    is_label = record.recipe.task.name == "label"
    return Findings(
        table=_table(record, rows),
        run=run_findings(folder, record, details),
        label=_label(record, test) if is_label else None,
        text=None if is_label else _text(record, rows, details, test),
    )


def findings_of_profile(profile: Profile) -> Findings:
    """What was found in a table."""
    return Findings(
        table=TableFindings(
            lengths=profile.lengths,
            labels=profile.labels,
            word_counts=profile.word_counts,
            rows=profile.rows,
            duplicates=len(profile.duplicates),
            near_duplicates=len(profile.near_duplicates),
            topics=profile.topics,
        )
    )


class SplitDetails:
    """The judged rows, or those of one split: their columns as arrays."""

    def __init__(self, judged: pa.Table, split: str | None = None) -> None:
        self._rows = judged if split is None else judged.filter(pc.equal(judged["split"], split))

    def array(self, column: str) -> np.ndarray:
        """A column of numbers, (rows,)."""
        return np.asarray(self._rows[column])

    def probabilities(self) -> np.ndarray:
        """Of every label, float64 (rows, K)."""
        return np.array(self._rows["probabilities"].to_pylist(), dtype=np.float64)

    def copies(self) -> list[Copy]:
        """What each text copies."""
        return copies_of(self._rows)


def copies_of(table: pa.Table) -> list[Copy]:
    """The copies that a table of details holds after "copy_"."""
    names = ("words", "row", "start", "nearest_row", "whole")
    columns = [table[f"copy_{name}"].to_pylist() for name in names]
    return [Copy(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)]


def run_findings(folder: ModelFolder, record: Record, details: Details) -> RunFindings:
    """What happened while training."""
    steps = folder.read_lines("steps")
    seconds = np.cumsum([step["seconds"] for step in steps])
    judged = [place for place, step in enumerate(steps) if step["validation_nats"] is not None]
    validation = Validation(
        np.array([steps[place]["number"] for place in judged], dtype=np.int64),
        seconds[judged],
        _floats(steps, judged, "validation_nats"),
    )
    everywhere = range(len(steps))
    return RunFindings(
        steps=np.array([step["number"] for step in steps], dtype=np.int64),
        seconds=seconds,
        loss_nats=_floats(steps, everywhere, "loss_nats"),
        learning_rate=_floats(steps, everywhere, "learning_rate"),
        validation=validation,
        kept_step=int(record.outcome["step" if record.plan.get("keeps_last") else "best_step"]),
        bytes_per_token=_bytes_per_token(details),
    )


def _floats(steps: Sequence[dict[str, Any]], places: Sequence[int], name: str) -> np.ndarray:
    return np.array([steps[place][name] for place in places], dtype=np.float64)


def _bytes_per_token(details: Details) -> float | None:
    if "bytes" not in details.judged.column_names:
        return None
    validation = SplitDetails(details.judged, "validation")
    return float(validation.array("bytes").sum() / validation.array("tokens").sum())


def _table(record: Record, rows: SplitRows) -> TableFindings:
    task = record.recipe.task
    named = (task.target,) if task.name == "write" else task.given
    texts = {name: ColumnTexts(rows.texts(name)) for name in named}
    labels = rows.texts(task.target).to_pylist() if task.name == "label" else []
    counts = Counter(label.strip() for label in labels)
    return TableFindings(
        lengths=tuple(_lengths(name, cells) for name, cells in texts.items()),
        labels=dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
        word_counts=word_counts(text for cells in texts.values() for text in cells),
        rows=len(rows),
        duplicates=len(rows) - len(rows.hashes()),
    )


def _lengths(column: str, cells: Sequence[str]) -> Lengths:
    counted = np.array([len(words(cell)) for cell in cells if cell.strip()], dtype=np.int64)
    different = {text_hash(cell) for cell in cells if cell.strip()}
    return Lengths(column, "words", counted, len(cells) - len(counted), len(different))


def _label(record: Record, test: SplitDetails) -> LabelFindings:
    return LabelFindings(
        labels=record.labels,
        truth=test.array("truth"),
        probabilities=test.probabilities(),
        temperature=record.temperature,
        per_class=record.figures["per_class"],
        baselines=record.figures["baselines"],
    )


def _text(record: Record, rows: SplitRows, details: Details, test: SplitDetails) -> TextFindings:
    assert details.written is not None, "a writer's details hold what it wrote"
    return TextFindings(
        written=details.written["text"].to_pylist(),
        real=rows.of("test").texts(record.recipe.task.target).to_pylist(),
        written_copies=copies_of(details.written),
        real_copies=test.copies(),
    )
