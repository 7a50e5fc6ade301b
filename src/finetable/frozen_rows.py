"""Rows frozen in a model folder with their splits, so that nothing can be judged on rows learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finetable.data.column_texts import ColumnTexts
from finetable.data.table import Table

SPLITS = ("train", "validation", "test")
COLUMN = "column:"


@dataclass(frozen=True, eq=False)
class SplitRows:
    """Rows frozen in a model folder: the columns of the task, and where each row came from.

    `columns` holds `row_id`, `line`, `split`, `text_hash`, and the task's columns after a "column:" prefix.
    """

    columns: pa.Table

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def of(self, split: str) -> "SplitRows":
        """The rows of one split, in the order of the table."""
        return SplitRows(self.columns.filter(pc.equal(self.columns["split"], split)))

    def texts_of(self, split: str, column: str) -> ColumnTexts:
        """One of the task's columns in the rows of a split, of which no copy is made."""
        places = np.flatnonzero(np.asarray(pc.equal(self.columns["split"], split)))
        return ColumnTexts(self.texts(column), places)

    @property
    def row_ids(self) -> np.ndarray:
        """Stable number of each row in the table, int64 (rows,)."""
        return np.asarray(self.columns["row_id"])

    def without(self, row_ids: np.ndarray) -> "SplitRows":
        """All rows but these."""
        return SplitRows(self.columns.filter(pa.array(~np.isin(self.row_ids, row_ids))))

    def texts(self, column: str) -> pa.ChunkedArray:
        """One of the task's columns."""
        return self.columns[f"{COLUMN}{column}"]

    def lines(self) -> dict[int, int]:
        """Line number of each row id."""
        ids, lines = self.columns["row_id"].to_pylist(), self.columns["line"].to_pylist()
        return dict(zip(ids, lines, strict=True))

    def hashes(self) -> set[str]:
        """Hashes of the folded texts."""
        return set(self.columns["text_hash"].to_pylist())


def freeze_rows(table: Table, columns: Sequence[str], splits: np.ndarray, hashes: Sequence[str]) -> SplitRows:
    """The rows of a table as a model folder keeps them; `splits` are codes into SPLITS, (rows,)."""
    named = {f"{COLUMN}{name}": table.texts(name) for name in columns}
    identity = {
        "row_id": pa.array(table.row_ids),
        "line": pa.array(table.lines),
        "split": pa.array([SPLITS[code] for code in splits]),
        "text_hash": pa.array(hashes),
    }
    return SplitRows(pa.table({**identity, **named}))
