"""Word clouds: laid out by the package `wordcloud`, written as text that any browser sets without overlap."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import matplotlib
from matplotlib.font_manager import get_font
from PIL import ImageFont

from finetable.reporting.figure import INK, LIGHT, SERIES, cut
from finetable.reporting.svg import coloured

try:
    from wordcloud import WordCloud
except ImportError:  # an extra
    WordCloud = None

CAN_LAY_OUT = WordCloud is not None
MOST_WORDS = 80
MOST_CELLS = 24
SMALLEST = 15
LARGEST = (72, 60, 48, 36, 28, 22)
"""Sizes of the first word, tried one after the other."""

LARGE = 22
"""From this size on letters are thick enough for colours that stand out from the page by 3 : 1 only."""

MARGIN = 4
_FONT_PATH = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
_Layout = tuple[tuple[str, float], int, tuple[int, int], None, str]
"""A word with its weight, size, place (down, across), direction and colour, as `wordcloud` gives it."""

_BLOCK = "\u2588"
"""Letters differ from browser to browser: so room is kept for full blocks, without gaps between letters."""

_NOTHING = "\u200b"
"""A letter without width, put after blocks of the same number, for the layout asks for different words."""


@dataclass(frozen=True)
class PlacedWord:
    """A word and where it stands: left end and baseline in units from the upper left corner."""

    word: str
    x: float
    baseline: float
    width: float
    size: float


def lay_out(weights: Mapping[str, float], width: int, height: int) -> list[PlacedWord]:
    """Place the words of most weight, the greater the more they weigh; the same weights give the same cloud.

    Weights are above zero. All words are made smaller until each finds room; if the least size does not do,
    some are left out. No word is placed where the extra `clouds` is not installed.
    """
    if not CAN_LAY_OUT:
        return []
    most = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    words = [cut(word, MOST_CELLS) for word, _ in most]
    stand_ins = {_stand_in(word, place): word for place, word in enumerate(words)}
    frequencies = {stand_in: weight for stand_in, (_, weight) in zip(stand_ins, most, strict=True)}
    clouds = (_cloud(frequencies, (width, height), largest) for largest in LARGEST)
    best: list[_Layout] = []
    for layout in clouds:
        best = max(best, layout, key=len)
        if len(best) == len(words):
            break
    return [_placed(stand_ins[each[0][0]], each) for each in best]


def _cloud(frequencies: dict[str, float], room: tuple[int, int], largest: int) -> list[_Layout]:
    cloud = WordCloud(
        font_path=_FONT_PATH,
        width=room[0],
        height=room[1],
        prefer_horizontal=1.0,
        random_state=0,
        margin=MARGIN,
        max_words=MOST_WORDS,
        min_font_size=SMALLEST,
        max_font_size=largest,
    )
    layout: list[_Layout] = cloud.generate_from_frequencies(frequencies).layout_
    return layout


def _placed(word: str, layout: _Layout) -> PlacedWord:
    (blocks, _), size, (top, left), _, _ = layout
    font = ImageFont.truetype(_FONT_PATH, size)
    width = font.getlength(_letters_of(word))
    x = float(left) + (font.getlength(blocks) - width) / 2
    return PlacedWord(word, x, float(top) - font.getbbox(blocks, anchor="ls")[1], width, float(size))


def write_words(parent: Element, placed: list[PlacedWord]) -> None:
    """Write a cloud into a drawing."""
    for place, word in enumerate(placed):
        colour = SERIES[place % 3] if word.size >= LARGE else (INK, SERIES[0])[place % 2]
        text = SubElement(
            parent,
            "text",
            {
                "x": f"{word.x:.1f}",
                "y": f"{word.baseline:.1f}",
                "textLength": f"{word.width:.1f}",
                "lengthAdjust": "spacingAndGlyphs",
                "style": coloured(f"font-size: {word.size:.1f}px; fill: {colour}", LIGHT),
            },
        )
        text.text = word.word


def _stand_in(word: str, place: int) -> str:
    """What takes a word's room in the layout: blocks, at least as wide and as high as its letters."""
    font = ImageFont.truetype(_FONT_PATH, LARGEST[0])
    blocks = ceil(font.getlength(_letters_of(word)) / font.getlength(_BLOCK))
    return _BLOCK * max(1, blocks) + _NOTHING * place


def _letters_of(word: str) -> str:
    """A word with letters of its width in the place of those that the font lacks."""
    return "".join(char if ord(char) in _known() else _as_wide_as(char) for char in word)


def _as_wide_as(char: str) -> str:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return ""
    return "W" if unicodedata.east_asian_width(char) in "WF" else "n"


@cache
def _known() -> frozenset[int]:
    return frozenset(get_font(_FONT_PATH).get_charmap())
