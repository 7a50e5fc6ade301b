"""Lines and rows on standard output, for a person or for a pipe."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from finetable.terminal import Terminal
from finetable.wording import are_counted

Row = Mapping[str, Any]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, and have whoever reads them get them at once."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_rows(rows: Iterable[Row]) -> None:
    """Print each row as a JSON object; what JSON lacks becomes text."""
    print_lines(map(_as_json, rows))


def print_pieces(pieces: Iterable[Iterable[Row]], terminal: Terminal) -> bool:
    """Print rows piece by piece as they are made; False, having said how many, where a person stopped it."""
    printed = 0
    try:
        for piece in pieces:
            for row in piece:
                # First, as whoever reads may stop us as soon as the row is out.
                printed += 1
                print_rows([row])
    except KeyboardInterrupt:
        told = f"{are_counted(printed, 'row', ('was', 'were'))} written" if printed else "nothing was written"
        terminal.warn(f"Stopped: {told}.")
        return False
    return True


def _as_json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
