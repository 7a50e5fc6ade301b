"""Figures with 95 % intervals: pure functions over numpy arrays.

Bootstrap intervals (Efron 1979) draw the rows again 1,000 times from a fixed seed and take the
2.5th and 97.5th percentile, so that the same rows always give the same interval. Where a figure is
undefined in a resample (a class that was not drawn), that resample is left out of its percentiles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]
Float64s = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 1_000
BOOTSTRAP_SEED = 0
NUMBERS_AT_ONCE = 4_000_000
"""How many drawn counts are held at a time (32 MB), whatever the number of rows and classes."""


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval, in the figure's own unit; ``low <= value <= high``."""

    value: float
    low: float
    high: float


NOTHING_KNOWN = Interval(value=0.0, low=0.0, high=1.0)
"""A share of no rows at all: zero by convention (as scikit-learn has it), and any share is possible."""


def spread(name: str, interval: Interval) -> dict[str, float]:
    """A figure and its ends, by the keys that figures have everywhere."""
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


@dataclass(frozen=True)
class ClassFigures:
    """How well one class was found; support is its number of rows in truth."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose confidence lies above low and up to high (from zero on in the first bin)."""

    low: float
    high: float
    count: int
    mean_confidence: float
    accuracy: float


def accuracy(correct: Booleans) -> Interval:
    """Give the share of rows (N,) that are correct, with the Wilson score interval (Wilson 1927)."""
    assert correct.size > 0, "accuracy needs at least one row"
    return _wilson(int(np.count_nonzero(correct)), correct.size)


def paired_difference(correct: Booleans, other: Booleans) -> Interval:
    """Give how much more often one was right than another on the same rows (N,).

    Rows are drawn again for both at once, so that what is hard or easy for both falls out of the interval
    (paired bootstrap: Efron and Tibshirani 1993, chapter 8; for classifiers Dror et al. 2018, section 3.2).
    It tells apart what two overlapping intervals do not.
    """
    return ratio_of_sums(correct.astype(np.float64) - other, np.ones(len(other)))


def confusion(truth: Integers, predicted: Integers, classes: int) -> npt.NDArray[np.int64]:
    """Count rows by class, (classes, classes): a row per true class, a column per predicted class."""
    _check_classes(truth, predicted, classes)
    cells = truth.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).astype(np.int64).reshape(classes, classes)


def macro_f1(truth: Integers, predicted: Integers, classes: int) -> Interval:
    """Average F1 over the classes, each counting the same, with a bootstrap interval over rows.

    The average runs over the classes that occur in truth or in predictions, of all rows or of the
    resample at hand, as ``sklearn.metrics.f1_score(average="macro")`` does: a class that is never
    predicted counts as zero, a class that is nowhere does not count. A prediction of -1 names no
    class: its row is not found, and no class is blamed for it.
    """
    counts = confusion(truth, np.where(predicted < 0, classes, predicted), classes + 1)
    value = np.nanmean(_f1(np.diag(counts), counts.sum(axis=1) + counts.sum(axis=0))[:classes])
    return _percentiles(float(value), np.nanmean(_resampled_f1(counts)[:, :classes], axis=1))


def per_class(truth: Integers, predicted: Integers, classes: int) -> list[ClassFigures]:
    """Give precision, recall and F1 of each class, in the order of the class numbers.

    Precision and recall are shares of rows and have Wilson score intervals; F1 has a bootstrap
    interval. A share of no rows is zero with the interval from 0 to 1.
    """
    counts = confusion(truth, predicted, classes)
    hits, support, named = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    value, resampled = _f1(hits, support + named), _resampled_f1(counts)
    return [
        ClassFigures(
            precision=_wilson(int(hits[k]), int(named[k])),
            recall=_wilson(int(hits[k]), int(support[k])),
            f1=NOTHING_KNOWN if np.isnan(value[k]) else _percentiles(float(value[k]), resampled[:, k]),
            support=int(support[k]),
        )
        for k in range(classes)
    ]


def calibration_error(confidence: Floats, correct: Booleans, bins: int = 15) -> Interval:
    """Give the expected calibration error (Guo et al. 2017, section 2) over bins of equal width.

    It is the mean distance between confidence and accuracy, each bin counting by its rows, and it
    never falls below zero, so chance alone makes it too high, in the sample and again in every
    resample: plain percentiles would never reach the zero of a perfectly calibrated model. The upper
    end is the 97.5th percentile of the resamples; the lower end is the value less the 97.5th
    percentile of the summed absolute changes of the bins, which bounds what chance can have added
    (triangle inequality), and is at least zero.
    """
    _check_confidence(confidence, correct)
    in_bin = _bin_of(confidence, bins)
    gap_of_row = np.zeros((len(confidence), bins))
    gap_of_row[np.arange(len(confidence)), in_bin] = (correct - confidence) / len(confidence)
    gaps = gap_of_row.sum(axis=0)  # (bins,)
    resampled = _resampled_sums(gap_of_row)  # (RESAMPLES, bins)
    value = float(np.abs(gaps).sum())
    upper = 1 - (1 - CONFIDENCE) / 2
    noise = float(np.quantile(np.abs(resampled - gaps).sum(axis=1), upper))
    high = float(np.quantile(np.abs(resampled).sum(axis=1), upper))
    return Interval(value, low=max(0.0, value - noise), high=min(1.0, max(value, high)))


def reliability(confidence: Floats, correct: Booleans, bins: int = 15) -> list[ReliabilityBin]:
    """Compare confidence with accuracy in bins of equal width; a bin without rows is left out."""
    _check_confidence(confidence, correct)
    in_bin = _bin_of(confidence, bins)
    edges = np.linspace(0.0, 1.0, bins + 1)
    return [
        ReliabilityBin(
            low=float(edges[k]),
            high=float(edges[k + 1]),
            count=int(np.count_nonzero(in_bin == k)),
            mean_confidence=float(confidence[in_bin == k].mean(dtype=np.float64)),
            accuracy=float(correct[in_bin == k].mean()),
        )
        for k in np.unique(in_bin).tolist()
    ]


def ratio_of_sums(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> Interval:
    """Give sum(numerator) / sum(denominator) of rows (N,), with a bootstrap interval over rows.

    For figures per token or per byte, where rows differ in length: nats and tokens give the
    cross-entropy, bits and bytes the bits per byte. With a single row both ends equal the value,
    as one row does not show how rows differ.
    """
    assert numerator.shape == denominator.shape, "one numerator and one denominator per row"
    assert numerator.ndim == 1, "numerator and denominator are (N,)"
    assert np.isfinite(numerator).all(), "numerators are finite"
    assert (denominator >= 0).all(), "denominators are lengths"
    assert denominator.sum() > 0, "a ratio needs something to divide by"
    sums = _resampled_sums(np.column_stack([numerator, denominator]).astype(np.float64))
    value = numerator.sum(dtype=np.float64) / denominator.sum(dtype=np.float64)
    return _percentiles(float(value), _quotient(sums[:, 0], sums[:, 1]))


def _wilson(hits: int, rows: int) -> Interval:
    if rows == 0:
        return NOTHING_KNOWN
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    share = hits / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # At shares of 0 and 1 one end is the share itself, but for rounding.
    low, high = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    return Interval(share, low=float(low), high=float(high))


def _percentiles(value: float, resampled: Float64s) -> Interval:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(resampled, [tail, 100 - tail])
    # With very few rows the resamples can all lie on one side of the figure itself.
    return Interval(value, low=min(value, float(low)), high=max(value, float(high)))


def _f1(hits: npt.NDArray[Any], support_and_named: npt.NDArray[Any]) -> Float64s:
    """F1 = 2 hits / (rows of the class + rows so named); NaN where both are zero."""
    return _quotient(2.0 * hits, support_and_named)


def _quotient(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> Float64s:
    """Divide, giving NaN where the denominator is zero."""
    quotient = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _resampled_f1(counts: npt.NDArray[np.int64]) -> Float64s:
    """F1 by resample and class, (RESAMPLES, classes), from confusion counts (classes, classes).

    Drawing N rows again is a multinomial draw over the cells of the confusion matrix, so the time
    depends on the cells in use and not on N.
    """
    classes = len(counts)
    truth, predicted = np.nonzero(counts)
    cells = counts[truth, predicted]
    hit = truth == predicted
    f1 = []
    for draws in _multinomial_draws(cells):
        hits = _sums_by_class(draws[:, hit], truth[hit], classes)
        support = _sums_by_class(draws, truth, classes)
        named = _sums_by_class(draws, predicted, classes)
        f1.append(_f1(hits, support + named))
    return np.concatenate(f1)


def _multinomial_draws(cells: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Draw the counts (cells,) again, RESAMPLES times, a block of resamples at a time."""
    random = np.random.default_rng(BOOTSTRAP_SEED)
    block = max(1, NUMBERS_AT_ONCE // len(cells))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        yield random.multinomial(cells.sum(), cells / cells.sum(), size=size)


def _sums_by_class(draws: npt.NDArray[np.int64], class_of_cell: Integers, classes: int) -> Float64s:
    """Add up draws (R, cells) by class, (R, classes)."""
    slots = np.arange(len(draws))[:, None] * classes + class_of_cell
    sums = np.bincount(slots.ravel(), draws.ravel(), minlength=len(draws) * classes)
    return sums.reshape(len(draws), classes).astype(np.float64)


def _resampled_sums(of_row: Float64s) -> Float64s:
    """Sums (RESAMPLES, C) of the rows (N, C), drawn again with replacement; time grows with N."""
    random = np.random.default_rng(BOOTSTRAP_SEED)
    rows = len(of_row)
    sums = np.empty((RESAMPLES, of_row.shape[1]))
    for resample in range(RESAMPLES):
        times_drawn = np.bincount(random.integers(rows, size=rows), minlength=rows)
        sums[resample] = times_drawn.astype(np.float64) @ of_row
    return sums


def _bin_of(confidence: Floats, bins: int) -> npt.NDArray[np.int64]:
    upper_edges = np.linspace(0.0, 1.0, bins + 1)[1:]
    return np.searchsorted(upper_edges, confidence.astype(np.float64), side="left").astype(np.int64)


def _check_classes(truth: Integers, predicted: Integers, classes: int) -> None:
    assert truth.shape == predicted.shape, "one prediction per row"
    assert truth.ndim == 1, "truth and predicted are (N,)"
    assert truth.size > 0, "figures need at least one row"
    for name, numbers in (("truth", truth), ("predicted", predicted)):
        assert 0 <= numbers.min() <= numbers.max() < classes, f"{name} holds class numbers below {classes}"


def _check_confidence(confidence: Floats, correct: Booleans) -> None:
    assert confidence.shape == correct.shape, "one confidence per row"
    assert confidence.ndim == 1, "confidence and correct are (N,)"
    assert confidence.size > 0, "calibration needs at least one row"
    assert 0 <= confidence.min() <= confidence.max() <= 1, "confidence is a probability"
