"""Contestants judged on the same rows: each with its intervals, and each beside the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finetable.evaluation.metrics import accuracy, calibration_error, macro_f1, paired_difference, spread
from finetable.inference.contestant import Labelled

ContestantKind = Literal["baseline", "fine-tuned", "prompted"]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Entry:
    """A contestant and what it said of the rows."""

    name: str
    kind: ContestantKind
    said: Labelled


def judge_entries(truth: npt.NDArray[np.int64], classes: int, entries: Sequence[Entry]) -> dict[str, Any]:
    """Figures of every contestant on the same rows, with the keys that `bench --json` promises.

    `truth` is (N,), class numbers below `classes`. `difference` is the accuracy less that of the best
    contestant, with the interval of `paired_difference`; `is_even` says that this holds zero. Where some were
    fine-tuned and some prompted, `fine_tuned_less_prompted` compares the best of each in the same way.
    """
    correct = {entry.name: entry.said.predicted == truth for entry in entries}
    best = _best(entries, correct)
    contestants = [
        {
            "name": entry.name,
            "kind": entry.kind,
            **_figures(truth, classes, entry.said),
            **_beside(correct[entry.name], correct[best.name]),
            "rows_per_second": len(truth) / max(entry.said.seconds, 1e-9),
            "cost_per_1000_rows": None if entry.said.cost is None else 1000 * entry.said.cost / len(truth),
            "outside": entry.said.outside,
            "notes": list(entry.said.notes),
        }
        for entry in entries
    ]
    return {
        "task": "label",
        "rows": len(truth),
        "best": best.name,
        "contestants": contestants,
        "fine_tuned_less_prompted": _kinds_compared(entries, correct),
    }


def _best(entries: Sequence[Entry], correct: dict[str, Booleans]) -> Entry:
    """The most accurate one; of several the first."""
    return max(entries, key=lambda entry: int(correct[entry.name].sum()))


def _figures(truth: npt.NDArray[np.int64], classes: int, said: Labelled) -> dict[str, Any]:
    correct = said.predicted == truth
    right = accuracy(correct)
    figures: dict[str, Any] = {
        "accuracy": right.value,
        "low": right.low,
        "high": right.high,
        **spread("macro_f1", macro_f1(truth, said.predicted, classes)),
    }
    if said.probabilities is None:
        return {**figures, "calibration_error": None}
    confidence = said.probabilities.max(axis=1).clip(max=1.0)  # a sum of rounded numbers can pass one
    return {**figures, **spread("calibration_error", calibration_error(confidence, correct))}


def _kinds_compared(entries: Sequence[Entry], correct: dict[str, Booleans]) -> dict[str, Any] | None:
    kinds = [[entry for entry in entries if entry.kind == kind] for kind in ("fine-tuned", "prompted")]
    if not all(kinds):
        return None
    tuned, prompted = (_best(kind, correct) for kind in kinds)
    return {
        "fine_tuned": tuned.name,
        "prompted": prompted.name,
        **_beside(correct[tuned.name], correct[prompted.name]),
    }


def _beside(correct: Booleans, other: Booleans) -> dict[str, Any]:
    """The paired difference of two contestants' accuracies."""
    difference = paired_difference(correct, other)
    return {**spread("difference", difference), "is_even": difference.low <= 0 <= difference.high}
