"""What the routes share: settings, stores, models and the jobs' runner."""

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, cast

from fastapi import Depends, Request

from finetable.atomic_files import disk_faults
from finetable.errors import UserError
from finetable.serving.batch_runner import BatchRunner
from finetable.serving.batch_store import BatchStore
from finetable.serving.database import Database
from finetable.serving.file_store import FileStore
from finetable.serving.job_runner import JobRunner
from finetable.serving.job_store import JobStore
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.upload_store import UploadStore
from finetable.verb_settings import ServeSettings


@dataclass(frozen=True, eq=False)
class Serving:
    """A running server's parts."""

    settings: ServeSettings
    home: Path
    lock: IO[bytes]
    database: Database
    files: FileStore
    uploads: UploadStore
    jobs: JobStore
    shelf: ModelShelf
    runner: JobRunner
    batches: BatchRunner

    def close(self) -> None:
        """Let models go and the database rest; a job's process goes on by itself."""
        self.runner.close()
        self.batches.close()
        self.shelf.close()
        self.database.close()
        self.lock.close()


def open_serving(settings: ServeSettings, folders: tuple[Path, ...]) -> Serving:
    """The parts of a server with this home; `folders` are models to serve. Raises UserError."""
    home = settings.home.expanduser()
    with disk_faults(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _locked(home)
    database = Database(home / "finetable.sqlite3")
    files = FileStore(database, home)
    jobs = JobStore(database)
    shelf = ModelShelf(database, folders, settings.memory_gb)
    runner = JobRunner(jobs, files, shelf, home)
    batches = BatchRunner(BatchStore(database), files, shelf, home)
    uploads = UploadStore(database, files, home)
    return Serving(settings, home, lock, database, files, uploads, jobs, shelf, runner, batches)


def _locked(home: Path) -> IO[bytes]:
    """The right to a home, which one server has at a time: another would sweep away what comes in."""
    with disk_faults(home):
        lock = (home / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        lock.close()
        raise UserError(
            f"Another server is running with {home}; stop it or choose another --home."
        ) from fault
    return lock


def _serving(request: Request) -> Serving:
    return cast(Serving, request.app.state.serving)


Parts = Annotated[Serving, Depends(_serving)]
"""What a route takes to have the server's parts."""
