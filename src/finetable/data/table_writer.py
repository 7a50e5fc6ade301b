"""Columns -> a CSV, TSV, JSON Lines or Parquet file that appears whole or not at all."""

import gzip
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, assert_never, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pyarrow.types as pt

from finetable.data.plain_text import plain_text
from finetable.data.table import TableKind
from finetable.data.table_file import KNOWN_ENDINGS, kind_of
from finetable.errors import UserError

_ROWS_PER_BATCH = 1024
# The level of the gzip program itself; the 9 of Python takes twice as long for one part in a hundred.
_GZIP_LEVEL = 6


def write_table(path: Path, columns: pa.Table) -> None:
    """Write `columns` in the format that the ending names; an existing file is never replaced.

    CSV and TSV hold text only: other types become what a person would write, missing becomes an empty
    cell. Text comes back exactly from `read_table`, as long as the first column names are not numbers
    above numbers, which read as a row. The same columns give the same bytes. Raises UserError for an
    unknown ending, a file that exists, a folder that does not, NUL in CSV, and a disk that is full; then
    nothing is left behind.
    """
    kind = kind_of(path.name)
    if kind is None:
        raise UserError(f"{path} has no known ending: let --out end in {KNOWN_ENDINGS}.")
    assert len(set(columns.column_names)) == len(columns.column_names) > 0
    compressed = path.name.lower().endswith(".gz")
    write_new(path, lambda stream: _write(stream, kind, columns, compressed=compressed))


def write_new(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file that appears whole or not at all; an existing one is never replaced.

    Raises UserError for a file that exists, a folder that does not, and a disk that is full; then nothing
    is left behind.
    """
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if path.exists():
            raise _exists(path)
        if not path.parent.is_dir():
            raise UserError(f"There is no folder {path.parent}: create it, or choose another --out.")
        with unfinished.open("xb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        # Opening for creation alone fails where a file is; what is replaced next is this empty file.
        path.open("xb").close()
        unfinished.replace(path)
    except FileExistsError as fault:
        raise _exists(path) from fault
    except OSError as fault:
        raise UserError(
            f"{path} cannot be written ({fault.strerror or fault}) and nothing of it was left: make room, "
            "or choose another --out."
        ) from fault
    finally:
        unfinished.unlink(missing_ok=True)


def _exists(path: Path) -> UserError:
    return UserError(f"{path} exists already and is never overwritten: choose another --out.")


def _write(stream: BinaryIO, kind: TableKind, columns: pa.Table, *, compressed: bool) -> None:
    if compressed:
        # Neither a name nor a time inside, so that the same table gives the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0) as packed:
            _write(cast(BinaryIO, packed), kind, columns, compressed=False)
        return
    match kind:
        case "csv":
            _write_cells(stream, columns, ",")
        case "tsv":
            _write_cells(stream, columns, "\t")
        case "jsonl":
            _write_objects(stream, columns)
        case "parquet":
            pq.write_table(columns, stream)
        case _:
            assert_never(kind)


def _write_cells(stream: BinaryIO, columns: pa.Table, delimiter: str) -> None:
    """Every cell in quotes: so an empty cell of a single column is no blank line."""
    texts = {name: plain_text(columns.column(name), name) for name in columns.column_names}
    for name, column in texts.items():
        if "\0" in name or pc.any(pc.match_substring(column, "\0")).as_py():
            raise UserError(
                f"Column {name!r} holds a NUL character, which CSV and TSV cannot hold: let --out end in "
                ".jsonl or .parquet."
            )
    pv.write_csv(
        pa.table(texts),
        stream,
        pv.WriteOptions(delimiter=delimiter, quoting_style="all_valid", batch_size=_ROWS_PER_BATCH),
    )


def json_objects(columns: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows as objects of what JSON has."""
    texts = [_to_json_column(columns.column(name), name) for name in columns.column_names]
    for batch in pa.table(texts, names=columns.column_names).to_batches(_ROWS_PER_BATCH):
        yield from batch.to_pylist()


def _write_objects(stream: BinaryIO, columns: pa.Table) -> None:
    for row in json_objects(columns):
        stream.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")


def _to_json_column(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """What JSON has stays as it is, without NaN, which it lacks; dates, bytes and the like become text."""
    kind = column.type
    if pt.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, None)
    if pt.is_large_string(kind) or pt.is_integer(kind) or pt.is_boolean(kind) or pt.is_nested(kind):
        return column
    return pc.if_else(pc.is_valid(column), plain_text(column, name), None)
