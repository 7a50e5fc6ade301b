"""Pictures of a table: its labels, words, topics and duplicates."""

from collections.abc import Sequence
from functools import partial
from xml.etree.ElementTree import Element

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from finetable.data.profile import Topic
from finetable.reporting.figure import (
    FONT_SIZE,
    HATCHES,
    PAPER,
    SERIES,
    WIDTH,
    Figure,
    Wording,
    bars_only,
    draw_figure,
    percent,
    shortened,
    tooltip,
)
from finetable.reporting.findings import Findings
from finetable.reporting.svg import finished
from finetable.reporting.word_cloud import lay_out, write_words
from finetable.wording import counted

MOST_LABELS = 30
MOST_TOPICS = 20
BAR_HEIGHT = 24
CLOUD_HEIGHT = 320


def label_counts(findings: Findings) -> Figure | None:
    """How many rows each label has."""
    if findings.table is None or not any(findings.table.labels.values()):
        return None
    counts = sorted(findings.table.labels.items(), key=lambda item: (-item[1], item[0]))
    total = sum(count for _, count in counts)
    bars = [(shortened(label, 28), count) for label, count in counts[:MOST_LABELS]]
    if rest := counts[MOST_LABELS:]:
        bars.append((counted(len(rest), "other label"), sum(count for _, count in rest)))
    wording = Wording(
        "How often each label stands in the table",
        f"Rows by label, the most frequent first, with the share of all {counted(total, 'labelled row')}; "
        f"{counted(len(counts), 'label')}." + (f" The last {len(rest):,} put together." if rest else ""),
        f"{counted(len(counts), 'label')} on {counted(total, 'row')}. "
        + ", ".join(f"{label}: {count:,}" for label, count in bars[:10])
        + ".",
    )
    texts = [f"{count:,} ({percent(count / total)})" for _, count in bars]
    hatches = [HATCHES[place == MOST_LABELS] for place in range(len(bars))]
    paint = partial(_paint_bars, bars, texts, hatches)
    return draw_figure("label-counts", "table", wording, 20 + BAR_HEIGHT * len(bars), paint)


def table_words(findings: Findings) -> Figure | None:
    """The most frequent telling words."""
    if findings.table is None:
        return None
    counts = {word: count for word, count in findings.table.word_counts.items() if count > 0}
    placed = lay_out(counts, WIDTH, CLOUD_HEIGHT) if counts else []
    if not placed:
        return None
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    told = ", ".join(f"{shortened(word, 40)} ({count:,})" for word, count in most)
    wording = Wording(
        "Which words are frequent",
        "The larger a word, the more often it stands in the texts. English stop words, words of one or two "
        "letters and words of more than a fifth of the texts are left out. "
        f"{counted(len(placed), 'word')}. Times: {told}.",
        f"Word cloud. Most frequent words, with the times that they occur: {told}.",
    )
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {CLOUD_HEIGHT}"})
    write_words(root, placed)
    svg = finished(root, "table-words", (wording.title, wording.alt))
    return Figure("table-words", "table", wording.title, wording.caption, wording.alt, svg)


def topics(findings: Findings) -> Figure | None:
    """What the texts are about."""
    if findings.table is None or not findings.table.topics:
        return None
    ranked = sorted(findings.table.topics, key=lambda topic: -topic.share)
    shown = ranked[:MOST_TOPICS]
    wording = Wording(
        "What the texts are about",
        f"{counted(len(ranked), 'topic')}, found from words that stand together; each with its most telling "
        "words and the share of the texts, in per cent, that it fits best."
        + (f" The {len(shown)} largest are drawn." if len(ranked) > len(shown) else ""),
        " ".join(f"{percent(topic.share)}: {_words(topic)}." for topic in shown[:10]),
    )
    return draw_figure("topics", "table", wording, 16 + 44 * len(shown), partial(_paint_topics, shown))


def duplicates(findings: Findings) -> Figure | None:
    """How many rows say again what an earlier one says."""
    table = findings.table
    if table is None or table.duplicates is None or not table.rows:
        return None
    bars = [("equal to an earlier row", table.duplicates)]
    if table.near_duplicates is not None:
        bars.append(("nearly equal to an earlier row", table.near_duplicates))
    bars.insert(0, ("new", max(0, table.rows - sum(count for _, count in bars))))
    texts = [f"{count:,} ({percent(count / table.rows)})" for _, count in bars]
    wording = Wording(
        "How many rows are duplicates",
        f"Of {counted(table.rows, 'row')}, how many have the text of an earlier row. Equal texts differ in "
        "case and punctuation at the most; nearly equal ones share most of their runs of three words, "
        "with that row or with one that does so with it.",
        "; ".join(f"{name}: {text}" for (name, _), text in zip(bars, texts, strict=True)) + ".",
    )
    paint = partial(_paint_bars, bars, texts, HATCHES[: len(bars)])
    return draw_figure("duplicates", "table", wording, 20 + BAR_HEIGHT * len(bars), paint)


def _paint_bars(
    bars: Sequence[tuple[str, int]], texts: Sequence[str], hatches: Sequence[str], canvas: Canvas
) -> None:
    axes = canvas.subplots()
    for place, ((name, count), text, hatch) in enumerate(zip(bars, texts, hatches, strict=True)):
        colour = SERIES[HATCHES.index(hatch)]
        (bar,) = axes.barh(place, count, height=0.72, color=colour, hatch=hatch, edgecolor=PAPER, linewidth=0)
        tooltip(bar, f"{name}: {text}")
    _write_beside(axes, [count for _, count in bars], texts)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(0, 1.38 * max(1, *(count for _, count in bars)))


def _write_beside(axes: Axes, ends: Sequence[float], texts: Sequence[str]) -> None:
    """Write a text behind the end of each bar."""
    bars_only(axes)
    for place, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.annotate(text, (end, place), (5, 0), textcoords="offset points", va="center")


def _paint_topics(shown: Sequence[Topic], canvas: Canvas) -> None:
    axes = canvas.subplots()
    shares = [topic.share for topic in shown]
    axes.barh(range(len(shown)), shares, height=0.3, color=SERIES[0])
    _write_beside(axes, shares, [percent(share) for share in shares])
    for place, topic in enumerate(shown):
        words = shortened(_words(topic), 80)
        axes.annotate(
            words, (0, place - 0.4), (0, 0), textcoords="offset points", va="center", size=FONT_SIZE
        )
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.7, -0.7)
    axes.set_xlim(0, 1.15 * max(*shares, 1e-9))


def _words(topic: Topic) -> str:
    return ", ".join(shortened(word, 24) for word in topic.words)
