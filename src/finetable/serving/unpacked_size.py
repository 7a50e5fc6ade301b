"""How large a table is once it is unpacked: found out in pieces, before anybody reads it whole."""

import zlib
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finetable.data.table_file import TableFile
from finetable.errors import TableError

MOST_BYTES = 512 * 2**20
MOST_CELLS = 200_000_000
"""A cell without a text takes no bytes in a file, but some in memory."""

READ_AT_ONCE = 2**20
ROWS_AT_ONCE = 1024


def check_unpacked_size(name: str, path: Path) -> None:
    """Raise TableError for a table that unpacks to more than MOST_BYTES, or cannot be unpacked."""
    file = TableFile.find(name, path)
    try:
        if file.compressed:
            with file.open_bytes() as content:
                _check_stream(content)
        if file.kind == "parquet":
            with file.open_bytes() as content:
                _check_parquet(content)
    except (pa.ArrowException, EOFError, zlib.error, OSError) as fault:
        raise TableError(f"{name} is damaged, or no table of the kind that its name says.") from fault


def _check_stream(content: BinaryIO) -> None:
    left = MOST_BYTES
    while piece := content.read(READ_AT_ONCE):
        left -= len(piece)
        _check_left(left)


def _check_parquet(content: BinaryIO) -> None:
    metadata = pq.ParquetFile(content).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(metadata.num_columns)]
    if sum(column.num_values for column in columns) > MOST_CELLS:
        raise TableError(f"The table has more than the {MOST_CELLS:,} cells that are allowed.")
    kinds = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    fixed = sum(max(0, kind.length) for kind in kinds) * metadata.num_rows
    _check_left(MOST_BYTES - fixed - sum(group.total_byte_size for group in groups))
    # A file says a text of a million rows once: as a dictionary it takes no more memory than in the file.
    texts = [kind.path for kind in kinds if kind.physical_type == "BYTE_ARRAY"]
    left = MOST_BYTES
    for batch in pq.ParquetFile(content, read_dictionary=texts).iter_batches(ROWS_AT_ONCE):
        left -= sum(map(_bytes_of, batch.columns))
        _check_left(left)


def _bytes_of(array: pa.Array) -> int:
    """Bytes of an array with every text written out."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = pc.take(pc.binary_length(array.dictionary), array.indices)
        return pc.sum(lengths).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(_bytes_of(array.field(place)) for place in range(kind.num_fields))
    if pa.types.is_nested(kind):
        return _bytes_of(array.flatten())
    return int(array.nbytes)


def _check_left(left: int) -> None:
    if left < 0:
        raise TableError(
            f"The table is larger than the {MOST_BYTES // 2**20} MB that are allowed once it is unpacked."
        )
