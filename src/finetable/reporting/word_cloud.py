"""Word clouds: laid out around the middle, written as text that any browser sets without overlap."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import matplotlib
import numpy as np
from matplotlib.font_manager import get_font
from numpy.typing import NDArray
from PIL import ImageFont

from finetable.reporting.figure import INK, LIGHT, SERIES, cut
from finetable.reporting.svg import coloured

MOST_WORDS = 80
MOST_CELLS = 24
SMALLEST = 15
LARGEST = (72, 60, 48, 36, 28, 22)
"""Sizes of the first word, tried one after the other."""

LARGE = 22
"""From this size on letters are thick enough for colours that stand out from the page by 3 : 1 only."""

MARGIN = 4
TURN = 12.0
"""By how much each turn of the spiral, along which room is looked for, is farther from the middle."""

_FONT_PATH = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")

_BLOCK = "\u2588"
"""Letters differ from browser to browser: so as much height is kept as a full block takes."""


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
    some are left out.
    """
    most = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    words = [(cut(word, MOST_CELLS), weight) for word, weight in most]
    best: list[PlacedWord] = []
    for largest in LARGEST:
        best = max(best, _cloud(words, (width, height), largest), key=len)
        if len(best) == len(words):
            break
    return best


def _cloud(words: Sequence[tuple[str, float]], room: tuple[int, int], largest: int) -> list[PlacedWord]:
    """The words from the greatest on, as far as there is room for them."""
    placed: list[PlacedWord] = []
    taken = np.zeros((0, 4))  # left, top, right, bottom of the words that are placed
    size, weight_before = largest, words[0][1] if words else 1.0
    for word, weight in words:
        # Half by weight, half by rank: by weight alone a few words would leave no room for the others.
        size, weight_before = max(SMALLEST, round(size * (1 + weight / weight_before) / 2)), weight
        found = None
        while found is None and size >= SMALLEST:
            font = ImageFont.truetype(_FONT_PATH, size)
            _, top, _, bottom = font.getbbox(_BLOCK, anchor="ls")
            box = (font.getlength(_letters_of(word)), float(bottom - top))
            found = _room_for(box, taken, room)
            size -= found is None
        if found is None:
            break
        left, upper = found
        placed.append(PlacedWord(word, left, upper - top, box[0], float(size)))
        taken = np.vstack([taken, (left, upper, left + box[0], upper + box[1])])
    return placed


def _room_for(
    box: tuple[float, float], taken: NDArray[np.float64], room: tuple[int, int]
) -> tuple[float, float] | None:
    """The left upper corner nearest to the middle where a box finds room beside those that have theirs."""
    corners = _spiral(*room) - np.array(box) / 2
    ends = corners + np.array(box)
    inside = (corners >= 0).all(axis=1) & (ends <= np.array(room)).all(axis=1)
    corners, ends = corners[inside], ends[inside]
    apart = (
        (corners[:, None] >= taken[None, :, 2:] + MARGIN) | (ends[:, None] <= taken[None, :, :2] - MARGIN)
    ).any(axis=2)
    free = np.flatnonzero(apart.all(axis=1))
    return (float(corners[free[0], 0]), float(corners[free[0], 1])) if len(free) else None


@cache
def _spiral(width: int, height: int) -> NDArray[np.float64]:
    """Points from the middle outwards, as much wider than high as the room is, (points, 2)."""
    turns = np.sqrt(np.arange(0, (max(width, height) / TURN) ** 2, 1.6)) / 2
    angles = 2 * np.pi * turns
    stretch = np.array([width, height]) / max(width, height)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middle = np.array([width, height]) / 2
    return np.asarray(middle + TURN * turns[:, None] * around * stretch)


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
