"""The server's SQLite database: what it has acknowledged survives a kill at any instant."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetable.errors import UserError

VERSION = 1
SCHEMA = """
CREATE TABLE files (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL, filename TEXT NOT NULL, purpose TEXT NOT NULL, expires_at INTEGER
);
CREATE TABLE uploads (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, filename TEXT NOT NULL, mime_type TEXT NOT NULL,
    purpose TEXT NOT NULL, status TEXT NOT NULL, file_id TEXT, file_seconds INTEGER
);
CREATE TABLE upload_parts (
    id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, bytes INTEGER NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, created_at INTEGER NOT NULL,
    model TEXT NOT NULL, training_file TEXT NOT NULL, validation_file TEXT, suffix TEXT,
    seed INTEGER NOT NULL, method TEXT NOT NULL, metadata TEXT, integrations TEXT, snapshot TEXT NOT NULL,
    status TEXT NOT NULL, resolved TEXT, error TEXT, finished_at INTEGER, fine_tuned_model TEXT,
    trained_tokens INTEGER, result_file TEXT, estimated_finish INTEGER, turn INTEGER NOT NULL
);
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, job_id TEXT NOT NULL,
    key TEXT NOT NULL, created_at INTEGER NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (job_id, key)
);
CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, job_id TEXT NOT NULL,
    created_at INTEGER NOT NULL, model TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL,
    UNIQUE (job_id, step)
);
CREATE TABLE permissions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, checkpoint TEXT NOT NULL,
    project_id TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (checkpoint, project_id)
);
CREATE TABLE models (
    name TEXT PRIMARY KEY, folder TEXT NOT NULL, form TEXT NOT NULL, created_at INTEGER NOT NULL,
    job_id TEXT NOT NULL, step INTEGER
);
CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, created_at INTEGER NOT NULL,
    endpoint TEXT NOT NULL, input_file_id TEXT NOT NULL, completion_window TEXT NOT NULL,
    status TEXT NOT NULL, output_seconds INTEGER, content TEXT NOT NULL
);
"""

Row = dict[str, Any]


class Database:
    """One connection that every thread of the server shares; each call holds it for a moment."""

    def __init__(self, file: Path) -> None:
        """Open or make the database; raises UserError where it is of a newer version."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"):
            self._connection.execute(f"PRAGMA {pragma}")
        found = int(self.value("PRAGMA user_version"))
        if found > VERSION:
            self.close()
            raise UserError(
                f"{file} was made by a newer version of finetable; use that one, or another --home."
            )
        if found == 0:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            )

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows that a query gives."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(query, values).fetchall()]

    def row(self, query: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row that a query gives."""
        found = self.rows(query, values)
        return found[0] if found else None

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The only value of a query."""
        found = self.row(query, values)
        return None if found is None else next(iter(found.values()))

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Change rows; how many were changed. On the disk when it returns, outside a transaction."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, row: Row) -> None:
        """Add a row."""
        marks = ", ".join("?" for _ in row)
        self.change(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within, or none of them; within another one they are part of that."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()
