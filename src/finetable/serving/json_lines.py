"""JSON Lines that clients send: one object a line, and where it is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetable.serving.strict_json import JsonError, parsed

LONGEST_LINE = 16 * 2**20
"""Bytes; a longer line is a fault rather than a reason to hold a whole file in memory."""


class LineError(Exception):
    """A line that is no JSON object; its text says which and why."""


def objects(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number from 1 and its object, blank lines left out; raises LineError."""
    with file.open("rb") as lines:
        number = 0
        while line := lines.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise LineError(f"Line {number} is longer than {LONGEST_LINE // 2**20} MB.")
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield number, _object(text, number)


def first_fault(file: Path) -> str | None:
    """What is wrong with the first line that is no JSON object; None where all are, and there is one."""
    try:
        count = sum(1 for _ in objects(file))
    except LineError as fault:
        return str(fault)
    return None if count else "The file holds no line."


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = parsed(line)
    except JsonError as fault:
        raise LineError(f"Line {number} is {fault}.") from None
    if not isinstance(found, dict):
        raise LineError(f"Line {number} is not a JSON dictionary.")
    return found
