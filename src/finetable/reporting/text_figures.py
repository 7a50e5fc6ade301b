"""Pictures of written texts beside real ones: lengths, words, variety, copies."""

from collections.abc import Sequence
from functools import partial
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from finetable.data.copies import COPIED_RUN, Copy
from finetable.data.folding import words
from finetable.evaluation.diversity import WordUse, distinct_n, self_bleu, telling_words, word_count
from finetable.reporting.figure import (
    FONT_SIZE,
    HATCHES,
    INK,
    LIGHT,
    LINES,
    PAPER,
    SERIES,
    WIDTH,
    Figure,
    Look,
    Wording,
    draw_figure,
    legend,
    percent,
    percents,
    shortened,
    thousands,
    whole_numbers,
)
from finetable.reporting.findings import Findings, TextFindings
from finetable.reporting.svg import coloured, finished
from finetable.reporting.word_cloud import CAN_LAY_OUT, lay_out, write_words
from finetable.wording import counted

NAMES = ["written", "real"]
GRAMS = (1, 2, 3, 4)
MOST_TELLING = 15
MOST_IN_CLOUD = 40
CLOUD_HEIGHT = 300
MOST_BARS = 30

Integers = NDArray[np.int64]


def written_lengths(findings: Findings) -> Figure | None:
    """Lengths of written texts beside those of real ones."""
    text = _both(findings)
    if text is None:
        return None
    lengths = [np.array([len(words(each)) for each in texts]) for texts in (text.written, text.real)]
    medians = [float(np.median(each)) for each in lengths]
    wording = Wording(
        "Whether written texts are as long as real ones",
        f"Share of texts (up) by length in words (across): {_counts(text)}. "
        "The more the two outlines cover each other, the better.",
        f"Median {medians[0]:,.0f} words in written texts, {medians[1]:,.0f} in real ones.",
    )
    return draw_figure("written-lengths", "texts", wording, 260, partial(_paint_lengths, lengths))


def written_words(findings: Findings) -> Figure | None:
    """The words that tell written texts from real ones, as two clouds side by side."""
    text = _both(findings)
    if text is None:
        return None
    over, under = telling_words(text.written, text.real, MOST_IN_CLOUD)
    if not over and not under:
        return None
    if not CAN_LAY_OUT:
        return None
    wording = Wording(
        "Words that tell them apart",
        "On the left words that written texts use more often than real ones, on the right those that real "
        f"texts use more often; the larger, the surer the difference (z). {_counts(text).capitalize()}.",
        f"More often in written texts: {_told(over)}. More often in real texts: {_told(under)}.",
    )
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {CLOUD_HEIGHT + 30}"})
    for uses, heading, shift in ((over, "written", 0.0), (under, "real", WIDTH / 2 + 10)):
        style = coloured(f"font-size: {FONT_SIZE}px; font-weight: 700; fill: {INK}", LIGHT)
        SubElement(root, "text", {"x": f"{shift:g}", "y": "14", "style": style}).text = heading
        weights = {use.word: abs(use.z) for use in uses}
        group = SubElement(root, "g", {"transform": f"translate({shift:g} 30)"})
        write_words(group, lay_out(weights, WIDTH // 2 - 10, CLOUD_HEIGHT) if weights else [])
    svg = finished(root, "written-words", (wording.title, wording.alt))
    return Figure("written-words", "texts", wording.title, wording.caption, wording.alt, svg)


def word_use(findings: Findings) -> Figure | None:
    """Words that written texts use too often, and too seldom."""
    text = _both(findings)
    if text is None:
        return None
    over, under = telling_words(text.written, text.real, MOST_TELLING)
    uses = [*over, *reversed(under)]
    if not uses:
        return None
    wording = Wording(
        "Words used too often and too seldom",
        f"Difference in use between written and real texts, in standard errors (z); the {len(uses)} words "
        "beyond ±1.96 that differ most. Beside each, how often it stands in written and in real texts.",
        f"Too often: {_told(over[:8])}. Too seldom: {_told(under[:8])}.",
    )
    return draw_figure("word-use", "texts", wording, 50 + 22 * len(uses), partial(_paint_word_use, uses))


def variety(findings: Findings) -> Figure | None:
    """How varied written texts are, beside real ones: distinct-n and self-BLEU."""
    text = _both(findings)
    if text is None:
        return None
    same = min(word_count(text.written), word_count(text.real))
    texts = min(len(text.written), len(text.real))
    shares = [
        [distinct_n(each, n, same) for n in GRAMS] + [self_bleu(each[:texts])]
        for each in (text.written, text.real)
    ]
    told = "; ".join(
        f"{name}: written {percent(written)}, real {percent(real)}"
        for name, written, real in zip(_variety_names(), *shares, strict=True)
    )
    wording = Wording(
        "Whether written texts are as varied as real ones",
        "distinct-n: share of different runs of n words among all such runs, less means more repetition, "
        f"counted in {same:,} words of each. self-BLEU: likeness of each text to the others, more means less "
        f"variety, of at most 100 of {texts:,} texts of each.",
        f"{told}.",
    )
    return draw_figure("variety", "texts", wording, 260, partial(_paint_variety, shares))


def copied_words(findings: Findings) -> Figure | None:
    """How long the runs of words are that texts share with training texts."""
    text = findings.text
    if text is None or not text.written_copies or not text.real_copies:
        return None
    runs = [_runs(text.written_copies), _runs(text.real_copies)]
    copied = [
        float(np.mean([copy.is_copied for copy in each])) for each in (text.written_copies, text.real_copies)
    ]
    medians = [float(np.median(each)) for each in runs]
    wording = Wording(
        "Whether written texts copy",
        "Share of texts (up) whose longest run of words found in a training text has at least so many words "
        f"(across): {_counts(text)}. A model that does not copy stays near the real texts. From {COPIED_RUN} "
        "words on (dashed) a text counts as a copy, and so does a shorter one that is a whole training text.",
        f"Median copied run {medians[0]:g} words in written texts, {medians[1]:g} in real ones; "
        f"copies are {percent(copied[0])} of written and {percent(copied[1])} of real texts.",
    )
    return draw_figure("copied-words", "texts", wording, 280, partial(_paint_copies, runs))


def _both(findings: Findings) -> TextFindings | None:
    text = findings.text
    return text if text is not None and text.written and text.real else None


def _counts(text: TextFindings) -> str:
    written, real = counted(len(text.written), "written text"), counted(len(text.real), "real one")
    return f"{written}, {real} that the model never saw"


def _told(uses: Sequence[WordUse]) -> str:
    return ", ".join(f"{shortened(use.word, 30)} (z {use.z:+.1f})" for use in uses[:10]) or "none"


def _runs(copies: Sequence[Copy]) -> Integers:
    return np.array([copy.words for copy in copies], dtype=np.int64)


def _variety_names() -> list[str]:
    return [f"distinct-{n}" for n in GRAMS] + ["self-BLEU"]


def _paint_lengths(lengths: Sequence[Integers], canvas: Canvas) -> None:
    axes = canvas.subplots()
    most = max(int(np.percentile(each, 99.5)) for each in lengths) + 1
    width = max(1, -(-most // MOST_BARS))
    edges = np.arange(0, most + 2 * width, width) - 0.5
    lines: list[Artist] = []
    for each, colour, line, hatch in zip(lengths, SERIES, LINES, ("////", ""), strict=False):
        shares = np.histogram(np.minimum(each, edges[-1]), edges)[0] / len(each)
        look: Look = {
            "edgecolor": colour,
            "linestyle": line,
            "linewidth": 2,
            "hatch": hatch,
            "fill": bool(hatch),
        }
        lines.append(axes.stairs(shares, edges, facecolor="none", **look))
    longer = any((each > edges[-1]).any() for each in lengths)
    axes.set(
        xlabel=f"length in words{' (the last bar holds all longer texts)' if longer else ''}", ylabel="texts"
    )
    percents(axes.yaxis)
    whole_numbers(axes.xaxis, 8)
    axes.set_xlim(edges[0], edges[-1])
    legend(canvas, lines, NAMES)


def _paint_word_use(uses: Sequence[WordUse], canvas: Canvas) -> None:
    axes = canvas.subplots()
    for place, use in enumerate(uses):
        side = 0 if use.z > 0 else 1
        axes.barh(
            place, use.z, color=SERIES[side], hatch=HATCHES[side], edgecolor=PAPER, linewidth=0, height=0.7
        )
        ends: Look = {"ha": "right" if use.z > 0 else "left", "va": "center", "textcoords": "offset points"}
        axes.annotate(shortened(use.word, 24), (0, place), (-6 if use.z > 0 else 6, 0), **ends)
        beyond = {**ends, "ha": "left" if use.z > 0 else "right"}
        axes.annotate(
            f"{use.written:,} : {use.real:,}", (use.z, place), (5 if use.z > 0 else -5, 0), **beyond
        )
    reach = 1.4 * max(abs(use.z) for use in uses)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set(xlim=(-reach, reach), ylim=(len(uses) - 0.5, -0.5), xlabel="z (numbers: times written : real)")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    thousands(axes.xaxis)


def _paint_variety(shares: Sequence[Sequence[float]], canvas: Canvas) -> None:
    axes = canvas.subplots()
    handles: list[Artist] = []
    for values, colour, hatch, side in zip(shares, SERIES, HATCHES, (-0.2, 0.2), strict=False):
        places = np.arange(len(values)) + side
        bars = axes.bar(places, values, width=0.36, color=colour, hatch=hatch, edgecolor=PAPER, linewidth=0)
        axes.bar_label(bars, [f"{100 * value:.0f} %" for value in values], padding=2)
        handles.append(bars.patches[0])
    axes.set_xticks(range(len(GRAMS) + 1), _variety_names())
    axes.axvline(len(GRAMS) - 0.5, color=INK, linewidth=1)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    percents(axes.yaxis)
    axes.set_ylabel("share of runs; likeness")
    legend(canvas, handles, NAMES)


def _paint_copies(runs: Sequence[Integers], canvas: Canvas) -> None:
    axes = canvas.subplots()
    most = min(max(int(each.max()) for each in runs), 4 * COPIED_RUN)
    across = np.arange(max(most, COPIED_RUN) + 2)
    lines = [_paint_run(axes, each, across, k) for k, each in enumerate(runs)]
    axes.axvline(COPIED_RUN, color=INK, linestyle="--", linewidth=1)
    axes.annotate(
        f"{COPIED_RUN} words: a copy", (COPIED_RUN, 1), (6, -4), textcoords="offset points", va="top"
    )
    axes.set(
        xlabel="longest copied run, in words", ylabel="texts with at least so long a run", ylim=(0, 1.04)
    )
    axes.set_xlim(0, across[-1])
    whole_numbers(axes.xaxis, 10)
    percents(axes.yaxis)
    legend(canvas, lines, NAMES)


def _paint_run(axes: Axes, runs: Integers, across: Integers, series: int) -> Artist:
    shares = [(runs >= length).mean() for length in across]
    look: Look = {
        "color": SERIES[series],
        "linestyle": LINES[series],
        "marker": "os"[series],
        "markersize": 4,
    }
    return axes.plot(across, shares, **look)[0]
