"""Texts of an Arrow column as a sequence, each made when it is asked for, so that no copy is held."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class ColumnTexts(Sequence[str]):
    """The cells of a column of large strings without nulls, all of them or those at some places."""

    def __init__(self, column: pa.ChunkedArray, places: NDArray[np.int64] | None = None) -> None:
        self._column = column
        self._places = places

    def __len__(self) -> int:
        return len(self._column) if self._places is None else len(self._places)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "ColumnTexts": ...

    def __getitem__(self, place: int | slice) -> "str | ColumnTexts":
        if isinstance(place, slice):
            every = np.arange(len(self._column)) if self._places is None else self._places
            return ColumnTexts(self._column, every[place])
        text: str = self._column[int(place if self._places is None else self._places[place])].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        if self._places is None:
            return (cell.as_py() for cell in self._column)
        return (self._column[place].as_py() for place in self._places.tolist())

    def order(self) -> NDArray[np.int64]:
        """The places that sort the texts, equal ones in their old order."""
        column = self._column if self._places is None else self._column.take(pa.array(self._places))
        # The order of bytes in UTF-8 is that of code points, which is Python's.
        return np.asarray(pc.sort_indices(column)).astype(np.int64)
