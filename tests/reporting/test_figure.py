"""Drawings become pictures that scale, follow the page's colours, and are read aloud."""

import re
from functools import partial

import matplotlib
import pytest
from matplotlib.figure import Figure as Canvas

from finetable.reporting.figure import (
    DARK,
    FIGURE_CSS,
    INK,
    LIGHT,
    SERIES,
    Wording,
    cells,
    cut,
    draw_figure,
    percent,
    shortened,
    tooltip,
)
from finetable.wording import counted

WORDING = Wording("A title", "A caption.", "What is to be seen: 3 bars.")


def paint(name: str, canvas: Canvas) -> None:
    axes = canvas.subplots()
    bars = axes.bar([0, 1, 2], [3, 1, 2], color=SERIES[0], hatch="//", edgecolor=INK)
    tooltip(bars[0], f"{name}: 3")
    axes.set_title(name)


def svg_of(text: str) -> str:
    return draw_figure("bars", "table", WORDING, 200, partial(paint, text)).svg


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    darker, lighter = sorted((luminance(colour), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_stands_out_from_the_page(colours: dict[str, str]) -> None:
    for name, colour in colours.items():
        if name in ("ink", "muted"):
            assert contrast(colour, colours["paper"]) >= 4.5, "letters"
        elif name.startswith("series"):
            assert contrast(colour, colours["paper"]) >= 3, "lines and areas"
    assert contrast(colours["series-1"], colours["paper"]) >= 4.5, "small words of a cloud"
    assert set(LIGHT) == set(DARK)


def test_the_page_can_turn_dark() -> None:
    dark = FIGURE_CSS.split("prefers-color-scheme: dark", 1)[1]
    assert all(f"--{name}: {colour};" in dark for name, colour in DARK.items())


def test_text_stays_text_and_is_no_formula() -> None:
    assert ">$x_1$ &lt;b&gt; #0072b2 url(#c) 映画</text>" in svg_of("$x_1$ <b> #0072b2 url(#c) 映画")
    assert "<title>$x_1$: 3</title>" in svg_of("$x_1$")


def test_settings_do_not_stay() -> None:
    before = dict(matplotlib.rcParams)
    svg_of("plain")
    assert dict(matplotlib.rcParams) == before


def test_a_persons_own_settings_change_nothing() -> None:
    plain = svg_of("plain")
    with matplotlib.rc_context(
        {"font.size": 30, "axes.grid": False, "text.color": "red", "xtick.major.size": 20}
    ):
        assert svg_of("plain") == plain


def test_colours_of_a_hatch_follow_the_page_too() -> None:
    pattern = re.search(r"<pattern.*?</pattern>", svg_of("plain"))
    assert pattern is not None
    assert 'style="fill: var(--series-1, #0072b2)"' in pattern[0]


def test_long_names_are_cut() -> None:
    assert cut("short", 5) == "short"
    assert cut("a long name", 7) == "a long…"
    assert cut("映画映画", 5) == "映画…"
    assert cells("映画e\u0301") == 5
    assert all(cells(cut("映x" * 9, most)) <= most for most in range(1, 30))


def test_names_do_not_turn_the_text_around_them() -> None:
    assert shortened("plain", 9) == "plain"
    assert shortened("שלום", 9) == "\u2068שלום\u2069"


def test_numbers_in_words() -> None:
    assert (counted(1, "row"), counted(2000, "row"), percent(0.1234)) == ("1 row", "2,000 rows", "12.3 %")
