"""How long the texts of a table are: a histogram for each column, and the numbers beside it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from finetable.data.lengths import Lengths
from finetable.reporting.figure import (
    INK,
    SERIES,
    Figure,
    Look,
    Wording,
    draw_figure,
    percent,
    shortened,
    whole_numbers,
)
from finetable.reporting.findings import Findings

MOST_PANELS = 4
MOST_BARS = 40
PANEL_HEIGHT = 210

FAR = 2
"""Texts longer than so many times the 99th percentile are counted in words, not drawn: they would press all
others into the first bars."""


def text_lengths(findings: Findings) -> Figure | None:
    """How long the texts are, in words or tokens, against what the base can see."""
    if findings.table is None:
        return None
    known = [lengths for lengths in findings.table.lengths if len(lengths.values)]
    shown = known[:MOST_PANELS]
    if not shown:
        return None
    more = f" The first {len(shown)} of {len(known)} columns are drawn." if len(known) > len(shown) else ""
    has_limit = any(lengths.limit is not None for lengths in shown)
    limit = "Texts beyond a dashed line are longer than the base can see." if has_limit else ""
    wording = Wording(
        "How long the texts are",
        "Number of texts (up) by length in words or tokens (across). n counts the texts that are not blank, "
        "missing the blank ones; distinct texts differ in more than case and punctuation. "
        f"{limit}{more}",
        " ".join(_told(lengths) for lengths in shown),
    )
    return draw_figure("text-lengths", "table", wording, PANEL_HEIGHT * len(shown), partial(_paint, shown))


def _told(lengths: Lengths) -> str:
    told = lengths.figures()
    return (
        f"{shortened(lengths.column, 60)}: n {told['n']:,}, median {told['median']:,.0f} {lengths.unit}, "
        f"from {told['min']:,} to {told['max']:,}."
    )


def _paint(shown: Sequence[Lengths], canvas: Canvas) -> None:
    panels = canvas.subplots(len(shown), 2, width_ratios=[3, 1.15], squeeze=False)
    for (histogram, numbers), lengths in zip(panels, shown, strict=True):
        _paint_histogram(histogram, lengths)
        _paint_numbers(numbers, lengths)


def _paint_histogram(axes: Axes, lengths: Lengths) -> None:
    values = lengths.values
    farthest = max(int(np.ceil(FAR * np.percentile(values, 99))), 1)
    most = int(values.max()) if values.max() <= farthest else farthest
    width = max(1, -(-(most + 1 - int(values.min())) // MOST_BARS))
    edges = np.arange(int(values.min()), most + 1 + width, width) - 0.5
    axes.stairs(np.histogram(values, edges)[0], edges, fill=True, color=SERIES[0])
    axes.set_title(shortened(lengths.column, 40))
    beyond = int((values > edges[-1]).sum())
    cut = f" ({beyond:,} of {edges[-1] + 0.5:,.0f} and more not drawn)" if beyond else ""
    axes.set_xlabel(f"length in {lengths.unit}{cut}")
    axes.set_ylabel("texts")
    for axis in (axes.xaxis, axes.yaxis):
        whole_numbers(axis, 5)
    axes.grid(visible=False, axis="x")
    if lengths.limit is not None and lengths.limit <= 1.5 * edges[-1]:
        axes.axvline(lengths.limit + 0.5, color=SERIES[1], linestyle="--")


def _paint_numbers(axes: Axes, lengths: Lengths) -> None:
    axes.set_axis_off()
    names, numbers = zip(*_numbers(lengths), strict=True)
    look: Look = {"y": 1.0, "va": "top", "linespacing": 1.15, "transform": axes.transAxes, "color": INK}
    axes.text(x=0.0, s="\n".join(names), ha="left", **look)
    axes.text(x=1.0, s="\n".join(numbers), ha="right", **look)


def _numbers(lengths: Lengths) -> list[tuple[str, str]]:
    told = lengths.figures()
    numbers = [
        ("n", f"{told['n']:,}"),
        ("distinct", f"{told['distinct']:,}"),
        ("missing", percent(lengths.missing / (len(lengths.values) + lengths.missing))),
        ("mean", f"{told['mean']:,.1f}"),
        ("sd", f"{told['sd']:,.1f}"),
        ("min – max", f"{told['min']:,} – {told['max']:,}"),
        ("p1 – p99", f"{told['p1']:,.0f} – {told['p99']:,.0f}"),
        ("p25 – p75", f"{told['p25']:,.0f} – {told['p75']:,.0f}"),
        ("median", f"{told['median']:,.0f}"),
    ]
    if lengths.limit is not None:
        numbers += [("base sees", f"{lengths.limit:,}"), ("longer", f"{lengths.over_limit:,}")]
    return numbers
