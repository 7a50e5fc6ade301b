"""Jobs from the upload to the model, with the official client and real processes."""

import csv
import hashlib
import io
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.fine_tuning import FineTuningJob

from .running import RunningServer, training_lines

PAIRS: list[dict[str, object]] = [
    {"prompt": f"number {n}", "completion": f"The {('red', 'blue', 'green')[n % 3]} house has {n} rooms."}
    for n in range(60)
]
EPOCHS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("jobs") / "home").start()
    yield running
    running.stop()


def begin(client: OpenAI, rows: list[dict[str, object]] = PAIRS, **options: Any) -> FineTuningJob:
    file = client.files.create(file=("data.jsonl", training_lines(rows)), purpose="fine-tune")
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": EPOCHS, "batch_size": 4}}}
    asked: dict[str, Any] = {"model": "scratch", "seed": 7, "method": method, **options}
    return client.fine_tuning.jobs.create(training_file=file.id, **asked)


def wait(client: OpenAI, job_id: str, done: Callable[[FineTuningJob], bool]) -> FineTuningJob:
    ends = time.monotonic() + 120
    while not done(job := client.fine_tuning.jobs.retrieve(job_id)):
        assert time.monotonic() < ends, f"still {job.status}: {job.error}"
    return job


def ended(job: FineTuningJob) -> bool:
    return job.status in ("succeeded", "failed", "cancelled")


def messages(client: OpenAI, job_id: str) -> list[str]:
    return [event.message for event in client.fine_tuning.jobs.list_events(job_id, limit=7)][::-1]


def weights(server: RunningServer, job_id: str) -> str:
    file = server.home / "jobs" / job_id / "model" / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def trained(server: RunningServer) -> FineTuningJob:
    client = server.client()
    created = begin(client, suffix="My Houses!", metadata={"team": "a"})
    assert created.status in ("validating_files", "queued", "running")
    return wait(client, created.id, ended)


def test_a_job_ends_with_a_model_and_tells_its_way_there(
    server: RunningServer, trained: FineTuningJob
) -> None:
    client = server.client()
    assert trained.status == "succeeded"
    assert trained.error is None
    assert trained.finished_at is not None
    name = trained.fine_tuned_model
    assert name is not None
    assert name.startswith("ft:scratch:local:my-houses:")
    told = messages(client, trained.id)
    assert told[:4] == [
        f"Created fine-tuning job: {trained.id}",
        f"Validating training file: {trained.training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert told[-2:] == [f"New fine-tuned model created: {name}", "The job has successfully completed"]
    assert trained.hyperparameters.n_epochs == EPOCHS
    assert trained.method is not None
    assert trained.method.supervised is not None
    resolved = trained.method.supervised.hyperparameters
    assert resolved is not None
    assert resolved.model_dump() == trained.hyperparameters.model_dump()
    assert trained.trained_tokens is not None
    assert name in [model.id for model in client.models.list()]


def test_metrics_of_every_step_are_events_and_a_file(server: RunningServer, trained: FineTuningJob) -> None:
    client = server.client()
    metrics = [e for e in client.fine_tuning.jobs.list_events(trained.id) if e.type == "metrics"][::-1]
    data = [event.data for event in metrics]
    assert [point["step"] for point in data] == list(range(1, len(data) + 1))  # type: ignore[index]
    assert all(point["total_steps"] == len(data) for point in data)  # type: ignore[index]
    assert all(0 <= point["train_mean_token_accuracy"] <= 1 for point in data)  # type: ignore[index]
    assert metrics[0].message.startswith(f"Step 1/{len(data)}: training loss=")
    assert "full validation loss=" in metrics[-1].message
    rows = list(csv.DictReader(io.StringIO(client.files.content(trained.result_files[0]).text)))
    assert [int(row["step"]) for row in rows] == list(range(1, len(data) + 1))
    assert list(rows[0])[:5] == [
        "step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy",
    ]  # fmt: skip
    assert client.files.retrieve(trained.result_files[0]).purpose == "fine-tune-results"


def test_checkpoints_are_those_of_the_last_epochs_and_models_themselves(
    server: RunningServer, trained: FineTuningJob
) -> None:
    client = server.client()
    checkpoints = client.fine_tuning.jobs.checkpoints.list(trained.id).data
    steps = [checkpoint.step_number for checkpoint in checkpoints]
    assert len(steps) == EPOCHS
    assert steps == sorted(steps, reverse=True)
    assert checkpoints[0].fine_tuned_model_checkpoint == trained.fine_tuned_model
    known = [model.id for model in client.models.list()]
    for checkpoint in checkpoints[1:]:
        name = checkpoint.fine_tuned_model_checkpoint
        assert name.endswith(f":ckpt-step-{checkpoint.step_number}")
        assert name in known
        assert checkpoint.metrics.train_loss is not None


def test_a_job_that_ends_early_has_its_model_as_last_checkpoint(server: RunningServer) -> None:
    client = server.client()
    draw = random.Random(0)
    # Nothing can be learnt but these very rows, so that validating gets worse.
    noise: list[dict[str, object]] = [
        {"prompt": f"number {n}", "completion": "".join(draw.choices("abcdefghij", k=12))} for n in range(40)
    ]
    method = {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 1}}}
    job = wait(client, begin(client, noise, method=method).id, ended)
    assert job.status == "succeeded", job.error
    found = client.fine_tuning.jobs.checkpoints.list(job.id).data
    told = client.fine_tuning.jobs.list_events(job.id, limit=100).data
    newest = max(json.loads(event.to_json())["data"]["step"] for event in told if event.type == "metrics")
    steps = [checkpoint.step_number for checkpoint in found]
    assert steps == sorted(set(steps), reverse=True)
    assert steps[0] == newest
    assert found[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    names = [event.message.split("ID: ")[1] for event in told if "Snapshot ID" in event.message]
    assert f"ckpt-step-{newest}" in names[0], "the run ended early, and its last weights were told"
    for name in (job.fine_tuned_model, names[0]):
        assert name is not None
        assert client.completions.create(model=name, prompt="number 1", max_tokens=2).choices


def test_permissions_are_kept(server: RunningServer, trained: FineTuningJob) -> None:
    permissions = OpenAI(
        base_url=f"{server.address}/v1", api_key="x", admin_api_key="x"
    ).fine_tuning.checkpoints
    name = str(trained.fine_tuned_model)
    made = permissions.permissions.create(name, project_ids=["proj_1", "proj_2"]).data
    assert [given.project_id for given in made] == ["proj_1", "proj_2"]
    assert permissions.permissions.delete(made[0].id, fine_tuned_model_checkpoint=name).deleted
    assert [given.project_id for given in permissions.permissions.list(name).data] == ["proj_2"]


def test_jobs_are_found_by_their_metadata(server: RunningServer, trained: FineTuningJob) -> None:
    client = server.client()
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"team": "a"})] == [trained.id]
    assert list(client.fine_tuning.jobs.list(metadata={"team": "b"})) == []


def test_faults_of_the_data_end_the_job_and_not_the_request(server: RunningServer) -> None:
    client = server.client()
    failed = wait(client, begin(client, PAIRS[:7]).id, ended)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "invalid_n_examples"
    same: list[dict[str, object]] = [{"prompt": "a", "completion": "b"}] * 12
    failed = wait(client, begin(client, same).id, ended)
    assert failed.error is not None
    assert "there is nothing to learn" in failed.error.message


def test_what_cannot_be_is_refused_at_once(server: RunningServer) -> None:
    client = server.client()
    with pytest.raises(NotFoundError, match="does not exist"):
        begin(client, model="gpt-nothing")
    with pytest.raises(BadRequestError, match="dpo"):
        begin(client, method={"type": "dpo"})
    with pytest.raises(BadRequestError, match="n_epochs"):
        begin(client, hyperparameters={"n_epochs": 51}, method=None)
    with pytest.raises(BadRequestError, match="file-nothing"):
        client.fine_tuning.jobs.create(model="scratch", training_file="file-nothing")


def test_a_paused_and_killed_job_ends_in_the_weights_of_the_unbroken_one(
    server: RunningServer, trained: FineTuningJob
) -> None:
    client = server.client(strict=False)
    job = begin(client)
    wait(client, job.id, lambda job: job.status == "running")
    client.fine_tuning.jobs.pause(job.id)
    wait(client, job.id, lambda job: str(job.status) == "paused")
    # What was left there would be read as a fault by whoever resumes.
    assert not (server.home / "jobs" / job.id / "ended.json").exists()
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    wait(client, job.id, lambda job: job.status == "running")
    server.kill()
    server.start()
    lock = server.home / "jobs" / job.id / "lock"
    os.killpg(int(lock.read_text(encoding="utf-8")), signal.SIGKILL)
    done = wait(client, job.id, ended)
    assert done.status == "succeeded"
    assert weights(server, job.id) == weights(server, trained.id)
    told = Counter(event.message for event in client.fine_tuning.jobs.list_events(job.id))
    steps = {message: count for message, count in told.items() if message.startswith("Step ")}
    assert set(steps.values()) == {1}
    assert told["Fine-tuning job started"] == told["The job has successfully completed"] == 1


def test_a_cancelled_job_stops_and_the_next_one_runs(server: RunningServer) -> None:
    client = server.client()
    long = begin(client, method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50}}})
    after = begin(client)
    wait(client, long.id, lambda job: job.status == "running")
    assert client.fine_tuning.jobs.cancel(long.id).status == "cancelled"
    with pytest.raises(BadRequestError) as caught:
        client.fine_tuning.jobs.cancel(long.id)
    assert caught.value.code == "job_not_cancellable"
    assert wait(client, after.id, ended).status == "succeeded"


def test_a_deleted_model_is_gone_and_its_files_with_the_last_of_them(
    server: RunningServer, trained: FineTuningJob
) -> None:
    client = server.client()
    folder: Path = server.home / "jobs" / trained.id / "model"
    names = [
        checkpoint.fine_tuned_model_checkpoint
        for checkpoint in client.fine_tuning.jobs.checkpoints.list(trained.id)
    ]
    for name in names:
        assert folder.exists()
        assert client.models.delete(name).deleted
        with pytest.raises(NotFoundError):
            client.models.retrieve(name)
    assert not folder.exists()
