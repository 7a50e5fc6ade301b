"""CSV and TSV -> Table: cells stay as they are, a row of another width is set aside, never guessed."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finetable.data.column_names import usable_names
from finetable.data.csv_rows import CsvRow, csv_rows
from finetable.data.dialect import SAMPLE_CHARACTERS, Dialect, Sample, detect_dialect
from finetable.data.row_collector import CollectedRows, RowCollector
from finetable.data.table import SetAside, Table, TableFormat
from finetable.data.table_file import TableFile
from finetable.data.text_file import encoding_of, text_lines
from finetable.errors import TableError
from finetable.settings import TableOptions
from finetable.wording import are_counted

# Columns without a name at the end of the header are padding if at most this share of rows fills them.
_PADDING_SHARE_MAX = 0.01
# A cell over more lines than this is worth a look: a quote may be missing.
_ROW_LINES_NOTED = 100


def read_csv(file: TableFile, options: TableOptions) -> Table:
    """Read a CSV or TSV file; raises TableError where its encoding or its line of names is broken."""
    encoding = encoding_of(file, options.encoding)
    with text_lines(file, encoding, newline="") as lines:
        sample = _take_sample(lines)
        dialect = detect_dialect(sample, file, options)
        rows = csv_rows(chain(sample.lines, lines), dialect.marks)
        header, rows = _take_header(rows, dialect, file)
        body, longest = _read_body(rows, header, dialect)
    body, padding_notes = _drop_padding(body, header)
    names, name_notes = usable_names(header[: body.columns.num_columns])
    marks = dialect.marks
    return Table(
        name=file.name,
        columns=body.columns.rename_columns(names),
        row_ids=body.row_ids,
        lines=body.lines,
        format=TableFormat(
            file.kind, file.compressed, encoding, marks.delimiter, marks.quote, marks.escape, dialect.header
        ),
        set_aside=tuple(body.set_aside),
        fingerprint=file.fingerprint(),
        notes=(
            *name_notes,
            *padding_notes,
            *_note_long_row(longest),
            *(_note_open_quote(names, body) if marks.quote is None and options.quote is None else ()),
        ),
    )


def _take_sample(lines: Iterator[str]) -> Sample:
    taken: list[str] = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if size >= SAMPLE_CHARACTERS:
            return Sample(taken, whole=False)
    return Sample(taken, whole=True)


def _take_header(
    rows: Iterator[CsvRow], dialect: Dialect, file: TableFile
) -> tuple[list[str], Iterator[CsvRow]]:
    """Names of the columns, "" where there is none, and the data rows."""
    first = next(rows, None)
    if first is None:
        raise TableError(f"{file.name} holds no row, only blank lines.")
    if dialect.header:
        names = [name if name.strip() else "" for name in first.cells]
        if first.fault or not any(names):
            fault = first.fault or "they are all empty"
            raise TableError(
                f"Line {first.line} of {file.name} should name the columns but cannot be read: {fault}."
            )
        return names, rows
    leading = [first]
    while leading[-1].fault and (row := next(rows, None)) is not None:
        leading.append(row)
    width = len(leading[-1].cells)
    return [f"column_{number}" for number in range(1, width + 1)], chain(leading, rows)


def _read_body(
    rows: Iterator[CsvRow], header: Sequence[str], dialect: Dialect
) -> tuple[CollectedRows, CsvRow | None]:
    """All data rows under the header, and the one that takes most lines."""
    named, width = _last_filled(header), len(header)
    owner = "header" if dialect.header else "first row"
    collector = RowCollector[list[str]](lambda piece: _to_columns(piece, width))
    longest: CsvRow | None = None
    for row in rows:
        if longest is None or row.line_count > longest.line_count:
            longest = row
        reason = row.fault
        if not reason and not _fit_width(row.cells, named, width):
            reason = _wrong_width(len(row.cells), named, owner)
        if reason:
            collector.set_aside(row.line, reason + _span(row))
        else:
            collector.take(row.cells, row.line, sum(map(len, row.cells)))
    return collector.finish(), longest


def _note_long_row(longest: CsvRow | None) -> list[str]:
    if longest is None or longest.line_count <= _ROW_LINES_NOTED:
        return []
    return [
        f"The row on line {longest.line} goes on for {longest.line_count:,} lines: "
        "check that a quote in it is not left open."
    ]


def _note_open_quote(names: Sequence[str], body: CollectedRows) -> list[str]:
    """Where quotes were taken as plain text: the first cell that opens one and never closes it."""
    open_at = [1] if any(name.startswith('"') and name.count('"') % 2 for name in names) else []
    for column in body.columns.columns:
        odd = pc.bit_wise_and(pc.count_substring(column, '"'), 1)
        is_open = pc.and_(pc.starts_with(column, '"'), pc.equal(odd, 1)).to_numpy()
        open_at += body.lines[np.flatnonzero(is_open)[:1]].tolist()
    if not open_at:
        return []
    return [
        f'The quote (") in a cell of line {min(open_at)} is never closed, so quotes were taken as plain '
        "text: close it, or say with --quote what stands around cells."
    ]


def _span(row: CsvRow) -> str:
    return "" if row.line_count == 1 else f" (lines {row.line} to {row.line + row.line_count - 1})"


def _fit_width(cells: list[str], named: int, width: int) -> bool:
    """Make `cells` as wide as the header where only empty cells at the end differ; False where more does."""
    count = len(cells)
    if count > width and not any(cells[width:]):
        del cells[width:]
    elif named <= count < width:
        cells.extend([""] * (width - count))
    return len(cells) == width


def _wrong_width(count: int, wanted: int, owner: str) -> str:
    return f"{count} cell{'' if count == 1 else 's'} where the {owner} has {wanted}"


def _to_columns(piece: list[list[str]], width: int) -> pa.Table:
    by_column: Sequence[Sequence[str]] = list(zip(*piece, strict=True)) if piece else [[]] * width
    names = [str(position) for position in range(width)]
    return pa.table([pa.array(cells, pa.large_string()) for cells in by_column], names=names)


def _last_filled(cells: Sequence[str]) -> int:
    """Number of cells up to the last that is not empty."""
    return max((position for position, cell in enumerate(cells, start=1) if cell), default=0)


def _drop_padding(rows: CollectedRows, header: Sequence[str]) -> tuple[CollectedRows, list[str]]:
    """Without the columns at the end that have no name, where they are empty in nearly all rows.

    A row that fills one of them has too many cells, most often by an unquoted delimiter: it is set aside.
    """
    named, width = _last_filled(header), len(header)
    filled = np.zeros(len(rows.lines), dtype=bool)
    for position in range(named, width):
        filled |= pc.not_equal(rows.columns.column(position), "").to_numpy()
    if named == width or filled.sum() > _PADDING_SHARE_MAX * len(filled):
        return rows, []
    wide = [
        SetAside(
            int(rows.row_ids[at]),
            int(rows.lines[at]),
            _wrong_width(
                _last_filled([column[at].as_py() for column in rows.columns.columns]), named, "header"
            ),
        )
        for at in np.flatnonzero(filled)
    ]
    kept = CollectedRows(
        rows.columns.select(list(range(named))).filter(pa.array(~filled)),
        rows.row_ids[~filled],
        rows.lines[~filled],
        sorted([*rows.set_aside, *wide], key=lambda row: row.row_id),
    )
    exception = (
        f" but for {are_counted(len(wide), 'row', ('that was', 'that were'))} set aside" if wide else ""
    )
    if width - named == 1:
        return kept, [f"The last column has no name, is empty{exception}, and was left out."]
    return kept, [f"The last {width - named} columns have no name, are empty{exception}, and were left out."]
