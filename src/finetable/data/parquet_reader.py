"""Parquet -> Table, with the file's own types."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finetable.data.column_names import usable_names
from finetable.data.table import Table, TableFormat
from finetable.data.table_file import TableFile
from finetable.errors import TableError


def read_parquet(file: TableFile) -> Table:
    """Read a Parquet file; the lines of its rows are their numbers, from 1.

    Raises TableError for a file that is not Parquet, is damaged, or holds text that is not UTF-8.
    """
    with file.open_bytes() as stream:
        # Parquet is read from its end, so what is compressed must be in memory as a whole.
        source = pa.BufferReader(stream.read()) if file.compressed else file.path
    try:
        # ParquetFile, not read_table, which takes key=value in the names of folders above for columns.
        columns = pq.ParquetFile(source).read()
        columns.validate(full=True)
    except (pa.ArrowException, OSError) as fault:
        raise TableError(f"{file.name} cannot be read as Parquet: {_first_line(fault)}.") from fault
    names, notes = usable_names(columns.column_names)
    row_ids = np.arange(columns.num_rows, dtype=np.int64)
    return Table(
        name=file.name,
        columns=columns.rename_columns(names),
        row_ids=row_ids,
        lines=row_ids + 1,
        format=TableFormat(file.kind, file.compressed),
        set_aside=(),
        fingerprint=file.fingerprint(),
        notes=tuple(notes),
    )


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")
