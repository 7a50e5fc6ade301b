"""Lines of CSV -> rows of cells, each with the exact line on which it begins; no broken row ends the reading.

The cells come from Python's own csv reader in its strict mode. What is added is what that reader does
not do: after a broken quote it would go on behind all the lines that the quote swallowed.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A quote that is never closed may swallow this much of a file before its row is given up.
CELL_CHARACTERS_MAX = 1 << 24

# Stands in for "no delimiter", which the csv reader cannot be told; a row with a NUL is never taken.
_NO_DELIMITER = "\0"


@dataclass(frozen=True)
class CellMarks:
    """What separates and surrounds cells; None as in `TableFormat`."""

    delimiter: str | None
    quote: str | None
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: the line it begins on, from 1, how many lines it takes, its cells, or why it has none."""

    line: int
    line_count: int
    cells: list[str]
    fault: str = ""
    unclosed: bool = False


def csv_rows(lines: Iterable[str], marks: CellMarks) -> Iterator[CsvRow]:
    """Rows of `lines`, which keep their ends; blank lines are no rows.

    A row with a broken quote comes without cells but with its fault, and the reading goes on with the
    line after its first one.
    """
    # The limit belongs to the process; it is only ever raised, so readers in other threads agree.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_CHARACTERS_MAX))
    source = _Lines(lines, marks)
    reader = csv.reader(
        source,
        delimiter=_NO_DELIMITER if marks.delimiter is None else marks.delimiter,
        quotechar=marks.quote,
        quoting=csv.QUOTE_NONE if marks.quote is None else csv.QUOTE_MINIMAL,
        strict=True,
    )
    while True:
        source.row.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            unclosed = "end of data" in str(fault)
            source.return_all_but_first()
            yield CsvRow(source.number, 1, [], _explain(fault, marks), unclosed)
            continue
        if not cells:
            continue
        fault_text = "it holds a NUL character" if any("\0" in line for line in source.row) else ""
        yield CsvRow(source.number - len(source.row) + 1, len(source.row), cells, fault_text)


def _explain(fault: csv.Error, marks: CellMarks) -> str:
    if "field limit" in str(fault):
        return (
            f"a cell in it is longer than {csv.field_size_limit():,} characters, or its quote is not closed"
        )
    if "end of data" in str(fault):
        return f"a quote ({marks.quote}) that opens in it is never closed"
    return f"text follows a closing quote ({marks.quote}); inside a cell a quote must be written twice"


class _Lines:
    """Lines for the csv reader; remembers those of the row it is in, and can take them back."""

    def __init__(self, lines: Iterable[str], marks: CellMarks) -> None:
        self._fresh = iter(lines)
        self._returned: deque[str] = deque()
        quote = marks.quote or ""
        self._escaped_quote = "" if marks.escape is None else marks.escape + quote
        self._doubled_quote = quote * 2
        self.number = 0
        self.row: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._fresh)
        self.number += 1
        self.row.append(line)
        if self._escaped_quote:
            return line.replace(self._escaped_quote, self._doubled_quote)
        return line

    def return_all_but_first(self) -> None:
        self._returned.extendleft(reversed(self.row[1:]))
        self.number -= len(self.row) - 1
        del self.row[1:]
