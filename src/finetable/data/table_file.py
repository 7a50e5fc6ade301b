"""A table's file on disk: what its ending says, its bytes without compression, its fingerprint."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from finetable.data.table import SourceKind, TableKind
from finetable.errors import TableError

HUB_PREFIX = "hf://"
KNOWN_ENDINGS = ".csv, .tsv, .jsonl or .parquet, each also with .gz"
READ_ENDINGS = ".csv, .tsv, .json, .jsonl, .parquet or .txt, each also with .gz"

_KIND_OF_ENDING: dict[str, TableKind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
_READ_ONLY: dict[str, SourceKind] = {".json": "json", ".txt": "txt"}
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
_GZIP_MAGIC = b"\x1f\x8b"


def kind_of(file_name: str) -> TableKind | None:
    """Kind of table that a file's name promises, of those that are written too; None for any other."""
    return _KIND_OF_ENDING.get(_ending(file_name))


def _ending(file_name: str) -> str:
    return Path(file_name.lower().removesuffix(".gz")).suffix


@contextmanager
def reading_faults(name: str) -> Iterator[None]:
    """Turn what the disk or gzip says, met while reading the table `name`, into a TableError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise TableError(
            f"{name} is compressed with gzip but damaged or cut short: get the file again."
        ) from fault
    except OSError as fault:
        raise TableError(f"{name} cannot be read ({fault.strerror or fault}).") from fault


@dataclass(frozen=True)
class TableFile:
    """A file that holds a table; `name` is what the person typed for it."""

    name: str
    path: Path
    kind: SourceKind
    compressed: bool

    @classmethod
    def find(cls, name: str, path: Path) -> "TableFile":
        """Check that `path` can be a table; raises TableError with what to do instead."""
        if path.is_dir():
            raise TableError(f"{name} is a folder: give the path of one table in it.")
        if not path.exists():
            raise TableError(f"There is no file {name}: check the path.")
        ending = _ending(path.name)
        if ending in _SPREADSHEETS:
            raise TableError(f"{name} is a spreadsheet: open it and save the sheet as CSV.")
        kind: SourceKind | None = _KIND_OF_ENDING.get(ending) or _READ_ONLY.get(ending)
        if kind is None:
            raise TableError(f"{name} is not a known kind of table: its name must end in {READ_ENDINGS}.")
        with path.open("rb") as stream:
            start = stream.read(len(_GZIP_MAGIC))
        if not start:
            raise TableError(f"{name} is empty, not one byte long: check that it was saved or fetched whole.")
        return cls(name, path, kind, compressed=start == _GZIP_MAGIC)

    def open_bytes(self) -> BinaryIO:
        """Open for reading, decompressed; the bytes decide about compression, not the ending."""
        if self.compressed:
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes as they are on disk, in hexadecimal."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
