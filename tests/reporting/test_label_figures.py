"""Pictures of a labeller: counts, intervals and bins are those of the test rows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from finetable.data.probabilities import softmax
from finetable.evaluation.metrics import calibration_error
from finetable.reporting.class_figures import MOST_CONFUSED, MOST_IN_MATRIX, class_scores, confusion_matrix
from finetable.reporting.figure import Figure
from finetable.reporting.findings import Findings, LabelFindings
from finetable.reporting.label_figures import calibration, coverage, coverage_line, uncalibrated

TextsOf = Callable[[Figure], list[str]]

TRUTH = np.array([0] * 6 + [1] * 4)
TAKEN = np.array([0] * 5 + [1] + [1] * 2 + [0] * 2)
SURE = np.array([0.9, 0.9, 0.9, 0.8, 0.8, 0.6, 0.7, 0.7, 0.6, 0.6])


def probabilities(taken: np.ndarray, sure: np.ndarray) -> np.ndarray:
    return np.where(np.arange(2) == taken[:, None], sure[:, None], 1 - sure[:, None])


LABEL = LabelFindings(
    labels=("drama", "comedy"),
    truth=TRUTH,
    probabilities=probabilities(TAKEN, SURE),
    temperature=2.0,
    per_class=[],
    baselines={"majority": {"accuracy": 0.6}, "tfidf": {"accuracy": 0.65}},
)


def drawn(make: Callable[[Findings], Figure | None], label: LabelFindings) -> Figure:
    figure = make(Findings(label=label))
    assert figure is not None
    return figure


def test_the_matrix_counts_rows(texts_of: TextsOf) -> None:
    figure = drawn(confusion_matrix, LABEL)
    assert texts_of(figure)[-4:] == ["5", "1", "2", "2"]
    assert "On the diagonal: 70.0 % of 10 rows." in figure.alt
    assert "Taken most often: comedy for drama (2 rows), drama for comedy (1 row)." in figure.caption
    assert "<title>comedy taken for drama: 2 rows</title>" in figure.svg


def test_a_large_matrix_shows_what_is_confused(texts_of: TextsOf) -> None:
    labels = tuple(f"label {place}" for place in range(MOST_IN_MATRIX + 1))
    truth = np.repeat(np.arange(len(labels)), 3)
    taken = truth.copy()
    taken[truth == 30] = 17
    many = replace(LABEL, labels=labels, truth=truth, probabilities=np.eye(len(labels))[taken])
    figure = drawn(confusion_matrix, many)
    assert f"Of {len(labels)} labels, the {MOST_CONFUSED} that are confused most." in figure.caption
    assert {"label 30", "label 17"} <= set(texts_of(figure))
    assert len({text for text in texts_of(figure) if text.startswith("label")}) == MOST_CONFUSED


def test_classes_come_with_intervals(texts_of: TextsOf) -> None:
    scores = {"precision": 0.75, "recall": 0.5, "f1": 0.6}
    spread = {f"{name}_low": value - 0.1 for name, value in scores.items()}
    spread |= {f"{name}_high": value + 0.1 for name, value in scores.items()}
    figure = drawn(
        class_scores, replace(LABEL, per_class=[{"label": "drama", "rows": 1_234} | scores | spread])
    )
    assert {"precision", "recall", "F1", "drama (1,234)"} <= set(texts_of(figure))
    assert "<title>drama: recall 50.0 % [40.0 %, 60.0 %]</title>" in figure.svg


def test_a_share_of_no_rows_is_no_zero(texts_of: TextsOf) -> None:
    shares = {"precision": 0.0, "precision_low": 0.0, "precision_high": 1.0}
    shares |= {f"{name}{end}": 0.0 for name in ("recall", "f1") for end in ("", "_low", "_high")}
    never = {"label": "drama", "rows": 4} | shares
    figure = drawn(class_scores, replace(LABEL, per_class=[never]))
    assert "–" in texts_of(figure)
    assert "<title>drama: precision" not in figure.svg
    assert "<title>drama: recall 0.0 %" in figure.svg


def test_a_share_that_a_few_rows_leave_wide_open_is_shown(texts_of: TextsOf) -> None:
    wide = {
        f"{name}{end}": value
        for name in ("precision", "recall", "f1")
        for end, value in (("", 0.5), ("_low", 0.0), ("_high", 1.0))
    }
    figure = drawn(class_scores, replace(LABEL, per_class=[{"label": "drama", "rows": 4} | wide]))
    assert "–" not in texts_of(figure)
    assert "<title>drama: f1 50.0 % [0.0 %, 100.0 %]</title>" in figure.svg


def test_calibration_is_undone_for_before() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 4))
    label = replace(LABEL, probabilities=softmax(scores, 2.0), temperature=2.0)
    np.testing.assert_allclose(uncalibrated(label), softmax(scores, 1.0))


def test_a_probability_of_zero_stays_zero() -> None:
    label = replace(LABEL, probabilities=np.array([[1.0, 0.0]]), truth=np.array([0]))
    np.testing.assert_array_equal(uncalibrated(label), [[1.0, 0.0]])


def test_calibration_errors_are_those_of_the_metric() -> None:
    correct = TAKEN == TRUTH
    errors = [
        calibration_error(each.max(axis=1), correct).value
        for each in (uncalibrated(LABEL), LABEL.probabilities)
    ]
    alt = drawn(calibration, LABEL).alt
    assert f"error {100 * errors[0]:.1f} % before and {100 * errors[1]:.1f} % after" in alt


def test_coverage_answers_equally_sure_rows_together() -> None:
    shares, accuracies, least = coverage_line(SURE, TAKEN == TRUTH)
    assert shares == [0.3, 0.5, 0.7, 1.0]
    assert least == [0.9, 0.8, 0.7, 0.6]
    assert [interval.value for interval in accuracies] == pytest.approx([1.0, 1.0, 1.0, 0.7])
    assert all(interval.low <= interval.value <= interval.high for interval in accuracies)


def test_coverage_stands_beside_the_simple_methods(texts_of: TextsOf) -> None:
    figure = drawn(coverage, LABEL)
    assert {"the model", "TF-IDF", "majority guess", "95 % interval", "p ≥ 0.7"} <= set(texts_of(figure))
    assert figure.alt == (
        "Accuracy 70.0 % on all rows, 100.0 % on the surer half. "
        "For comparison: majority 60.0 %, tfidf 65.0 %."
    )
