import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from finetable.evaluation.metrics import (
    Interval,
    accuracy,
    calibration_error,
    confusion,
    macro_f1,
    per_class,
    ratio_of_sums,
    reliability,
)

CLASSES = 4
PAIRS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40)
JUDGED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.array(pairs, dtype=np.int64).T
    return truth, predicted


def judged_rows(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p for p, _ in pairs]), np.array([correct for _, correct in pairs])


def assert_ordered(interval: Interval, highest: float = 1.0) -> None:
    assert 0 <= interval.low <= interval.value <= interval.high <= highest


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_accuracy_has_scipys_wilson_interval(hits_and_rows: tuple[int, int]) -> None:
    hits, rows = hits_and_rows
    interval = accuracy(np.arange(rows) < hits)
    expected = binomtest(hits, rows).proportion_ci(method="wilson")
    assert interval.value == hits / rows
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert_ordered(interval)


def test_accuracy_refuses_no_rows() -> None:
    with pytest.raises(AssertionError):
        accuracy(np.array([], dtype=np.bool_))


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_confusion_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = columns(pairs)
    counts = confusion(truth, predicted, CLASSES)
    assert counts.dtype == np.int64
    assert (counts == confusion_matrix(truth, predicted, labels=range(CLASSES))).all()


@pytest.mark.parametrize(("truth", "predicted"), [([0, 4], [0, 0]), ([0, 0], [0, -1]), ([0], [0, 0])])
def test_confusion_refuses_what_is_not_a_class_per_row(truth: list[int], predicted: list[int]) -> None:
    with pytest.raises(AssertionError):
        confusion(np.array(truth), np.array(predicted), CLASSES)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_macro_f1_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = columns(pairs)
    interval = macro_f1(truth, predicted, CLASSES)
    assert interval.value == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert_ordered(interval)


def bootstrapped_by_row(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """The slow, obvious way: draw the rows again and ask scikit-learn."""
    random = np.random.default_rng(11)
    scores = []
    for _ in range(300):
        rows = random.integers(len(truth), size=len(truth))
        scores.append(f1_score(truth[rows], predicted[rows], average="macro"))
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def test_macro_f1_interval_is_that_of_drawing_rows_again() -> None:
    random = np.random.default_rng(2)
    truth = random.choice(CLASSES, size=150, p=[0.6, 0.3, 0.08, 0.02])
    predicted = np.where(random.random(150) < 0.6, truth, random.integers(CLASSES, size=150))
    interval = macro_f1(truth, predicted, CLASSES)
    assert (interval.low, interval.high) == pytest.approx(bootstrapped_by_row(truth, predicted), abs=0.03)
    assert interval == macro_f1(truth, predicted, CLASSES)


def test_drawing_in_blocks_changes_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    truth, predicted = random.integers(CLASSES, size=(2, 200))
    at_once = macro_f1(truth, predicted, CLASSES)
    monkeypatch.setattr("finetable.evaluation.metrics.NUMBERS_AT_ONCE", 7 * CLASSES * CLASSES)
    assert macro_f1(truth, predicted, CLASSES) == at_once
    monkeypatch.setattr("finetable.evaluation.metrics.NUMBERS_AT_ONCE", 1)
    assert macro_f1(truth, predicted, CLASSES) == at_once


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_per_class_figures_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = columns(pairs)
    figures = per_class(truth, predicted, CLASSES)
    expected = precision_recall_fscore_support(truth, predicted, labels=range(CLASSES), zero_division=0)
    found = [[f.precision.value, f.recall.value, f.f1.value, f.support] for f in figures]
    np.testing.assert_allclose(found, np.array(expected).T, atol=1e-12)
    for f in figures:
        for interval in (f.precision, f.recall, f.f1):
            assert_ordered(interval)


def test_a_class_that_is_nowhere_could_have_any_figures() -> None:
    absent = per_class(np.array([0, 0]), np.array([0, 0]), 2)[1]
    assert absent.support == 0
    assert absent.precision == absent.recall == absent.f1 == Interval(0.0, 0.0, 1.0)


def test_precision_and_recall_stand_on_their_own_rows() -> None:
    truth, predicted = np.repeat([0, 0, 1], [30, 10, 60]), np.repeat([0, 1, 1], [30, 10, 60])
    figures = per_class(truth, predicted, 2)
    assert figures[0].precision == accuracy(np.ones(30, dtype=np.bool_))
    assert figures[0].recall == accuracy(np.arange(40) < 30)
    assert figures[1].precision == accuracy(np.arange(70) < 60)


def slow_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int) -> float:
    error = 0.0
    for k in range(bins):
        above = confidence > k / bins if k else confidence >= 0
        inside = above & (confidence <= (k + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(error)


@settings(max_examples=50, deadline=None)
@given(JUDGED, st.sampled_from([1, 4, 15]))
def test_calibration_error_agrees_with_its_definition(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidence, correct = judged_rows(pairs)
    interval = calibration_error(confidence, correct, bins)
    assert interval.value == pytest.approx(slow_calibration_error(confidence, correct, bins), abs=1e-9)
    assert_ordered(interval)


@pytest.mark.parametrize("too_sure_by", [0.0, 0.1])
def test_calibration_interval_holds_the_true_error_nearly_always(too_sure_by: float) -> None:
    """Plain percentiles hold the true error of a perfectly calibrated model never."""
    random = np.random.default_rng(4)
    held = 0
    for _ in range(40):
        confidence = random.uniform(0.3, 0.99, size=300)
        interval = calibration_error(confidence, random.random(300) < confidence - too_sure_by)
        held += interval.low <= too_sure_by + 0.001 and too_sure_by <= interval.high
    assert held >= 36


def test_calibration_interval_narrows_with_more_rows() -> None:
    random = np.random.default_rng(4)
    confidence = random.uniform(0.3, 0.99, size=3_000)
    correct = random.random(3_000) < confidence - 0.2
    few, many = calibration_error(confidence[:300], correct[:300]), calibration_error(confidence, correct)
    assert many.high - many.low < 0.5 * (few.high - few.low)
    assert many.low > 0.1


@settings(max_examples=50, deadline=None)
@given(JUDGED)
def test_reliability_puts_each_row_into_the_bin_around_it(pairs: list[tuple[float, bool]]) -> None:
    confidence, correct = judged_rows(pairs)
    found = reliability(confidence, correct, bins=7)
    assert sum(one.count for one in found) == len(pairs)
    assert sum(one.count * one.accuracy for one in found) == pytest.approx(correct.sum())
    assert sum(one.count * one.mean_confidence for one in found) == pytest.approx(confidence.sum())
    for one in found:
        assert one.count > 0
        assert one.high - one.low == pytest.approx(1 / 7)
        assert one.low - 1e-12 <= one.mean_confidence <= one.high + 1e-12


def test_a_confidence_on_an_edge_belongs_below_it() -> None:
    found = reliability(np.array([0.0, 0.2, 0.4, 1.0]), np.array([True, False, True, True]), bins=5)
    assert [(round(one.low, 9), one.count, one.accuracy) for one in found] == [
        (0.0, 2, 0.5),
        (0.2, 1, 1.0),
        (0.8, 1, 1.0),
    ]


@pytest.mark.parametrize("confidence", [1.01, -0.1, np.nan])
def test_calibration_refuses_what_is_not_a_probability(confidence: float) -> None:
    with pytest.raises(AssertionError, match="probability"):
        calibration_error(np.array([confidence]), np.array([True]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 9)), min_size=1, max_size=30))
def test_ratio_of_sums_is_the_ratio_of_the_sums(rows: list[tuple[float, int]]) -> None:
    numerator, denominator = np.array([n for n, _ in rows]), np.array([d for _, d in rows] + [1])[:-1]
    if denominator.sum() == 0:
        with pytest.raises(AssertionError, match="divide"):
            ratio_of_sums(numerator, denominator)
        return
    interval = ratio_of_sums(numerator, denominator)
    assert interval.value == pytest.approx(numerator.sum() / denominator.sum())
    assert_ordered(interval, highest=np.inf)


def test_ratio_interval_agrees_with_the_normal_approximation_of_a_mean() -> None:
    numerator = np.random.default_rng(6).exponential(size=4_000)
    interval = ratio_of_sums(numerator, np.ones(4_000))
    half = 1.96 * numerator.std() / np.sqrt(4_000)
    assert interval.high - interval.value == pytest.approx(half, rel=0.1)
    assert interval.value - interval.low == pytest.approx(half, rel=0.1)


def test_ratio_draws_numerator_and_denominator_of_a_row_together() -> None:
    tokens = np.random.default_rng(7).integers(1, 100, size=200)
    interval = ratio_of_sums(3.0 * tokens, tokens)
    assert (interval.low, interval.high) == pytest.approx((3, 3))


def test_one_row_has_no_spread() -> None:
    assert ratio_of_sums(np.array([3.0]), np.array([2])) == Interval(1.5, 1.5, 1.5)
