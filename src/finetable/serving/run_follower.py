"""Follows the run of one job through what it leaves in its model folder."""

import json
import time
from pathlib import Path
from statistics import median

from finetable.model_folder import ModelFolder, Record
from finetable.serving.database import Row
from finetable.serving.file_store import FileStore, Incoming
from finetable.serving.identifiers import checkpoint_name, id_made_of, model_name, new_id
from finetable.serving.job_events import Line, StepReader, metrics_of, result_file, step_event
from finetable.serving.job_plan import resolved
from finetable.serving.job_store import Event, JobStore
from finetable.serving.training_file import Form

STEPS_TIMED = 50


class RunFollower:
    """Tells the steps, checkpoints and end of a run, each once, however often it is followed anew."""

    def __init__(self, jobs: JobStore, files: FileStore, job: Row, folder: Path, form: Form) -> None:
        self._jobs = jobs
        self._files = files
        self._job = job
        self._folder = ModelFolder(folder)
        self._form = form
        self._reader = StepReader(self._folder.inner / "steps.jsonl")
        self._lines: dict[int, Line] = {}
        self._begun: Record | None = None

    @property
    def last_step(self) -> int:
        """The newest step that was told."""
        return max(self._lines, default=0)

    def follow(self) -> None:
        """Tell what is new."""
        if self._begun is None and not self._begin():
            return
        assert self._begun is not None
        plan = self._begun.plan
        judges_all = plan["validation_rows"] >= self._begun.splits.get("validation", 0)
        events = []
        for line in self._reader.new_lines():
            self._lines[line["number"]] = line
            events.append(step_event(line, plan["steps"], judges_all))
        database = self._jobs.database
        with database.transaction():
            self._jobs.tell(self._job["id"], events)
            if events:
                database.change(
                    "UPDATE jobs SET estimated_finish = ? WHERE id = ? AND status = 'running'",
                    [self._estimated_finish(plan["steps"]), self._job["id"]],
                )
            self._keep_checkpoints(plan["steps"])

    def finished(self) -> bool:
        """Whether the run has ended with a model; the job is then told to have succeeded."""
        if not self._folder.record_file.exists():
            return False
        record = self._folder.read_record()
        if record.status != "finished":
            return False
        self._succeed(record)
        return True

    def has_begun(self) -> bool:
        """Whether the run came as far as its first step: what ends it then is not its table."""
        return self._folder.record_file.exists()

    def paused_event(self) -> Event:
        """What tells of a pause."""
        return Event(f"paused:{int(time.time())}", f"The job was paused after step {self.last_step}")

    def _begin(self) -> bool:
        """Take note of the plan, once it is there; whether it is."""
        if not self._folder.record_file.exists():
            return False
        self._begun = self._folder.read_record()
        content = json.dumps(resolved(self._begun))
        events = []
        if self._begun.set_aside:
            message = f"{self._begun.set_aside} examples cannot be learnt from and were left out"
            events.append(Event("set-aside", message, "warn"))
        with self._jobs.database.transaction():
            self._jobs.database.change(
                "UPDATE jobs SET resolved = ? WHERE id = ?", [content, self._job["id"]]
            )
            self._jobs.tell(self._job["id"], events)
        return True

    def _estimated_finish(self, steps: int) -> int:
        newest = sorted(self._lines)[-STEPS_TIMED:]
        seconds = median(self._lines[number]["seconds"] for number in newest)
        return int(time.time() + seconds * (steps - self.last_step))

    def _keep_checkpoints(self, steps: int) -> None:
        """Give names to the weights after an epoch, and forget those that the run has let go."""
        database, job = self._jobs.database, self._job
        kept = {step: path for step, path in self._folder.epochs() if step < steps and step in self._lines}
        rows = database.rows("SELECT * FROM checkpoints WHERE job_id = ?", [job["id"]])
        known = {row["step"]: row for row in rows}
        for step in sorted(kept.keys() - known.keys()):
            name = checkpoint_name(job["model"], job["suffix"], new_id("", 8), step)
            self._add_checkpoint(step, name)
            self._add_model(name, kept[step], step)
            message = f"Checkpoint created at step {step} with Snapshot ID: {name}"
            self._jobs.tell(job["id"], [Event(f"checkpoint:{step}", message)])
        for step in known.keys() - kept.keys():
            if known[step]["model"] != self._final_name():
                database.change("DELETE FROM models WHERE name = ?", [known[step]["model"]])
                database.change("DELETE FROM checkpoints WHERE id = ?", [known[step]["id"]])

    def _add_checkpoint(self, step: int, model: str) -> None:
        row = {
            "id": new_id("ftckpt_"),
            "job_id": self._job["id"],
            "created_at": int(time.time()),
            "model": model,
            "step": step,
            "metrics": json.dumps(metrics_of(self._lines[step])),
        }
        self._jobs.database.insert("checkpoints", row)

    def _name_last_checkpoint(self, model: str) -> None:
        """Name the final model after the last step, which had a checkpoint before if the run ended early."""
        step = self.last_step
        renamed = self._jobs.database.change(
            "UPDATE checkpoints SET model = ? WHERE job_id = ? AND step = ?", [model, self._job["id"], step]
        )
        if not renamed:
            self._add_checkpoint(step, model)

    def _add_model(self, name: str, folder: Path, step: int | None) -> None:
        row = {
            "name": name,
            "folder": str(folder),
            "form": self._form,
            "created_at": int(time.time()),
            "job_id": self._job["id"],
            "step": step,
        }
        self._jobs.database.insert("models", row)

    def _final_name(self) -> str:
        return model_name(self._job["model"], self._job["suffix"], self._job["snapshot"])

    def _succeed(self, record: Record) -> None:
        lines = [self._lines[number] for number in sorted(self._lines)]
        content = result_file(lines)
        incoming = Incoming("step_metrics.csv", "fine-tune-results")
        # A server killed before the job has succeeded makes this file again, under the same id.
        file_id = id_made_of("file-", self._job["id"])
        self._files.adopt(lambda partial: partial.write_bytes(content), incoming, file_id)
        name = self._final_name()
        events = [
            Event("model", f"New fine-tuned model created: {name}"),
            Event("succeeded", "The job has successfully completed"),
        ]
        with self._jobs.database.transaction():
            moved = self._move_to_succeeded(record, name, file_id, events)
            if moved:
                self._add_model(name, self._folder.path, None)
                self._name_last_checkpoint(name)
        if not moved:
            self._files.delete(file_id)

    def _move_to_succeeded(self, record: Record, name: str, file_id: str, events: list[Event]) -> bool:
        return self._jobs.move(
            self._job["id"],
            ("queued", "running", "pausing"),
            "succeeded",
            events,
            fine_tuned_model=name,
            trained_tokens=record.outcome["tokens"],
            result_file=file_id,
        )
