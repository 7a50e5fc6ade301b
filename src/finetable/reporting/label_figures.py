"""Pictures of a labeller: how far its probabilities can be trusted, and what abstaining gains."""

from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from numpy.typing import NDArray

from finetable.data.probabilities import softmax
from finetable.evaluation.metrics import Interval, ReliabilityBin, accuracy, reliability
from finetable.reporting.figure import (
    INK,
    MUTED,
    SERIES,
    Figure,
    Look,
    Wording,
    draw_figure,
    legend,
    percent,
    percents,
)
from finetable.reporting.findings import Findings, LabelFindings
from finetable.wording import counted

MOST_POINTS = 200
"""Of the line of accuracy against coverage; each has an interval to be computed."""

LARGEST_DOT = 400.0
"""Square units that the dot of a bin with all rows would cover."""

MARKED_PROBABILITIES = (0.5, 0.7, 0.9, 0.99)

Floats = NDArray[np.float64]
Bins = list[ReliabilityBin]


def calibration(findings: Findings) -> Figure | None:
    """How far a probability can be taken at its word, before and after calibration."""
    label = findings.label
    if label is None or not len(label.truth):
        return None
    before, after = _bins(uncalibrated(label), label.truth), _bins(label.probabilities, label.truth)
    rows = len(label.truth)
    errors = [_error(bins, rows) for bins in (before, after)]
    wording = Wording(
        "Whether a probability can be trusted",
        f"{counted(rows, 'test row')} in bins of the model's probability for its own label (across), and the "
        "share that is labelled rightly (up): on the dotted line a probability is right, below it the model "
        "is too sure; the larger a dot, the more rows. At the bottom, the share of rows in each bin. "
        f"Calibration divided the scores by {label.temperature:.2f}, fitted to validation rows.",
        f"Calibration error {percent(errors[0])} before and {percent(errors[1])} after calibration, "
        f"on {counted(rows, 'test row')}.",
    )
    return draw_figure(
        "calibration", "labels", wording, 420, partial(_paint_calibration, before, after, rows)
    )


def coverage(findings: Findings) -> Figure | None:
    """What accuracy the model reaches if it may leave out the rows that it is least sure of."""
    label = findings.label
    if label is None or not len(label.truth):
        return None
    confidence, correct = _judged(label.probabilities, label.truth)
    shares, accuracies, least = coverage_line(confidence, correct)
    half = _accuracy_at(shares, accuracies, 0.5)
    told = [f"{name} {percent(figures['accuracy'])}" for name, figures in label.baselines.items()]
    wording = Wording(
        "What abstaining gains",
        f"Share of {counted(len(correct), 'test row')} that are answered, the surest first (across), and the "
        "share of those that is labelled rightly, with the 95 % interval (up). At the right end all are "
        "answered. Dots: only rows with at least that probability are answered. Straight lines: simpler "
        "methods, which answer all rows.",
        f"Accuracy {percent(accuracies[-1].value)} on all rows, {percent(half)} on the surer half. "
        + (f"For comparison: {', '.join(told)}." if told else ""),
    )
    paint = partial(_paint_coverage, label, (shares, accuracies, least))
    return draw_figure("coverage", "labels", wording, 320, paint)


def uncalibrated(label: LabelFindings) -> Floats:
    """The probabilities (N, K) as they were before calibration."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(label.probabilities), 1 / label.temperature)


def coverage_line(
    confidence: Floats, correct: NDArray[np.bool_]
) -> tuple[list[float], list[Interval], list[float]]:
    """What remains if rows with a probability below some bound are left out, from few rows to all.

    Returns:
        shares: of the rows that remain.
        accuracies: of those, with their intervals.
        least: the bound, which is the lowest probability among those.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, right = confidence[order], np.cumsum(correct[order])
    # Rows of equal probability are answered all or none.
    ends = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    kept = ends[np.unique(np.linspace(0, len(ends) - 1, MOST_POINTS).round().astype(int))]
    intervals = [accuracy(np.arange(end + 1) < right[end]) for end in kept.tolist()]
    return ((kept + 1) / len(correct)).tolist(), intervals, ranked[kept].tolist()


def _judged(probabilities: Floats, truth: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    return np.clip(probabilities.max(axis=1), 0.0, 1.0), probabilities.argmax(axis=1) == truth


def _bins(probabilities: Floats, truth: NDArray[np.int64]) -> Bins:
    return reliability(*_judged(probabilities, truth))


def _error(bins: Bins, rows: int) -> float:
    return sum(part.count * abs(part.mean_confidence - part.accuracy) for part in bins) / rows


def _accuracy_at(shares: list[float], accuracies: list[Interval], share: float) -> float:
    return accuracies[int(np.abs(np.array(shares) - share).argmin())].value


def _paint_calibration(before: Bins, after: Bins, rows: int, canvas: Canvas) -> None:
    above, below = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], ":", color=MUTED)
    looks: tuple[Look, Look] = (
        {"color": SERIES[1], "marker": "s", "linestyle": "--"},
        {"color": SERIES[0], "marker": "o", "linestyle": "-"},
    )
    lines: list[Artist] = []
    for bins, look in zip((before, after), looks, strict=True):
        across, up = [part.mean_confidence for part in bins], [part.accuracy for part in bins]
        lines += above.plot(across, up, markersize=4, **look)
        sizes = [16 + LARGEST_DOT * part.count / rows for part in bins]
        above.scatter(across, up, sizes, color=look["color"], marker=look["marker"], linewidths=0)
    names = ["before calibration", "after calibration"]
    for bins, look, side, hatch in zip((before, after), looks, (-1, 1), ("////", ""), strict=True):
        centres = [(part.low + part.high) / 2 + side * 0.014 for part in bins]
        shares = [part.count / rows for part in bins]
        fill: Look = {"facecolor": "none"} if hatch else {"facecolor": look["color"]}
        below.bar(centres, shares, width=0.026, hatch=hatch, edgecolor=look["color"], **fill)
    above.set(ylabel="share labelled rightly", xlim=(0, 1), ylim=(0, 1.02))
    below.set(xlabel="the model's probability", ylabel="rows")
    for axis in (above.yaxis, below.xaxis, below.yaxis):
        percents(axis)
    legend(canvas, lines, names)


def _paint_coverage(
    label: LabelFindings, line: tuple[list[float], list[Interval], list[float]], canvas: Canvas
) -> None:
    axes = canvas.subplots()
    shares, accuracies, least = line
    up = [interval.value for interval in accuracies]
    low, high = [interval.low for interval in accuracies], [interval.high for interval in accuracies]
    axes.fill_between(shares, low, high, color=SERIES[0], alpha=0.2, linewidth=0)
    handles: list[Artist] = [*axes.plot(shares, up, color=SERIES[0], marker="o" if len(shares) == 1 else "")]
    names = ["the model"]
    for name, style, colour in (("tfidf", "--", SERIES[1]), ("majority", ":", INK)):
        if name in label.baselines:
            level = label.baselines[name]["accuracy"]
            handles.append(axes.axhline(level, linestyle=style, color=colour, linewidth=1.8))
            names.append({"tfidf": "TF-IDF", "majority": "majority guess"}[name])
    _mark_probabilities(axes, shares, up, least)
    axes.set(xlabel="rows that are answered", ylabel="accuracy on those", xlim=(0, 1.02))
    axes.set_ylim(max(0.0, min([*low[len(low) // 4 :], *_levels(label)]) - 0.05), 1.03)
    percents(axes.xaxis)
    percents(axes.yaxis)
    legend(canvas, [*handles, Patch(color=SERIES[0], alpha=0.2)], [*names, "95 % interval"])


def _levels(label: LabelFindings) -> list[float]:
    return [figures["accuracy"] for figures in label.baselines.values()]


def _mark_probabilities(axes: Axes, shares: list[float], up: list[float], least: list[float]) -> None:
    """Dots where abstaining below a round probability leads to."""
    last = 0.0
    for bound in reversed(MARKED_PROBABILITIES):
        kept = [place for place, probability in enumerate(least) if probability >= bound]
        if not kept or not last + 0.12 < shares[kept[-1]] < 0.97:
            continue
        last = shares[kept[-1]]
        axes.plot([last], [up[kept[-1]]], "o", color=SERIES[0], markersize=6)
        axes.annotate(f"p ≥ {bound:g}", (last, up[kept[-1]]), (0, 9), textcoords="offset points", ha="center")
