"""Answers of remote models, kept on disk: a run that was broken off goes on without paying twice."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetable.errors import RemoteError

FILE = "answers.sqlite3"
Answer = dict[str, Any]


class AnswerCache:
    """Answers by what was asked, for many threads and processes; on the disk when `keep` returns."""

    def __init__(self, folder: Path) -> None:
        """Open or make the cache in a folder; raises RemoteError where that cannot be done."""
        self._file = folder.expanduser() / FILE
        self._lock = threading.Lock()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = FULL"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (asked TEXT PRIMARY KEY, answer TEXT NOT NULL)"
            )
        except (OSError, sqlite3.Error) as fault:
            raise self._unusable(fault) from fault

    def find(self, asked: str) -> Answer | None:
        """What was answered; None where it was not asked yet."""
        found = self._run("SELECT answer FROM answers WHERE asked = ?", asked)
        return None if not found else dict(json.loads(found[0][0]))

    def keep(self, asked: str, answer: Answer) -> None:
        """Keep an answer; of two to the same question the first stays."""
        self._run("INSERT OR IGNORE INTO answers VALUES (?, ?)", asked, json.dumps(answer))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, *values: str) -> list[tuple[str]]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as fault:
            raise self._unusable(fault) from fault

    def _unusable(self, fault: Exception) -> RemoteError:
        return RemoteError(f"Answers cannot be kept in {self._file} ({fault}); name another folder for them.")


def digest_of(url: str, weights: str | None, route: str, body: Mapping[str, Any]) -> str:
    """What stands for a request in the cache, from which nobody can read what was asked.

    The body names the model; `weights` tells models apart that were called the same, where that is known.
    """
    asked = json.dumps([url, weights, route, body], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()
