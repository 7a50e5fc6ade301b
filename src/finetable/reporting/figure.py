"""What a figure is, and how one is drawn: a picture that scales, follows light and dark, and reads aloud."""

import io
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.style import context as style_context
from matplotlib.ticker import FuncFormatter, MaxNLocator

from finetable.reporting.svg import TOOLTIP, clean
from finetable.wording import printable

Look = dict[str, Any]
"""How something is drawn, in matplotlib's words."""

Section = Literal["table", "training", "labels", "texts"]

WIDTH = 640
"""Units of a figure's width. At that many pixels one unit is one pixel and the smallest text has 9 pt."""

FONT_SIZE = 12.0
INK = "#1c1c1e"
MUTED = "#6b7280"
GRID = "#e5e7eb"
PAPER = "#ffffff"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of Okabe and Ito's colours those that stand out from white by 3 : 1, apart for the colour-blind too."""

HATCHES = ("", "////", "\\\\\\\\", "xxxx")
LINES = ("-", "--", "-.", ":")

LIGHT = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER} | {
    f"series-{k + 1}": colour for k, colour in enumerate(SERIES)
}
DARK = {
    "ink": "#f2f2f4",
    "muted": "#a3a9b6",
    "grid": "#3a3b40",
    "paper": "#161618",
    "series-1": "#56b4e9",
    "series-2": "#ff8f3f",
    "series-3": "#2fd09c",
    "series-4": "#e6a3c8",
}


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


FIGURE_CSS = f"""
:root {{ color-scheme: light dark; {_variables(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}
@media print {{ :root {{ {_variables(LIGHT)} }} }}
.drawing {{ overflow-x: auto; max-width: {WIDTH + 120}px; }}
.drawing > svg {{ display: block; width: 100%; min-width: {WIDTH - 100}px; height: auto; }}
""".strip()
"""Colours of figures on a light and on a dark page. Put each picture into an element of class `drawing`: on a
narrow screen it scrolls sideways in there before its letters become too small."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "finetable",
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "text.color": INK,
    "axes.formatter.use_mathtext": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 1,
    "hatch.linewidth": 1,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "legend.frameon": False,
    "legend.fontsize": FONT_SIZE,
    "legend.handlelength": 2.5,
    "figure.dpi": 72,
    "savefig.dpi": 72,
}

_NO_GLYPH = "Glyph .* missing from|Matplotlib currently does not support"
"""matplotlib's warnings about letters that its own font lacks; a reader's browser has them."""


@dataclass(frozen=True)
class Wording:
    """What stands around a picture, and what is read aloud in its place."""

    title: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Figure:
    """A picture of a report.

    `name` is a slug, unique in a report. `caption` says what one sees and how to read it, `alt` what the
    picture shows, for those who do not see it: both plain text, to be escaped. `svg` is an `<svg>` element
    to stand in a page as it is, with everything in it escaped.
    """

    name: str
    section: Section
    title: str
    caption: str
    alt: str
    svg: str


def draw_figure(
    name: str, section: Section, wording: Wording, height: float, paint: Callable[[Canvas], None]
) -> Figure:
    """Draw a figure WIDTH units wide and `height` units high; the same calls give the same bytes.

    `paint` is handed an empty canvas. Settings of matplotlib hold while it runs and not a moment longer.
    """
    with style_context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_NO_GLYPH, category=UserWarning)
        canvas = Canvas(figsize=(WIDTH / 72, height / 72), layout="constrained")
        paint(canvas)
        written = io.StringIO()
        FigureCanvasSVG(canvas).print_figure(written, format="svg", metadata={"Date": None})
    svg = clean(written.getvalue(), name, (wording.title, wording.alt), LIGHT)
    return Figure(name, section, wording.title, wording.caption, wording.alt, svg)


def cells(text: str) -> int:
    """How wide a text is in Latin letters: those of East Asia count twice, marks not at all."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
        if not unicodedata.combining(char)
    )


def shortened(text: str, most: int) -> str:
    """A text cut to `most` cells that does not turn the direction of what stands beside it."""
    text = cut(text, most)
    turns = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)
    return f"\u2068{text}\u2069" if turns else text


def cut(text: str, most: int) -> str:
    """A printable text of at most `most` cells, ending in … where something was cut."""
    text = printable(text)
    if cells(text) <= most:
        return text
    kept, width = "", 1
    for char in text:
        width += cells(char)
        if width > most:
            break
        kept += char
    return kept.rstrip() + "…"


def percent(share: float) -> str:
    """A share of one in words: 12.3 %."""
    return f"{100 * share:.1f} %"


def tooltip(artist: Artist, text: str) -> None:
    """Let a text appear where the pointer rests on something drawn."""
    artist.set_gid(TOOLTIP + printable(text))


def thousands(axis: Any) -> None:
    """Write the numbers of an axis as 12,000 and 0.25."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "−")))


def percents(axis: Any) -> None:
    """Write the shares of an axis as 25 %."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.10g} %".replace("-", "−")))


def whole_numbers(axis: Any, most: int) -> None:
    """Mark at most so many places of an axis, all of them whole numbers."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=most, min_n_ticks=1))
    thousands(axis)


def bars_only(axes: Axes) -> None:
    """Leave of an axes with horizontal bars nothing but the names beside them."""
    axes.grid(visible=False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.invert_yaxis()


def legend(canvas: Canvas, handles: Sequence[Artist], names: list[str]) -> None:
    """Say above all panels which series is which."""
    canvas.legend(handles, names, loc="outside upper left", ncols=len(names), borderaxespad=0.2)
