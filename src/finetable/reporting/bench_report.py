"""A comparison of contestants: one sentence first, then a table, and a page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Canvas

from finetable.reporting.figure import INK, SERIES, Figure, Wording, cut, draw_figure
from finetable.reporting.page import Grid, Page, Section, render
from finetable.reporting.summary import FEW_ROWS
from finetable.wording import counted

Figures = dict[str, Any]

FASTEST_SHOWN = 100_000
"""Rows a second, beyond which it does not matter any more."""


@dataclass(frozen=True)
class Look:
    """How contestants of one job are shown: the key they are ranked by, its name, and the columns."""

    key: str
    title: str
    more_is_better: bool
    columns: tuple[tuple[str, Callable[[Figures], str]], ...]
    explained: str

    @property
    def ends(self) -> tuple[str, str]:
        """Keys of the ends of the interval."""
        return ("low", "high") if self.key == "accuracy" else (f"{self.key}_low", f"{self.key}_high")

    def main(self, of: Figures) -> str:
        """The figure that decides, with its interval."""
        low, high = (of[end] for end in self.ends)
        return f"{of[self.key]:.3f} [{low:.3f}, {high:.3f}]"


BRACKETS = (
    "Brackets are 95 % intervals. Beside the best: the difference on the same rows, which were drawn again "
    "1,000 times."
)
RUNNING: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("rows/s", lambda of: _rate(of["rows_per_second"])),
    ("$ per 1,000", lambda of: _or_dash(of["cost_per_1000_rows"], ".2f")),
)
LABEL = Look(
    "accuracy",
    "accuracy",
    True,
    (
        ("macro-F1", lambda of: f"{of['macro_f1']:.3f}"),
        ("calibration error", lambda of: _or_dash(of["calibration_error"], ".3f")),
        *RUNNING,
    ),
    f"{BRACKETS} Calibration error: how far the probabilities are from the shares that are right; only those "
    "of a model folder are calibrated. Time without loading and fitting.",
)
WRITE = Look(
    "bits_per_byte",
    "bits per byte",
    False,
    (
        (
            "copied words",
            lambda of: f"{of['copied_words_median']:g} (real {of['copied_words_median_real']:g})",
        ),
        ("rows that copy", lambda of: f"{of['copied_share']:.3f} (real {of['copied_share_real']:.3f})"),
        ("distinct pairs", lambda of: f"{of['distinct_2']:.3f}"),
        *RUNNING,
    ),
    f"{BRACKETS} Bits per byte: how badly the real texts were predicted, less is better. Copied words: "
    "median longest run of words that a written text shares with a training text, beside that of real texts. "
    "Distinct pairs: share of distinct pairs of words among all, on equally many words.",
)


def bench_lines(figures: Figures) -> list[str]:
    """The verdict, then a table with a line for each contestant, the best first, then what else to know."""
    ranked = _ranked(figures)
    cells = [["", *_titles(figures)], *([of["name"], *_cells(figures, of)] for of in ranked)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in cells]
    return [*verdict(figures), *(line.rstrip() for line in lines), *_notes(figures)]


def verdict(figures: Figures) -> list[str]:
    """Who is best, or who cannot be told apart; then what else was asked, in a sentence."""
    rows = figures["rows"]
    if rows < FEW_ROWS:
        return [f"Too few to tell who is best: {counted(rows, 'test row')}."]
    first = _who_is_best(figures)
    if figures["task"] == "write":
        return [first, _beside_xz(figures)]
    compared = figures["fine_tuned_less_prompted"]
    return [first] if compared is None else [first, _tuned_or_prompted(figures, compared)]


def _who_is_best(figures: Figures) -> str:
    look, rows = _look(figures), counted(figures["rows"], "row")
    ranked = _ranked(figures)
    best = ranked[0]
    first = f"{look.title} {look.main(best)} on {rows}"
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


def _tuned_or_prompted(figures: Figures, compared: Figures) -> str:
    tuned, prompted = compared["fine_tuned"], compared["prompted"]
    points = f"{tuned} less {prompted} is {_points(compared)}"
    if compared["is_even"]:
        return f"Fine-tuned or prompted makes no difference that shows here: {points}."
    ahead = tuned if compared["difference"] > 0 else prompted
    simple = _simple_as_good_as(figures, ahead)
    if simple is not None:
        return f"Neither fine-tuning nor a prompt pays: {simple} is as good or better ({points})."
    if ahead == tuned:
        return f"Fine-tuning pays: {points}."
    return f"A prompt does better than this fine-tuning: {points}."


def _simple_as_good_as(figures: Figures, name: str) -> str | None:
    """The best baseline, where it is no worse than a contestant."""
    look, ranked = _look(figures), _ranked(figures)
    score = next(of[look.key] for of in ranked if of["name"] == name)
    baselines = [of for of in ranked if of["kind"] == "baseline"]
    if not baselines:
        return None
    best = baselines[0]
    return str(best["name"]) if best[look.key] >= score else None


def _beside_xz(figures: Figures) -> str:
    xz = figures["baselines"]["xz"]["bits_per_byte"]
    better = [of["name"] for of in _ranked(figures) if of["bits_per_byte_high"] < xz]
    who = f"clearly better: {', '.join(better)}" if better else "no contestant is clearly better"
    return f"A compressor that read the training rows (xz) has {xz:.3f} bits per byte; {who}."


def _points(of: Figures) -> str:
    low, high = of["difference_low"], of["difference_high"]
    return f"{of['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _difference(of: Figures) -> str:
    is_best = of["difference"] == of["difference_low"] == of["difference_high"] == 0
    return "the best" if is_best else _points(of)


def _rate(rows_per_second: float) -> str:
    if rows_per_second > FASTEST_SHOWN:
        return f"over {FASTEST_SHOWN:,}"
    return f"{rows_per_second:,.{0 if rows_per_second >= 10 else 2}f}"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _notes(figures: Figures) -> list[str]:
    ranked = _ranked(figures)
    outside = [
        f"{of['name']}: {counted(of['outside'], 'answer')} outside the list of labels, which count as wrong"
        for of in ranked
        if of.get("outside")
    ]
    return [*outside, *(f"{of['name']}: {note}" for of in ranked for note in of["notes"])]


def _look(figures: Figures) -> Look:
    return LABEL if figures["task"] == "label" else WRITE


def _titles(figures: Figures) -> list[str]:
    look = _look(figures)
    return [look.title, "beside the best", *(title for title, _ in look.columns)]


def _cells(figures: Figures, of: Figures) -> list[str]:
    look = _look(figures)
    return [look.main(of), _difference(of), *(tell(of) for _, tell in look.columns)]


def _ranked(figures: Figures) -> list[Figures]:
    look = _look(figures)
    sign = -1 if look.more_is_better else 1
    return sorted(figures["contestants"], key=lambda of: sign * of[look.key])


def bench_page(figures: Figures, table: str) -> str:
    """One HTML page about a comparison."""
    ranked = _ranked(figures)
    header = ("Contestant", *(title[0].upper() + title[1:] for title in _titles(figures)))
    cells = [(of["name"], *_cells(figures, of)) for of in ranked]
    notes = [(note,) for note in _notes(figures)]
    sections = [
        Section(
            "contestants",
            "Contestants",
            _look(figures).explained,
            figures=[_picture(figures)],
            grids=[Grid("Side by side", "", header, cells, frozenset(range(1, len(header))))],
        ),
        Section("notes", "What else to know", grids=[Grid("Notes", "", ("Note",), notes)] if notes else []),
    ]
    first, *more = verdict(figures)
    rows = f"{counted(figures['rows'], 'test row')} of {Path(table).name}"
    about = f"{counted(len(ranked), 'contestant')} on {rows}."
    return render(Page("finetable: contestants compared", first, " ".join([*more, about]), (), sections))


def _picture(figures: Figures) -> Figure:
    look = _look(figures)
    ranked = _ranked(figures)
    what = "Share labelled rightly" if look is LABEL else "Bits per byte of the real texts, less is better"
    wording = Wording(
        look.title[0].upper() + look.title[1:],
        f"{what}, on {counted(figures['rows'], 'test row')}; the lines are 95 % intervals.",
        "; ".join(f"{of['name']}: {look.main(of)}" for of in ranked),
    )
    height = 90 + 34 * len(ranked)
    return draw_figure(f"bench-{look.key}", "labels", wording, height, partial(_paint, ranked, look))


def _paint(ranked: list[Figures], look: Look, canvas: Canvas) -> None:
    axes = canvas.subplots()
    for place, of in enumerate(ranked):
        axes.plot([of[end] for end in look.ends], [place, place], color=INK, linewidth=2)
        axes.plot([of[look.key]], [place], "o", color=SERIES[0], markersize=7)
    axes.set_yticks(range(len(ranked)), [cut(of["name"], 40) for of in ranked])
    axes.invert_yaxis()
    axes.set_xlabel(look.title)
    axes.grid(visible=False, axis="y")
