"""Numbers and texts as a person can read them."""

import unicodedata
from collections.abc import Iterable

_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Classes of marks that turn the direction of a text."""


def duration(seconds: float) -> str:
    """A stretch of time in the unit that fits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def some(lines: Iterable[int], most: int) -> str:
    """The first of some line numbers, in order."""
    places = sorted(lines)
    return ", ".join(map(str, places[:most])) + (", …" if len(places) > most else "")


def printable(text: str) -> str:
    """A text on one line, without what XML forbids and without marks that turn the direction of others."""
    kept = (char for char in text if char.isspace() or not _is_left_out(char))
    return " ".join("".join(kept).split()) or "(blank)"


def _is_left_out(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Cn") or unicodedata.bidirectional(char) in _TURNS
