"""Fine-tuning jobs with their events and checkpoints: who may change what into what."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from finetable.serving.api_errors import invalid, unknown_object
from finetable.serving.database import Database, Row
from finetable.serving.identifiers import new_id

Status = Literal[
    "validating_files", "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled"
]
ENDED: tuple[Status, ...] = ("succeeded", "failed", "cancelled")
ACTIVE: tuple[Status, ...] = tuple(status for status in get_args(Status) if status not in ENDED)
Level = Literal["info", "warn", "error"]
Verb = Literal["cancel", "pause", "resume"]
CODES: dict[Verb, str] = {
    "cancel": "job_not_cancellable",
    "pause": "job_not_pausable",
    "resume": "job_not_resumable",
}
"""What a client is told where there is nothing to be done; never status 409, which it would try again."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; `key` is the same where it is told twice."""

    key: str
    message: str
    level: Level = "info"
    data: Mapping[str, Any] | None = None


class JobStore:
    """Keeps jobs; each change of a status and the events that tell of it go in together."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, row: Row, events: list[Event]) -> Row:
        """Keep a new job."""
        with self.database.transaction():
            turn = self.database.value("SELECT COALESCE(MAX(turn), 0) + 1 FROM jobs")
            self.database.insert("jobs", {**row, "turn": turn})
            self.tell(row["id"], events)
        return self.find(row["id"])

    def find(self, job_id: str) -> Row:
        """What is known of a job; raises ApiError where there is none."""
        row = self.database.row("SELECT * FROM jobs WHERE id = ?", [job_id])
        if row is None:
            raise unknown_object("FineTuningJob", job_id)
        return row

    def with_status(self, *statuses: Status) -> list[Row]:
        """The jobs of some statuses, in the order in which they take their turn."""
        marks = ", ".join("?" for _ in statuses)
        return self.database.rows(f"SELECT * FROM jobs WHERE status IN ({marks}) ORDER BY turn", statuses)

    def counts(self) -> dict[str, int]:
        """How many jobs have each status."""
        rows = self.database.rows("SELECT status, COUNT(*) AS jobs FROM jobs GROUP BY status")
        return {row["status"]: row["jobs"] for row in rows}

    def move(
        self, job_id: str, allowed: tuple[Status, ...], status: Status, events: list[Event], **values: Any
    ) -> bool:
        """Change a job's status if it is one of `allowed`; whether it was. Events go in only then."""
        with self.database.transaction():
            changes: Row = {"status": status, **values}
            if status not in ("running", "pausing"):
                changes["estimated_finish"] = None
            if status in ENDED:
                changes["finished_at"] = int(time.time())
            sets = ", ".join(f"{name} = ?" for name in changes)
            marks = ", ".join("?" for _ in allowed)
            moved = self.database.change(
                f"UPDATE jobs SET {sets} WHERE id = ? AND status IN ({marks})",
                [*changes.values(), job_id, *allowed],
            )
            if moved:
                self.tell(job_id, events)
        return bool(moved)

    def tell(self, job_id: str, events: list[Event]) -> None:
        """Add events; one whose key is known already is not told again."""
        for event in events:
            values = [
                new_id("ftevent-"),
                job_id,
                event.key,
                int(time.time()),
                event.level,
                event.message,
                "message" if event.data is None else "metrics",
                json.dumps(event.data or {}),
            ]
            self.database.change(
                "INSERT OR IGNORE INTO events (id, job_id, key, created_at, level, message, type, data) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def cancel(self, job_id: str) -> Row:
        """End a job that has not ended."""
        event = Event("cancelled", "The job was cancelled")
        return self._asked(job_id, ACTIVE, "cancelled", event, "cancel")

    def pause(self, job_id: str) -> Row:
        """Let a job stop after its next step; one that waits is paused at once."""
        now = int(time.time())
        event = Event(f"pause:{now}", "The job is being paused")
        if self.move(job_id, ("queued",), "paused", [Event(f"paused:{now}", "The job was paused")]):
            return self.find(job_id)
        return self._asked(job_id, ("running",), "pausing", event, "pause")

    def resume(self, job_id: str) -> Row:
        """Let a paused job wait for its turn again."""
        event = Event(f"resume:{int(time.time())}", "The job was resumed and waits for its turn")
        return self._asked(job_id, ("paused",), "queued", event, "resume")

    def _asked(
        self, job_id: str, allowed: tuple[Status, ...], status: Status, event: Event, verb: Verb
    ) -> Row:
        found = self.find(job_id)
        if not self.move(job_id, allowed, status, [event]):
            message = f"Job {job_id} is {found['status']}: there is nothing to {verb}."
            raise invalid(message, code=CODES[verb])
        return self.find(job_id)
