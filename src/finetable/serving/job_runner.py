"""Takes jobs in turn: checks their files, starts training in a process, follows it, and tells how it ended.

Everything is decided by what lies on the disk, so a server that was killed goes on where it was: events are
told once by their keys, a process that lives is followed, and one that died is started again.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from finetable.atomic_files import DISK_IS_FULL, write_json
from finetable.errors import UserError
from finetable.serving.api_errors import ApiError
from finetable.serving.database import Row
from finetable.serving.faults import is_full
from finetable.serving.file_store import FileStore
from finetable.serving.job_plan import train_words
from finetable.serving.job_process import JobProcess
from finetable.serving.job_store import ACTIVE, Event, JobStore
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.run_follower import RunFollower
from finetable.serving.training_file import DataError, Form, Given, Prepared, prepare

TICK_SECONDS = 0.3
SECONDS_AFTER_A_FAULT = 5.0
MOST_STARTS_WITHOUT_PROGRESS = 10
PREPARED = "prepared.json"

log = logging.getLogger("finetable.serving")


class JobRunner:
    """Two threads: one checks the files of new jobs, one runs the jobs one after the other."""

    def __init__(self, jobs: JobStore, files: FileStore, shelf: ModelShelf, home: Path) -> None:
        self._jobs = jobs
        self._files = files
        self._shelf = shelf
        self._folder = home / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ending = threading.Event()
        self._news = {"check": threading.Event(), "run": threading.Event()}
        self._threads = [
            threading.Thread(target=self._repeat, args=("check", self._check_all), name="job-checker"),
            threading.Thread(target=self._repeat, args=("run", self._run_next), name="job-runner"),
        ]

    def start(self) -> None:
        """Begin with what is waiting."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at the jobs now."""
        for news in self._news.values():
            news.set()

    def close(self) -> None:
        """Stop looking after jobs; the process of one that trains goes on by itself."""
        self._ending.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def folder(self, job_id: str) -> Path:
        """Where a job has its table, its log and its model."""
        return self._folder / job_id

    def _repeat(self, name: str, work: object) -> None:
        news = self._news[name]
        while not self._ending.is_set():
            news.clear()
            try:
                work()  # type: ignore[operator]
            except Exception:
                # One fault must not end the thread on which every other job waits.
                log.exception("the jobs' %s thread met a fault", name)
                self._ending.wait(SECONDS_AFTER_A_FAULT)
            news.wait(TICK_SECONDS)

    def _check_all(self) -> None:
        for job in self._jobs.with_status("validating_files"):
            if self._ending.is_set():
                return
            self._guarded(job["id"], partial(self._check, job))

    def _check(self, job: Row) -> None:
        """Check the files of one job."""
        folder = self.folder(job["id"])
        folder.mkdir(exist_ok=True)
        try:
            given = [self._given(job[name], name) for name in ("training_file", "validation_file")]
            assert given[0] is not None
            metadata = json.loads(job["metadata"] or "{}")
            prepared = prepare(given[0], given[1], metadata, folder)
        except DataError as fault:
            self._fail(job["id"], fault.code, fault.message, fault.param)
            return
        content = {"table": prepared.table.name, "options": prepared.options, "form": prepared.form}
        (folder / PREPARED).write_text(json.dumps(content), encoding="utf-8")
        validated = Event("validated", "Files validated, moving job to queued state")
        self._jobs.move(job["id"], ("validating_files",), "queued", [validated])
        self._news["run"].set()

    def _guarded(self, job_id: str, work: Callable[[], None]) -> None:
        """Bring a job on; one whose fault would come again ends, so that it holds up no other."""
        try:
            work()
        except ApiError as fault:
            self._fail(job_id, "server_error", fault.message, None)
        except UserError as fault:
            self._fail(job_id, "server_error", str(fault), None)
        except Exception as fault:
            if is_full(fault) or isinstance(fault, sqlite3.Error):
                raise  # a person can mend the disk: the job goes on then
            log.exception("the job %s met a fault", job_id)
            self._fail(job_id, "server_error", "The server met a fault; its log says more.", None)

    def _given(self, file_id: str | None, param: str) -> Given | None:
        if file_id is None:
            return None
        row = self._jobs.database.row("SELECT * FROM files WHERE id = ?", [file_id])
        if row is None:
            raise DataError(
                f"invalid_{param}", f"The file {file_id} was deleted before it was checked.", param
            )
        return Given(self._files.path(file_id), row["filename"])

    def _run_next(self) -> None:
        self._end_the_cancelled()
        waiting = self._jobs.with_status("running", "pausing") or self._jobs.with_status("queued")
        if waiting:
            job_id = waiting[0]["id"]
            self._guarded(job_id, partial(self._run, job_id))

    def _end_the_cancelled(self) -> None:
        """Kill what trains for a job that a server cancelled and was killed before it could."""
        for job in self._jobs.with_status("cancelled"):
            if (self.folder(job["id"]) / PREPARED).exists():
                process = JobProcess(self.folder(job["id"]))
                process.kill()
                (self.folder(job["id"]) / PREPARED).unlink(missing_ok=True)

    def _run(self, job_id: str) -> None:
        """Bring one job to its end, or to a pause; returns early where the server ends."""
        job, folder = self._jobs.find(job_id), self.folder(job_id)
        process, prepared = JobProcess(folder), self._prepared(folder)
        follower = RunFollower(self._jobs, self._files, job, folder / "model", prepared.form)
        starts, last_step, asked_to_stop = 0, -1, False
        while not self._ending.is_set():
            status = self._jobs.find(job_id)["status"]
            if status not in ("queued", "running", "pausing"):  # a pause may come while it waits for its turn
                process.kill()
                return
            follower.follow()
            if process.is_under_way():
                if status == "pausing" and not asked_to_stop:
                    process.ask_to_stop()  # once: a second time leaves without saving the step
                    asked_to_stop = True
                self._news["run"].wait(TICK_SECONDS)
                self._news["run"].clear()
                continue
            follower.follow()
            if follower.finished():
                return
            if status == "pausing":
                process.forget_end()  # first: whoever resumes must not take it for a fault
                self._jobs.move(job_id, ("pausing",), "paused", [follower.paused_event()])
                return
            if self._has_failed(job_id, process, follower):
                return
            starts = starts + 1 if follower.last_step == last_step else 1
            last_step = follower.last_step
            if starts > MOST_STARTS_WITHOUT_PROGRESS:
                self._fail(job_id, "training_died", "Training died again and again without a step.", None)
                return
            words = train_words(job, self._base(job, folder), prepared, folder / "model")
            begins = [Event("started", "Fine-tuning job started")]
            if self._jobs.move(job_id, ("queued", "running"), "running", begins):
                process.start(words)

    def _base(self, job: Row, folder: Path) -> str:
        """What training starts from, which stays the same however often a server looks for it."""
        content = json.loads((folder / PREPARED).read_text(encoding="utf-8"))
        if "base" not in content:
            content["base"] = self._shelf.base_for_training(job["model"])
            write_json(folder / PREPARED, content)
        return str(content["base"])

    def _prepared(self, folder: Path) -> Prepared:
        content = json.loads((folder / PREPARED).read_text(encoding="utf-8"))
        form: Form = content["form"]
        return Prepared(folder / content["table"], tuple(content["options"]), form)

    def _has_failed(self, job_id: str, process: JobProcess, follower: RunFollower) -> bool:
        """Whether training ended with a fault that would come again; a kill is none."""
        if process.exit_code() not in (1, 2):
            return False
        reason = self._for_clients(job_id, process.last_words())
        if DISK_IS_FULL in reason:
            process.forget_end()
            told = Event(f"paused:{int(time.time())}", f"{reason} Then resume the job.", "warn")
            self._jobs.move(job_id, ACTIVE, "paused", [told])
        elif follower.has_begun():
            self._fail(job_id, "server_error", f"Training broke off. {reason}", None)
        else:
            message = f"The job failed due to an invalid training file. {reason}"
            self._fail(job_id, "invalid_training_file", message, "training_file")
        return True

    def _for_clients(self, job_id: str, reason: str) -> str:
        """What training said, with the client's own name for its file and none of this machine's folders."""
        job, folder = self._jobs.find(job_id), self.folder(job_id)
        row = self._jobs.database.row("SELECT filename FROM files WHERE id = ?", [job["training_file"]])
        table = folder / self._prepared(folder).table.name
        reason = reason.replace(str(table), "The table" if row is None else row["filename"])
        return reason.replace(f"{folder}/", "").replace(str(folder), "the job's folder")

    def _fail(self, job_id: str, code: str, message: str, param: str | None) -> None:
        JobProcess(self.folder(job_id)).kill()
        error = {"code": code, "message": message, "param": param}
        event = Event("failed", message, "error")
        self._jobs.move(job_id, ACTIVE, "failed", [event], error=json.dumps(error))
