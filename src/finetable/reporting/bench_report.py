"""A comparison of contestants: one sentence first, then a table, and a page."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure as Canvas

from finetable.reporting.figure import INK, SERIES, Figure, Wording, cut, draw_figure
from finetable.reporting.page import Grid, Page, Section, render
from finetable.reporting.summary import FEW_ROWS
from finetable.wording import counted

Figures = dict[str, Any]

COLUMNS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("accuracy", lambda of: f"{of['accuracy']:.3f} [{of['low']:.3f}, {of['high']:.3f}]"),
    ("beside the best", lambda of: _difference(of)),
    ("macro-F1", lambda of: f"{of['macro_f1']:.3f}"),
    ("calibration error", lambda of: _or_dash(of["calibration_error"], ".3f")),
    ("rows/s", lambda of: f"{of['rows_per_second']:,.{0 if of['rows_per_second'] >= 10 else 2}f}"),
    ("$ per 1,000", lambda of: _or_dash(of["cost_per_1000_rows"], ".2f")),
)

COLUMNS_EXPLAINED = (
    "Brackets are 95 % intervals. Beside the best: the difference of accuracies on the same rows, which were "
    "drawn again 1,000 times. Calibration error: how far the probabilities are from the shares that are "
    "right; only those of a model folder are calibrated. Time without loading and fitting."
)


def bench_lines(figures: Figures) -> list[str]:
    """The verdict, then a table with a line for each contestant, the best first, then what else to know."""
    ranked = _ranked(figures)
    width = max(len(of["name"]) for of in ranked)
    cells = [[title for title, _ in COLUMNS], *([tell(of) for _, tell in COLUMNS] for of in ranked)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([name.ljust(width), *(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True))])
        for name, row in zip(["", *(of["name"] for of in ranked)], cells, strict=True)
    ]
    return [*verdict(figures), *(line.rstrip() for line in lines), *_notes(ranked)]


def verdict(figures: Figures) -> list[str]:
    """Who is best, or who cannot be told apart; then whether fine-tuning paid, where both were tried."""
    rows = figures["rows"]
    if rows < FEW_ROWS:
        return [f"Too few to tell who is best: {counted(rows, 'test row')}."]
    sentences = [_who_is_best(_ranked(figures), rows)]
    compared = figures["fine_tuned_less_prompted"]
    return sentences if compared is None else [*sentences, _tuned_or_prompted(compared)]


def _who_is_best(ranked: list[Figures], rows: int) -> str:
    best = ranked[0]
    first = f"accuracy {COLUMNS[0][1](best)} on {counted(rows, 'row')}"
    even = [of for of in ranked if of["is_even"]]
    if len(ranked) == 1:
        return f"{best['name']} has {first}; nothing stands beside it."
    if len(even) == 1:
        second = f"{ranked[1]['name']} is next, {_difference(ranked[1])}"
        return f"{best['name']} is best, clearly: {first}; {second}."
    take = min(even, key=_burden)
    names = ", ".join(of["name"] for of in even[:-1])
    return (
        f"{names} and {even[-1]['name']} cannot be told apart ({best['name']}: {first}); "
        f"of these {take['name']} costs least to run."
    )


def _burden(of: Figures) -> tuple[float, float]:
    """What comes first costs least: by money, where it is known, then by time."""
    cost = of["cost_per_1000_rows"]
    return float("inf") if cost is None else cost, -of["rows_per_second"]


def _tuned_or_prompted(compared: Figures) -> str:
    tuned, prompted = compared["fine_tuned"], compared["prompted"]
    points = f"{tuned} less {prompted} is {_points(compared)}"
    if compared["is_even"]:
        return f"Fine-tuned or prompted makes no difference that shows here: {points}."
    if compared["difference"] > 0:
        return f"Fine-tuning pays: {points}."
    return f"A prompt does better than this fine-tuning: {points}."


def _points(of: Figures) -> str:
    low, high = of["difference_low"], of["difference_high"]
    return f"{of['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _difference(of: Figures) -> str:
    is_best = of["difference"] == of["difference_low"] == of["difference_high"] == 0
    return "the best" if is_best else _points(of)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _notes(ranked: Sequence[Figures]) -> list[str]:
    outside = [
        f"{of['name']}: {counted(of['outside'], 'answer')} outside the list of labels, which count as wrong"
        for of in ranked
        if of["outside"]
    ]
    return [*outside, *(f"{of['name']}: {note}" for of in ranked for note in of["notes"])]


def _ranked(figures: Figures) -> list[Figures]:
    return sorted(figures["contestants"], key=lambda of: -of["accuracy"])


def bench_page(figures: Figures, table: str) -> str:
    """One HTML page about a comparison."""
    ranked = _ranked(figures)
    header = ("Contestant", *(title[0].upper() + title[1:] for title, _ in COLUMNS))
    cells = [(of["name"], *(tell(of) for _, tell in COLUMNS)) for of in ranked]
    notes = [(note,) for note in _notes(ranked)]
    sections = [
        Section(
            "contestants",
            "Contestants",
            COLUMNS_EXPLAINED,
            figures=[_accuracies(ranked, figures["rows"])],
            grids=[Grid("Side by side", "", header, cells, frozenset(range(1, len(header))))],
        ),
        Section("notes", "What else to know", grids=[Grid("Notes", "", ("Note",), notes)] if notes else []),
    ]
    first, *more = verdict(figures)
    about = f"{counted(len(ranked), 'contestant')} on {counted(figures['rows'], 'test row')} of {table}."
    return render(Page("finetable: contestants compared", first, " ".join([*more, about]), (), sections))


def _accuracies(ranked: list[Figures], rows: int) -> Figure:
    wording = Wording(
        "Accuracy",
        f"Share of {counted(rows, 'test row')} labelled rightly, with its 95 % interval.",
        "; ".join(f"{of['name']}: {COLUMNS[0][1](of)}" for of in ranked),
    )
    return draw_figure("bench-accuracy", "labels", wording, 90 + 34 * len(ranked), partial(_paint, ranked))


def _paint(ranked: list[Figures], canvas: Canvas) -> None:
    axes = canvas.subplots()
    for place, of in enumerate(ranked):
        axes.plot([of["low"], of["high"]], [place, place], color=INK, linewidth=2)
        axes.plot([of["accuracy"]], [place], "o", color=SERIES[0], markersize=7)
    axes.set_yticks(range(len(ranked)), [cut(of["name"], 40) for of in ranked])
    axes.invert_yaxis()
    axes.set_xlabel("accuracy")
    axes.grid(visible=False, axis="y")
