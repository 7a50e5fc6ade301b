"""Files that clients gave or jobs made: the bytes in a folder, what is known of them in the database."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from finetable.atomic_files import flush
from finetable.data.table_file import kind_of
from finetable.serving.api_errors import ApiError, invalid, unknown_object
from finetable.serving.database import Database, Row
from finetable.serving.identifiers import new_id
from finetable.serving.json_lines import first_fault

MOST_BYTES = 512 * 2**20
COPIED_AT_ONCE = 2**20

Purpose = Literal[
    "assistants",
    "assistants_output",
    "batch",
    "batch_output",
    "evals",
    "fine-tune",
    "fine-tune-results",
    "user_data",
    "vision",
]


@dataclass(frozen=True)
class Incoming:
    """What a client says of a file: a name that never becomes a path, a purpose, seconds until it expires."""

    filename: str
    purpose: Purpose
    seconds: int | None = None


class FileStore:
    """Keeps files; one that was acknowledged is whole on the disk."""

    def __init__(self, database: Database, home: Path) -> None:
        """Take away what a kill left half-written."""
        self._database = database
        self._folder = home / "files"
        self._partial = home / "partial"
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir()
        known = {self._place(row).name for row in database.rows("SELECT * FROM files")}
        for file in self._folder.iterdir():
            if file.name not in known:
                file.unlink()

    def create(self, content: BinaryIO, incoming: Incoming) -> Row:
        """Keep a file; raises ApiError for one that is too large or not what its purpose needs."""

        def copy(partial: Path) -> None:
            with partial.open("xb") as out:
                copy_limited(content, out, MOST_BYTES)

        return self.adopt(copy, incoming)

    def adopt(self, write: Callable[[Path], object], incoming: Incoming, file_id: str | None = None) -> Row:
        """Keep the file that `write` makes at a path it is given; under a known id it replaces that file."""
        partial = self._partial / new_id("part-")
        try:
            write(partial)
            _check(partial, incoming)
            now = int(time.time())
            row: Row = {
                "id": file_id or new_id("file-", 22),
                "bytes": partial.stat().st_size,
                "created_at": now,
                "filename": incoming.filename,
                "purpose": incoming.purpose,
                "expires_at": None if incoming.seconds is None else now + incoming.seconds,
            }
            flush(partial)
            partial.replace(self._place(row))
            flush(self._folder)
            with self._database.transaction():
                self._database.change("DELETE FROM files WHERE id = ?", [row["id"]])
                self._database.insert("files", row)
        finally:
            partial.unlink(missing_ok=True)
        return row

    def find(self, file_id: str) -> Row:
        """What is known of a file; raises ApiError where there is none, or it has expired."""
        row = self._database.row("SELECT * FROM files WHERE id = ?", [file_id])
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= time.time()):
            raise unknown_object("File", file_id)
        return row

    def path(self, file_id: str) -> Path:
        """Where a file's bytes are."""
        return self._place(self.find(file_id))

    def delete(self, file_id: str) -> None:
        """Forget a file."""
        row = self.find(file_id)
        self._database.change("DELETE FROM files WHERE id = ?", [file_id])
        self._place(row).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Forget what has expired."""
        for row in self._database.rows("SELECT * FROM files WHERE expires_at <= ?", [int(time.time())]):
            self._database.change("DELETE FROM files WHERE id = ?", [row["id"]])
            self._place(row).unlink(missing_ok=True)

    def _place(self, row: Row) -> Path:
        return self._folder / f"{row['id']}{ending_of(row['filename'])}"


def ending_of(filename: str) -> str:
    """The ending that tells how to read a file, one of a closed list: no other part of a name is used."""
    kind = kind_of(filename)
    if kind is None:
        return ""
    return f".{kind}.gz" if filename.lower().endswith(".gz") else f".{kind}"


def copy_limited(content: BinaryIO, out: BinaryIO, most: int) -> int:
    """Copy bytes and tell how many; raises ApiError where there are more than `most`."""
    copied = 0
    while chunk := content.read(COPIED_AT_ONCE):
        copied += len(chunk)
        if copied > most:
            raise ApiError(413, f"The file is larger than the {most // 2**20} MB that are allowed.")
        out.write(chunk)
    out.flush()
    os.fsync(out.fileno())
    return copied


def _check(file: Path, incoming: Incoming) -> None:
    """Raise ApiError for a file to be trained on that is neither JSON Lines nor a table by its name."""
    is_table = kind_of(incoming.filename) not in (None, "jsonl") or incoming.filename.lower().endswith(".gz")
    if incoming.purpose not in ("fine-tune", "batch") or is_table:
        return
    fault = first_fault(file)
    if fault is not None:
        raise invalid(
            "Expected file to have JSONL format, where every line is a valid JSON dictionary. "
            f"{fault} A table is taken where the file's name ends in .csv, .tsv or .parquet.",
            "file",
        )
