"""What the tests take for granted is put into the server's home and database before each of them."""

import fcntl
import json
import shutil
import time
from pathlib import Path
from typing import Any, BinaryIO

from finetable.serving.database import Database

from .server import PAIRS, ServerUnderTest

JOB = "ft-AF1WoRqd3aJAHsqc9NY7iL8F"
CHECKPOINT = "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"
FINE_TUNED = "ft:gpt-4o-mini:acemeco:suffix:abc123"
CURSOR = "after"
PART = b"Example data"
MODELS = {
    "gpt-4o-mini": "completion",
    "gpt-3.5-turbo-instruct": "completion",
    "gpt-6-astra": "chat",
    "text-embedding-3-small": "completion",
    JOB: "completion",
    CHECKPOINT: "completion",
    FINE_TUNED: "completion",
}
TABLES = (
    *("files", "uploads", "upload_parts", "jobs", "events", "checkpoints", "permissions", "models"),
    "batches",
)
SECONDS_TO_END = 60


class Seeds:
    """Sown before a test, taken out after it."""

    def __init__(self, server: ServerUnderTest, trained: Path) -> None:
        self._server = server
        self._trained = trained
        self._home = server.home
        self._database = Database(self._home / "finetable.sqlite3")
        self._lock: BinaryIO | None = None

    def sow(self, test: str) -> None:
        """Put in everything, as the test of this name needs it."""
        if any(verb in test for verb in ("cancel", "pause", "resume")):
            self._let_the_job_seem_to_train()
        with self._database.transaction():
            for table in TABLES:
                self._database.change(f"DELETE FROM {table}")
            # No client knows this purpose, so no other list may show it.
            self._files("purpose" if test == "test_method_list_with_all_params" else "batch_output")
            self._uploads(has_part="complete" in test)
            self._jobs(test)
            self._models()
            self._permissions()
            self._batches(test)

    def reap(self) -> None:
        """Cancel every job that is not over, and wait until the server has let them go."""
        ended = "('succeeded', 'failed', 'cancelled')"
        for row in self._database.rows(f"SELECT id FROM jobs WHERE status NOT IN {ended}"):
            self._server.post(f"/fine_tuning/jobs/{row['id']}/cancel")
        cancelled = self._database.rows("SELECT id FROM jobs WHERE status = 'cancelled'")
        ends = time.monotonic() + SECONDS_TO_END
        # The server takes this file away once no process works for the job.
        while any((self._home / "jobs" / row["id"] / "prepared.json").exists() for row in cancelled):
            if time.monotonic() > ends:
                raise RuntimeError("The server did not let a cancelled job go.")
            time.sleep(0.02)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _let_the_job_seem_to_train(self) -> None:
        """Hold the lock of its training, so that the server starts none."""
        folder = self._home / "jobs" / JOB
        folder.mkdir(parents=True, exist_ok=True)
        prepared = {"table": "none.csv", "options": ["--write", "completion"], "form": "completion"}
        (folder / "prepared.json").write_text(json.dumps(prepared), encoding="utf-8")
        self._lock = (folder / "lock").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _files(self, purpose_of_cursor: str) -> None:
        pairs = [{"prompt": prompt, "completion": completion} for prompt, completion in PAIRS]
        asked = [
            {"custom_id": str(n), "method": "POST", "url": "/v1/completions", "body": {}} for n in range(3)
        ]
        for file_id, purpose, rows in (
            ("file_id", "fine-tune", pairs),
            ("file-abc123", "fine-tune", pairs),
            ("input_file_id", "batch", asked),
            (CURSOR, purpose_of_cursor, pairs),
        ):
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
            (self._home / "files" / f"{file_id}.jsonl").write_bytes(content)
            self._insert(
                "files",
                id=file_id,
                bytes=len(content),
                filename="data.jsonl",
                purpose=purpose,
                expires_at=None,
            )

    def _uploads(self, has_part: bool) -> None:
        kept = {
            "filename": "data.txt",
            "mime_type": "text/plain",
            "purpose": "assistants",
            "status": "pending",
        }
        until = int(time.time()) + 3600
        self._insert("uploads", id="upload_abc123", bytes=len(PART), expires_at=until, **kept)
        if has_part:
            (self._home / "parts" / "string").write_bytes(PART)
            self._insert("upload_parts", id="string", upload_id="upload_abc123", bytes=len(PART))

    def _jobs(self, test: str) -> None:
        status = "running" if "cancel" in test or "pause" in test else "succeeded"
        self._job(JOB, "paused" if "resume" in test else status)
        self._job(CURSOR, "succeeded")
        for name in ("seed", CURSOR):
            told = {"key": name, "level": "info", "message": f"Event {name}", "type": "message", "data": "{}"}
            self._insert("events", id=name, job_id=JOB, **told)
        metrics = json.dumps({"step": 10, "train_loss": 0.5, "train_mean_token_accuracy": 0.75})
        for step, name in enumerate(("seed", CURSOR), 1):
            self._insert(
                "checkpoints", id=name, job_id=JOB, model=CHECKPOINT, step=10 * step, metrics=metrics
            )

    def _job(self, job_id: str, status: str) -> None:
        auto = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
        method = {"type": "supervised", "supervised": {"hyperparameters": auto}}
        row = {"model": "gpt-4o-mini", "training_file": "file-abc123", "seed": 1, "snapshot": "B7R9VjQd"}
        told = {"method": json.dumps(method), "metadata": json.dumps({"foo": "string"})}
        self._insert("jobs", id=job_id, status=status, turn=1, **row, **told)

    def _models(self) -> None:
        folder = self._home / "jobs" / "ftjob-delete" / "model"
        if not folder.exists():
            shutil.copytree(self._trained, folder)
        for name, form in MODELS.items():
            # A model that is deleted takes the folder of its job with it.
            place, job_id = (folder, "ftjob-delete") if name == FINE_TUNED else (self._trained, "ftjob-keep")
            self._insert("models", name=name, folder=str(place), form=form, job_id=job_id)

    def _permissions(self) -> None:
        for permission_id, checkpoint, project in (
            ("cp_zc4Q7MP6XxulcVzj4MZdwsAB", CHECKPOINT, "project_id"),
            ("cp_seed", JOB, "other_project_id"),
            (CURSOR, JOB, "project_id"),
        ):
            self._insert("permissions", id=permission_id, checkpoint=checkpoint, project_id=project)

    def _batches(self, test: str) -> None:
        status = "in_progress" if "cancel" in test else "completed"
        content = json.dumps({"request_counts": {"total": 3, "completed": 3, "failed": 0}})
        for batch_id in ("batch_id", CURSOR):
            self._insert(
                "batches",
                id=batch_id,
                endpoint="/v1/completions",
                input_file_id="input_file_id",
                completion_window="24h",
                status=status,
                content=content,
            )

    def _insert(self, table: str, **row: Any) -> None:
        self._database.insert(table, {"created_at": int(time.time()), **row})
