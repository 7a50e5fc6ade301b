"""How a job goes on, or ends, where its training ended with a fault."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetable.atomic_files import DISK_IS_FULL
from finetable.model_folder import Record
from finetable.serving.file_store import FileStore
from finetable.serving.job_runner import PREPARED, JobRunner
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.worker import ENDED, LOG
from finetable.settings import Recipe

from .conftest import Stores

JOB = {"id": "ftjob-1", "created_at": 1, "model": "scratch", "training_file": "file-1", "seed": 3}
METHOD = '{"type": "supervised", "supervised": {"hyperparameters": {}}}'


@pytest.fixture
def runner(stores: Stores, tmp_path: Path) -> Iterator[JobRunner]:
    shelf = ModelShelf(stores.database, (), 4.0)
    running = JobRunner(stores.jobs, FileStore(stores.database, tmp_path / "files"), shelf, tmp_path)
    yield running
    running.close()


def broken_off(stores: Stores, runner: JobRunner, words: str, has_begun: bool) -> str:
    """The status of a job whose training ended with some last words."""
    stores.jobs.create({**JOB, "method": METHOD, "snapshot": "abc", "status": "running"}, [])
    folder = runner.folder("ftjob-1")
    folder.mkdir()
    prepared = {"table": "table.parquet", "options": ["--write", "completion"], "form": "completion"}
    (folder / PREPARED).write_text(json.dumps(prepared), encoding="utf-8")
    (folder / ENDED).write_text('{"code": 1}', encoding="utf-8")
    (folder / LOG).write_text(f"Reading\n{words}\n", encoding="utf-8")
    if has_begun:
        plan = {"steps": 10, "epochs": 1.0, "batch_rows": 4.0, "learning_rate": 3e-3, "validation_rows": 2}
        record = Record(
            recipe=Recipe.of(write="completion", base="scratch"),
            table_name="table.parquet",
            table_fingerprint="0",
            table_format="Parquet",
            plan=plan,
        )
        (folder / "model").mkdir()
        (folder / "model" / "finetable.json").write_text(record.model_dump_json(), encoding="utf-8")
    runner.start()
    ends = time.monotonic() + 60
    while (status := stores.jobs.find("ftjob-1")["status"]) == "running":
        assert time.monotonic() < ends
    return str(status)


def test_a_full_disk_pauses_a_job(stores: Stores, runner: JobRunner) -> None:
    assert broken_off(stores, runner, f"{DISK_IS_FULL} while writing x; free some space.", True) == "paused"
    assert stores.jobs.resume("ftjob-1")["status"] == "queued"


def test_a_fault_after_the_first_step_is_not_that_of_the_file(stores: Stores, runner: JobRunner) -> None:
    assert broken_off(stores, runner, "MemoryError", True) == "failed"
    error = json.loads(stores.jobs.find("ftjob-1")["error"])
    assert error == {"code": "server_error", "message": "Training broke off. MemoryError", "param": None}


def test_a_fault_before_it_is(stores: Stores, runner: JobRunner) -> None:
    assert broken_off(stores, runner, "Every row has the same completion.", False) == "failed"
    error = json.loads(stores.jobs.find("ftjob-1")["error"])
    assert (error["code"], error["param"]) == ("invalid_training_file", "training_file")
    assert "Every row has the same completion." in error["message"]
