"""How the cells of a CSV text are written: delimiter, quote, and whether the first line names the columns.

Decided on the first rows by reading them with every likely pair of marks and keeping the pair under which
most lines are in rows as wide as the first sound one. DuckDB's `sniff_csv` was measured and not used: of 991
random tables with one row too long, too short or with an open quote it read none, and 302 in its lenient
mode, where it takes whole lines for one cell; this rule read 982 of them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from finetable.data.csv_rows import CellMarks, CsvRow, csv_rows
from finetable.data.table_file import TableFile
from finetable.errors import TableError
from finetable.settings import TableOptions

SAMPLE_CHARACTERS = 1 << 18

_DELIMITERS = (",", ";", "\t", "|")
_DOUBLED = CellMarks(None, '"')
_BACKSLASHED = CellMarks(None, '"', "\\")
_UNQUOTED = CellMarks(None, None)
_APOSTROPHES = CellMarks(None, "'")
# In this order: a later one must fit better.
_QUOTINGS = (_DOUBLED, _BACKSLASHED, _UNQUOTED, _APOSTROPHES)

# Numbers, amounts, times and dates in figures.
_FIGURE = re.compile(r"\s*[-+$€£]?\d[\d.,:/+\-\s%TZ]*")
_NAME_WORDS_MAX = 4


@dataclass(frozen=True)
class Dialect:
    """Marks between and around cells, and whether the first row names the columns."""

    marks: CellMarks
    header: bool


@dataclass(frozen=True)
class Sample:
    """The first lines of a text with their ends; `whole` when there are no others."""

    lines: Sequence[str]
    whole: bool


def detect_dialect(sample: Sample, file: TableFile, options: TableOptions) -> Dialect:
    """Marks and header of a CSV or TSV text; what the person named is taken as it is.

    Raises TableError for marks that cannot be used.
    """
    delimiter, quote = _check_marks(options)
    delimiters = _DELIMITERS if delimiter is None else (delimiter,)
    if delimiter is None and file.kind == "tsv":
        delimiters = ("\t",)
    marks = _best_marks(sample, delimiters, _likely_quotings(quote, delimiter))
    if delimiter:
        marks = replace(marks, delimiter=delimiter)
    header = _names_columns(_read(sample, marks)) if options.header is None else options.header
    return Dialect(marks, header)


def _check_marks(options: TableOptions) -> tuple[str | None, str | None]:
    delimiter = "\t" if options.delimiter == "\\t" else options.delimiter
    for option, mark in (("--delimiter", delimiter), ("--quote", options.quote)):
        if mark is not None and (len(mark) > 1 or mark in ("\r", "\n", "\0")):
            raise TableError(f"{option} must be one character, or '' for none, not {mark!r}.")
    if delimiter and delimiter == options.quote:
        raise TableError(f"--delimiter and --quote are both {delimiter!r}: they must differ.")
    return delimiter, options.quote


def _likely_quotings(quote: str | None, delimiter: str | None) -> list[CellMarks]:
    if quote is None:
        return [quoting for quoting in _QUOTINGS if quoting.quote is None or quoting.quote != delimiter]
    known = [quoting for quoting in _QUOTINGS if (quoting.quote or "") == quote]
    return known or [CellMarks(None, quote)]


def _best_marks(sample: Sample, delimiters: Sequence[str], quotings: Sequence[CellMarks]) -> CellMarks:
    best, best_share = quotings[0], -1.0
    for quoting in quotings:
        marks, share = _best_delimiter(sample, quoting, delimiters)
        if quoting is not quotings[0] and not _is_plausible(sample, marks, best):
            continue
        if share > best_share:
            best, best_share = marks, share
    return best


def _best_delimiter(sample: Sample, quoting: CellMarks, delimiters: Sequence[str]) -> tuple[CellMarks, float]:
    """The delimiter of the first sound row under which most lines are in rows as wide, and their share.

    A table whose first sound row holds none of them has one column.
    """
    found: list[tuple[float, int, CellMarks]] = []
    for delimiter in delimiters:
        if not delimiter or delimiter == quoting.quote:
            continue
        marks = replace(quoting, delimiter=delimiter)
        first = _first_sound(csv_rows(sample.lines, marks))
        if first is not None and len(first.cells) > 1:
            found.append((_fitting_share(_read(sample, marks)), len(first.cells), marks))
    if not found:
        return quoting, _fitting_share(_read(sample, quoting))
    share, _, marks = max(found, key=lambda fit: fit[:2])
    return marks, share


def _read(sample: Sample, marks: CellMarks) -> list[CsvRow]:
    rows: list[CsvRow] = []
    for row in csv_rows(sample.lines, marks):
        if row.unclosed and not sample.whole:
            # The sample ends inside this row.
            break
        rows.append(row)
    return rows


def _first_sound(rows: Iterable[CsvRow]) -> CsvRow | None:
    return next((row for row in rows if not row.fault), None)


def _fitting_share(rows: Sequence[CsvRow]) -> float:
    """Share of lines in rows as wide as the first sound one."""
    first = _first_sound(rows)
    if first is None:
        return 0.0
    width = len(first.cells)
    fitting = sum(row.line_count for row in rows if not row.fault and len(row.cells) == width)
    return fitting / sum(row.line_count for row in rows)


def _is_plausible(sample: Sample, marks: CellMarks, rival: CellMarks) -> bool:
    """Whether other marks than doubled quotes, the rival, can be meant.

    Escaped quotes, or quotes that are plain text, only where the rival meets broken ones; the latter, and
    another character around cells, never where cells stand in double quotes.
    """
    rival_is_broken = any(row.fault for row in _read(sample, rival))
    if marks.escape is not None:
        return rival_is_broken
    plain_rows = _read(sample, CellMarks(marks.delimiter, None))
    if _are_quoted(plain_rows, '"'):
        return False
    return rival_is_broken if marks.quote is None else _are_quoted(plain_rows, marks.quote)


def _are_quoted(plain_rows: Sequence[CsvRow], quote: str) -> bool:
    """Whether there are cells that begin with a quote, and at least half of them also end with one."""
    opened = [cell for row in plain_rows for cell in row.cells if cell.startswith(quote)]
    closed = sum(len(cell) > 1 and cell.endswith(quote) for cell in opened)
    return bool(opened) and closed * 2 >= len(opened)


def _names_columns(rows: Sequence[CsvRow]) -> bool:
    """False where the first row looks like the others.

    It does so when one of its cells is a number or a date above others that are, or when it holds a text
    of more than four words and one of its cells, as a label would, comes again below.
    """
    if len(rows) < 2:
        return True
    first = rows[0].cells
    body = [row.cells for row in rows[1:] if not row.fault and len(row.cells) == len(first)]
    sentence = any(len(cell.split()) > _NAME_WORDS_MAX for cell in first)
    for position, cell in enumerate(first):
        below = [cells[position] for cells in body if cells[position].strip()]
        if not below or not cell.strip():
            continue
        figures = sum(_FIGURE.fullmatch(other) is not None for other in below)
        if _FIGURE.fullmatch(cell) is not None and figures * 2 > len(below):
            return False
        if sentence and cell in below:
            return False
    return True
