"""Pictures of a labeller, label by label: what is taken for what, and how well each label is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from finetable.evaluation.metrics import confusion
from finetable.reporting.figure import (
    INK,
    SERIES,
    Figure,
    Look,
    Wording,
    draw_figure,
    percent,
    percents,
    shortened,
    tooltip,
)
from finetable.reporting.findings import Findings
from finetable.wording import counted

MOST_IN_MATRIX = 40
MOST_CONFUSED = 20
"""So many labels are drawn if there are more than MOST_IN_MATRIX."""

MOST_CLASSES = 40
NUMBERED = 20
"""Up to so many labels a count fits into a cell."""

DARKEST = 0.6
"""How much of the colour a cell with a count has that holds all rows of its label: so it stays readable."""

NOTHING_KNOWN = (0.0, 1.0)
"""The interval of a share of no rows, as the precision of a label that was never given is."""

MEASURES = ("precision", "recall", "f1")


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Counts (K, K) of the labels `names` that are drawn, and each row's number of rows in the whole (K,)."""

    names: list[str]
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]


def confusion_matrix(findings: Findings) -> Figure | None:
    """Which labels are taken for which."""
    label = findings.label
    if label is None or not len(label.truth):
        return None
    counts = confusion(label.truth, label.probabilities.argmax(axis=1), len(label.labels))
    kept = _kept(counts)
    names = [shortened(label.labels[k], 18) for k in kept]
    matrix = _Matrix(names, counts[np.ix_(kept, kept)], counts.sum(axis=1)[kept])
    rows, cut = len(label.truth), len(kept) < len(label.labels)
    wording = Wording(
        "What is taken for what",
        f"{counted(rows, 'test row')}: the true label (down) and the model's (across). A cell counts rows; "
        "the stronger its colour, the greater its share of the rows with that true label. The diagonal is "
        "right. "
        + (f"Of {len(label.labels):,} labels, the {len(kept)} that are confused most. " if cut else "")
        + ("" if len(kept) <= NUMBERED else "Rest the pointer on a cell for its count. ")
        + _worst(label.labels, counts),
        f"On the diagonal: {percent(np.trace(counts) / rows)} of {counted(rows, 'row')}. "
        + _worst(label.labels, counts),
    )
    height = 150 + len(kept) * _cell(len(kept))
    return draw_figure("confusion", "labels", wording, height, partial(_paint_matrix, matrix))


def class_scores(findings: Findings) -> Figure | None:
    """Precision, recall and F1 of each label."""
    if findings.label is None or not findings.label.per_class:
        return None
    classes = sorted(findings.label.per_class, key=lambda figures: (-figures["rows"], figures["label"]))
    shown = classes[:MOST_CLASSES]
    weakest = sorted(shown, key=lambda figures: float(figures["f1"]))[:5]
    wording = Wording(
        "How well each label is found",
        "Precision: of the rows so labelled, the share that is so. Recall: of the rows that are so, the "
        "share so labelled. F1: their harmonic mean. Lines are 95 % intervals, – a share of no rows; in "
        "brackets, the number of test rows."
        + (
            f" The {len(shown)} most frequent of {len(classes):,} labels."
            if len(classes) > len(shown)
            else ""
        ),
        "Lowest F1: "
        + ", ".join(f"{shortened(each['label'], 40)} {percent(each['f1'])}" for each in weakest)
        + ".",
    )
    return draw_figure("class-scores", "labels", wording, 70 + 24 * len(shown), partial(_paint_scores, shown))


def _kept(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels to draw, in their order."""
    if len(counts) <= MOST_IN_MATRIX:
        return np.arange(len(counts))
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return np.sort(np.argsort(-wrong, kind="stable")[:MOST_CONFUSED])


def _worst(labels: Sequence[str], counts: NDArray[np.int64], most: int = 3) -> str:
    wrong = counts - np.diag(np.diag(counts))
    cells = [divmod(int(cell), len(labels)) for cell in np.argsort(-wrong, axis=None, kind="stable")[:most]]
    told = [
        f"{shortened(labels[truth], 30)} for {shortened(labels[taken], 30)} ({counted(rows, 'row')})"
        for truth, taken in cells
        if (rows := int(wrong[truth, taken]))
    ]
    return f"Taken most often: {', '.join(told)}." if told else "None is taken for another."


def _cell(labels: int) -> float:
    return max(12.0, min(40.0, 440 / labels))


def _paint_matrix(matrix: _Matrix, canvas: Canvas) -> None:
    axes = canvas.subplots()
    darkest = DARKEST if len(matrix.names) <= NUMBERED else 1.0
    shares = matrix.counts / np.maximum(matrix.rows, 1)[:, None]
    for truth, taken in zip(*np.nonzero(matrix.counts), strict=True):
        count, share = int(matrix.counts[truth, taken]), float(shares[truth, taken])
        shade = max(0.05, darkest * share)
        cell = Rectangle((taken - 0.5, truth - 0.5), 1, 1, facecolor=SERIES[0], alpha=shade)
        tooltip(
            axes.add_patch(cell),
            f"{matrix.names[truth]} taken for {matrix.names[taken]}: {counted(count, 'row')}",
        )
        if len(matrix.names) <= NUMBERED:
            text = f"{count:,}" if count < 1000 else f"{count / 1000:.3g}k"
            axes.text(taken, truth, text, ha="center", va="center", color=INK)
    places = range(len(matrix.names))
    axes.set_yticks(places, matrix.names)
    axes.set_xticks(places, matrix.names, rotation=90)
    axes.set_xticks(np.arange(len(places) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(places) + 1) - 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set(xlim=(-0.5, len(places) - 0.5), ylim=(len(places) - 0.5, -0.5), aspect="equal")
    axes.set(xlabel="the model's label", ylabel="true label")


def _paint_scores(shown: Sequence[dict[str, Any]], canvas: Canvas) -> None:
    panels = canvas.subplots(1, len(MEASURES), sharey=True)
    for axes, measure, colour, marker in zip(panels, MEASURES, SERIES, "osD", strict=False):
        _paint_measure(axes, shown, measure, {"color": colour, "marker": marker})
        axes.set_title("F1" if measure == "f1" else measure)
    names = [f"{shortened(each['label'], 20)} ({each['rows']:,})" for each in shown]
    panels[0].set_yticks(range(len(shown)), names)
    panels[0].set_ylim(len(shown) - 0.5, -0.5)


def _paint_measure(axes: Axes, shown: Sequence[dict[str, Any]], measure: str, look: Look) -> None:
    for place, each in enumerate(shown):
        low, high = each[f"{measure}_low"], each[f"{measure}_high"]
        # An interval of real rows may be as wide, but not around nothing.
        if (low, high) == NOTHING_KNOWN and not each[measure]:
            axes.text(0, place, "–", color=INK, ha="center", va="center")
            continue
        axes.plot([low, high], [place, place], color=look["color"], linewidth=1.5)
        (dot,) = axes.plot([each[measure]], [place], markersize=6, linestyle="none", **look)
        told = f"{percent(each[measure])} [{percent(low)}, {percent(high)}]"
        tooltip(dot, f"{each['label']}: {measure} {told}")
    axes.set_xlim(-0.04, 1.04)
    axes.set_xticks([0, 0.5, 1])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    percents(axes.xaxis)
