"""Batches of requests: who may change what into what, and how they are told."""

import json
import time
from typing import Any, Literal

from finetable.serving.api_errors import invalid, unknown_object
from finetable.serving.database import Database, Row

BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "cancelling", "cancelled"
]
ACTIVE: tuple[BatchStatus, ...] = ("validating", "in_progress", "finalizing", "cancelling")


class BatchStore:
    """Keeps batches; what is known of one beside its status is a JSON object, in which nothing is null."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, row: Row, content: dict[str, Any]) -> Row:
        """Keep a new batch."""
        self.database.insert("batches", {**row, "status": "validating", "content": json.dumps(content)})
        return self.find(row["id"])

    def find(self, batch_id: str) -> Row:
        """What is known of a batch; raises ApiError where there is none."""
        row = self.database.row("SELECT * FROM batches WHERE id = ?", [batch_id])
        if row is None:
            raise unknown_object("Batch", batch_id)
        return row

    def active(self) -> list[Row]:
        """The batches that have not ended, in the order in which they came."""
        marks = ", ".join("?" for _ in ACTIVE)
        return self.database.rows(f"SELECT * FROM batches WHERE status IN ({marks}) ORDER BY number", ACTIVE)

    def move(
        self, batch_id: str, allowed: tuple[BatchStatus, ...], status: BatchStatus, **content: Any
    ) -> bool:
        """Change a batch's status if it is one of `allowed`; whether it was."""
        with self.database.transaction():
            if self.find(batch_id)["status"] not in allowed:
                return False
            self.note(batch_id, **{f"{status}_at": int(time.time())}, **content)
            self.database.change("UPDATE batches SET status = ? WHERE id = ?", [status, batch_id])
        return True

    def note(self, batch_id: str, **content: Any) -> None:
        """Take note of what has become known."""
        with self.database.transaction():
            known = json.loads(self.find(batch_id)["content"])
            changed = {**known, **{name: value for name, value in content.items() if value is not None}}
            self.database.change(
                "UPDATE batches SET content = ? WHERE id = ?", [json.dumps(changed), batch_id]
            )

    def cancel(self, batch_id: str) -> Row:
        """Let a batch end; one that waits ends at once, one that ends already stays as it is."""
        waited = self.move(batch_id, ("validating",), "cancelled")
        if not waited and not self.move(batch_id, ("in_progress",), "cancelling"):
            status = self.find(batch_id)["status"]
            if status not in ("cancelling", "cancelled"):
                raise invalid(
                    f"Batch {batch_id} is {status}: there is nothing to cancel.", code="batch_not_cancellable"
                )
        return self.find(batch_id)


def batch_reply(row: Row) -> dict[str, Any]:
    """A batch as the API tells it; what is absent is left out."""
    names = ("id", "endpoint", "input_file_id", "completion_window", "status", "created_at")
    content = json.loads(row["content"])
    return {"object": "batch", **{name: row[name] for name in names}, **content}
