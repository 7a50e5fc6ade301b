"""A table in memory: its rows, where each stood in the file, and which rows were not taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from finetable.data.plain_text import plain_text
from finetable.errors import ColumnError
from finetable.wording import counted, did_you_mean, on_lines, quoted

TableKind = Literal["csv", "tsv", "jsonl", "parquet"]
SourceKind: TypeAlias = TableKind | Literal["json", "txt"]
"""Kinds that are read; the first four are written, too."""

_KIND_NAMES: dict[SourceKind, str] = {
    "csv": "CSV",
    "tsv": "TSV",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "json": "JSON",
    "txt": "lines of text",
}
_COLUMNS_LISTED = 20
REASONS_SHOWN = 10


@dataclass(frozen=True)
class SetAside:
    """A row that was not taken.

    `row_id` is its ordinal among the data rows of the file, from 0; `line` is the line in the
    decompressed file on which it begins, from 1 (Parquet has no lines: the number of the row, from 1).
    """

    row_id: int
    line: int
    reason: str


@dataclass(frozen=True)
class TableFormat:
    """How a file was read; None where a thing does not exist in that kind of file.

    `delimiter` is None for a text with one column, `quote` is None where quotes are plain text,
    `escape` is what makes a quote inside a quoted cell harmless when it is not another quote.
    """

    kind: SourceKind
    compressed: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None

    def describe(self) -> str:
        """One line for people, for example `CSV, cp1252, ';' between cells, '"' around them, …`."""
        parts = [_KIND_NAMES[self.kind] + (" (gzip)" if self.compressed else "")]
        if self.encoding is not None:
            parts.append(self.encoding)
        if self.kind in ("csv", "tsv"):
            parts.extend(self._describe_cells())
        return ", ".join(parts)

    def _describe_cells(self) -> list[str]:
        between = "tab" if self.delimiter == "\t" else f"'{self.delimiter}'"
        parts = ["one column" if self.delimiter is None else f"{between} between cells"]
        parts.append("quotes are plain text" if self.quote is None else f"'{self.quote}' around them")
        if self.escape is not None:
            parts.append(f"'{self.escape}{self.quote}' for a quote inside")
        parts.append("first line names the columns" if self.header else "first line is a row")
        return parts


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file, in its order.

    `columns` holds large strings for text formats ("" is an empty cell, null a missing JSON key) and
    the file's own types for Parquet. `row_ids` and `lines` are (rows,) and count as `SetAside` does, so
    a row keeps its id whatever was set aside before it. `fingerprint` is the SHA-256 of the file's bytes,
    `notes` are sentences for the person about what was decided.
    """

    name: str
    columns: pa.Table
    row_ids: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    format: TableFormat
    set_aside: tuple[SetAside, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, each once, in the file's order."""
        return list(self.columns.column_names)

    def texts(self, column: str) -> pa.ChunkedArray:
        """Cells of a column as large strings, (rows,): missing is "", other types as a person writes them.

        Raises ColumnError for a column that is not there, TableError for bytes that are not text.
        """
        self.require([column])
        return plain_text(self.columns.column(column), column)

    def require(self, names: Sequence[str]) -> None:
        """Raise ColumnError for the first of `names` that is not a column; it names the nearest column."""
        for name in names:
            if name not in self.columns.column_names:
                raise ColumnError(self._missing_column(name))

    def _missing_column(self, name: str) -> str:
        there = self.column_names
        listed = quoted(there, _COLUMNS_LISTED)
        hint = did_you_mean(name, there, shown=repr)
        if self.format.kind == "txt":
            hint = " A .txt file is read as lines of text: a table needs the ending .csv or .tsv."
        return f"{self.name} has no column {name!r}; its columns are: {listed}.{hint}"

    def select(self, keep: npt.NDArray[np.bool_], reason: Callable[[int], str] | str) -> "Table":
        """Rows where `keep`, (rows,), holds; the others are added to those set aside.

        `reason` is a text, or a function from a row's position in this table to a text.
        """
        assert keep.shape == (len(self),)
        dropped = [
            SetAside(
                int(self.row_ids[position]),
                int(self.lines[position]),
                reason if isinstance(reason, str) else reason(int(position)),
            )
            for position in np.flatnonzero(~keep)
        ]
        if not dropped:
            return self
        every = tuple(sorted([*self.set_aside, *dropped], key=lambda row: row.row_id))
        return replace(self.take(np.flatnonzero(keep)), set_aside=every)

    def take(self, indices: npt.NDArray[np.integer]) -> "Table":
        """Rows at these positions, in this order; `set_aside` stays as it is."""
        return replace(
            self,
            columns=self.columns.take(pa.array(indices, pa.int64())),
            row_ids=self.row_ids[indices],
            lines=self.lines[indices],
        )


def set_aside_lines(rows: Sequence[SetAside]) -> list[str]:
    """A line for each of the most frequent reasons: how many rows, and where the first of them stand."""
    by_reason: dict[str, list[int]] = {}
    for row in rows:
        by_reason.setdefault(row.reason, []).append(row.line)
    reasons = sorted(by_reason, key=lambda reason: len(by_reason[reason]), reverse=True)
    lines = [
        f"{len(found):,} × {reason} ({on_lines(found)})"
        for reason, found in ((reason, by_reason[reason]) for reason in reasons[:REASONS_SHOWN])
    ]
    if reasons[REASONS_SHOWN:]:
        others = sum(len(by_reason[reason]) for reason in reasons[REASONS_SHOWN:])
        lines.append(f"{others:,} × {counted(len(reasons) - REASONS_SHOWN, 'other reason')}")
    return lines
