"""Rows of a text file, one by one -> Arrow columns, so that few rows at once are Python objects."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from finetable.data.table import SetAside, Table, TableFormat
from finetable.data.table_file import TableFile

_PIECE_CHARACTERS = 1 << 22
# What a row costs as a Python object, so that narrow rows end a piece, too.
_ROW_CHARACTERS = 256

Row = TypeVar("Row")


@dataclass(frozen=True, eq=False)
class CollectedRows:
    """Rows taken, with their ids and lines, (rows,), and those set aside, in the file's order."""

    columns: pa.Table
    row_ids: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    set_aside: list[SetAside]

    def as_table(self, file: TableFile, encoding: str) -> Table:
        """The table that a file holds whose lines need no more explaining than their encoding."""
        return Table(
            name=file.name,
            columns=self.columns,
            row_ids=self.row_ids,
            lines=self.lines,
            format=TableFormat(file.kind, file.compressed, encoding),
            set_aside=tuple(self.set_aside),
            fingerprint=file.fingerprint(),
        )


class RowCollector(Generic[Row]):
    """Counts every data row of a file, keeps those taken and notes those set aside."""

    def __init__(self, to_columns: Callable[[list[Row]], pa.Table]) -> None:
        self._to_columns = to_columns
        self._piece: list[Row] = []
        self._piece_characters = 0
        self._pieces: list[pa.Table] = []
        self._row_ids = array("q")
        self._lines = array("q")
        self._set_aside: list[SetAside] = []

    def take(self, row: Row, line: int, characters: int) -> None:
        """Keep a row that begins on `line` and holds about so many characters."""
        self._row_ids.append(self._next_id())
        self._lines.append(line)
        self._piece.append(row)
        self._piece_characters += characters + _ROW_CHARACTERS
        if self._piece_characters >= _PIECE_CHARACTERS:
            self._end_piece()

    def set_aside(self, line: int, reason: str) -> None:
        """Note that the row that begins on `line` was not taken."""
        self._set_aside.append(SetAside(self._next_id(), line, reason))

    def finish(self) -> CollectedRows:
        """All rows; a column that a piece did not have is missing (null) in its rows."""
        self._end_piece()
        return CollectedRows(
            pa.concat_tables(self._pieces, promote_options="default"),
            np.array(self._row_ids, dtype=np.int64),
            np.array(self._lines, dtype=np.int64),
            self._set_aside,
        )

    def _next_id(self) -> int:
        return len(self._row_ids) + len(self._set_aside)

    def _end_piece(self) -> None:
        if self._piece or not self._pieces:
            self._pieces.append(self._to_columns(self._piece))
            self._piece = []
            self._piece_characters = 0
