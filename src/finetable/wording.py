"""Numbers and texts as a person can read them."""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches

NAME_LETTERS = 40
"""Letters of a column's name that are shown; a longer one is shortened in the middle."""

_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Classes of marks that turn the direction of a text."""


def duration(seconds: float) -> str:
    """A stretch of time in the unit that fits it."""
    if seconds < 90:
        return f"{max(1, seconds) if seconds else 0:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def memory(size: int) -> str:
    """A number of bytes in the unit that fits it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{max(1, size / 1e6):.0f} MB"


def counted(number: int, what: str) -> str:
    """A number of things in words: 1 row, 2,000 rows."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def are_counted(number: int, what: str, verb: tuple[str, str] = ("is", "are")) -> str:
    """A number of things that do something: 1 row is, 2,000 rows are."""
    return f"{counted(number, what)} {verb[number != 1]}"


def within(text: str, most: int) -> str:
    """A text of at most `most` letters, shortened in the middle: its end tells it from others."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def quoted(names: Sequence[str], most: int) -> str:
    """The first of some names, each in quotes, so that blanks and commas within are seen."""
    shown = ", ".join(repr(within(name, NAME_LETTERS)) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def did_you_mean(
    name: str, known: Collection[str], cutoff: float = 0.6, shown: Callable[[str], str] = str
) -> str:
    """A question that follows a sentence: names the known name nearest to a wrong one, "" where none is near.

    Capitals count for nothing; `cutoff` is how alike two names must be, from 0 to 1.
    """
    near = get_close_matches(name.casefold(), [one.casefold() for one in known], n=1, cutoff=cutoff)
    return next((f" Did you mean {shown(one)}?" for one in known if one.casefold() in near), "")


LINES_SHOWN = 5


def some(lines: Iterable[int], most: int = LINES_SHOWN) -> str:
    """The first of some line numbers, in order."""
    places = sorted(lines)
    return ", ".join(map(str, places[:most])) + (", …" if len(places) > most else "")


def on_lines(lines: Sequence[int]) -> str:
    """Line 4, or lines 4, 5, …"""
    return f"line{'s' if len(lines) > 1 else ''} {some(lines)}"


def printable(text: str) -> str:
    """A text on one line, without what XML forbids and without marks that turn the direction of others."""
    kept = (char for char in text if char.isspace() or not _is_left_out(char))
    return " ".join("".join(kept).split()) or "(blank)"


def _is_left_out(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Cn") or unicodedata.bidirectional(char) in _TURNS
