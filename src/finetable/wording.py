"""Numbers as a person says them."""

from collections.abc import Iterable


def duration(seconds: float) -> str:
    """A stretch of time in the unit that fits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def some(lines: Iterable[int], most: int) -> str:
    """The first of some line numbers, in order."""
    places = sorted(lines)
    return ", ".join(map(str, places[:most])) + (", …" if len(places) > most else "")
