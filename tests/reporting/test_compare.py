"""Which of several runs is best: only what their intervals allow, and beside the baselines."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from finetable.model_folder import Record
from finetable.reporting.compare import Run, verdict
from finetable.reporting.findings import RunFindings, Validation
from finetable.settings import Recipe

NOTHING = np.zeros(1)
FOUND = RunFindings(
    steps=np.ones(1, np.int64),
    seconds=NOTHING,
    loss_nats=NOTHING,
    learning_rate=NOTHING,
    validation=Validation(np.ones(1, np.int64), NOTHING, NOTHING),
    kept_step=1,
)


def run(name: str, job: str, key: str, value: float, baselines: dict[str, Any], rows: int = 500) -> Run:
    """A run with a figure of which 0.05 to either side is possible."""
    options = {"write": "plot"} if job == "write" else {"label": "genre", "given": "plot"}
    record = Record(
        recipe=Recipe.of(**options),
        table_name="films.csv",
        table_fingerprint="f" * 64,
        table_format="CSV",
        figures={
            "task": job,
            "rows": rows,
            key: value,
            f"{key}_low": value - 0.05,
            f"{key}_high": value + 0.05,
            "baselines": baselines,
        },
    )
    return Run(name, record, FOUND, (1, 2, 3))


def labeller(name: str, accuracy: float, rows: int = 500) -> Run:
    tfidf = {"accuracy": 0.6, "accuracy_low": 0.55, "accuracy_high": 0.65}
    found = run(name, "label", "accuracy", accuracy, {"tfidf": tfidf}, rows)
    ends = {"": 0.0, "_low": -0.06, "_high": 0.06}
    beside = {f"difference{end}": accuracy - 0.6 + by for end, by in ends.items()}
    figures = {**found.record.figures, "beside": {"tfidf": beside}}
    return replace(found, record=found.record.model_copy(update={"figures": figures}))


def writer(name: str, bits: float) -> Run:
    return run(name, "write", "bits_per_byte", bits, {"xz": {"bits_per_byte": 2.5}})


def test_the_best_is_named_where_the_intervals_do_not_touch() -> None:
    told = verdict([labeller("a", 0.7), labeller("b", 0.9)])
    assert told.startswith("Best is b, clearly: accuracy 0.900 [0.850, 0.950].")
    assert told.endswith("It is better than TF-IDF with logistic regression: 0.600.")
    told = verdict([writer("a", 2.7), writer("b", 2.9)])
    assert told.startswith("Best is a, clearly: bits per byte 2.700")
    assert told.endswith("It is worse than a compressor that read the training rows (xz): 2.500.")


def test_what_cannot_be_told_apart_is_called_as_good() -> None:
    told = verdict([labeller("a", 0.62), labeller("b", 0.4), labeller("c", 0.65)])
    assert told.startswith(
        "As good as each other are c and a: their 95 % intervals overlap; c has accuracy 0.650"
    )
    assert "It cannot be told from TF-IDF" in told
    assert verdict([writer("a", 2.0), writer("b", 2.04)]).startswith("As good as each other are a and b")


@pytest.mark.parametrize(("rows", "is_ranked"), [(29, False), (30, True)])
def test_few_rows_rank_nothing(rows: int, is_ranked: bool) -> None:
    assert verdict([labeller("a", 0.9, rows), labeller("b", 0.2, rows)]).startswith("Best") == is_ranked
