"""/v1/batches with the official client: lines answered as the routes answer, also by a second server."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types import Batch

SECONDS = 120
Serve = Callable[..., AbstractContextManager[Any]]


def line(name: str, url: str = "/v1/completions", **body: Any) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def upload(client: OpenAI, lines: list[dict[str, Any]]) -> str:
    content = "".join(json.dumps(each) + "\n" for each in lines).encode()
    return client.files.create(file=("requests.jsonl", content), purpose="batch").id


def create(
    client: OpenAI, lines: list[dict[str, Any]], endpoint: Any = "/v1/completions", **more: Any
) -> Batch:
    file = upload(client, lines)
    return client.batches.create(input_file_id=file, endpoint=endpoint, completion_window="24h", **more)


def until(client: OpenAI, batch: Batch, holds: Callable[[Batch], bool]) -> Batch:
    """The batch as it is once something holds of it."""
    ends = time.monotonic() + SECONDS
    pause = threading.Event()
    while time.monotonic() < ends:
        found = client.batches.retrieve(batch.id)
        if holds(found):
            return found
        pause.wait(0.02)
    raise AssertionError(f"the batch is still {found}")


def ended(client: OpenAI, batch: Batch) -> Batch:
    return until(client, batch, lambda found: found.status in ("completed", "failed", "cancelled"))


def content(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(each) for each in client.files.content(file_id).text.splitlines()]


def test_lines_are_answered_as_the_route_answers(client: OpenAI) -> None:
    bodies: list[dict[str, Any]] = [
        {"model": "writer", "prompt": "crime", "max_tokens": 6, "seed": seed} for seed in range(20)
    ]
    lines = [line(f"line {seed}", **body) for seed, body in enumerate(bodies)]
    batch = create(
        client, lines, metadata={"of": "test"}, output_expires_after={"anchor": "created_at", "seconds": 7200}
    )
    done = ended(client, batch)
    assert (done.status, done.metadata, done.error_file_id) == ("completed", {"of": "test"}, None)
    assert done.request_counts is not None
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (20, 20, 0)
    assert done.in_progress_at is not None
    assert done.completed_at is not None
    told = content(client, done.output_file_id)
    assert [each["custom_id"] for each in told] == [each["custom_id"] for each in lines]
    for each, body in zip(told, bodies, strict=True):
        assert (each["response"]["status_code"], each["error"]) == (200, None)
        wanted = client.completions.create(**body).choices[0].text
        assert each["response"]["body"]["choices"][0]["text"] == wanted
    file = client.files.retrieve(done.output_file_id or "")
    assert (file.purpose, file.filename) == ("batch_output", f"{done.id}_output.jsonl")
    assert file.expires_at == file.created_at + 7200
    assert client.batches.list(limit=1).data[0].id == done.id
    assert client.batches.list(limit=0).data == []


def test_chats_and_vectors_and_lines_that_fail(loose: OpenAI) -> None:
    chat = "/v1/chat/completions"
    messages = [{"role": "user", "content": "love"}]
    lines = [
        line("good", chat, model="writer", messages=messages, max_tokens=3),
        line("bad", chat, model="writer", messages=messages, n=1000),
        line("nobody", chat, model="nobody", messages=messages),
        line("streamed", chat, model="writer", messages=messages, stream=True),
    ]
    done = ended(loose, create(loose, lines, chat))
    assert done.status == "completed"
    assert done.request_counts is not None
    assert (done.request_counts.completed, done.request_counts.failed) == (1, 3)
    (good,) = content(loose, done.output_file_id)
    assert good["response"]["body"]["object"] == "chat.completion"
    failed = content(loose, done.error_file_id)
    assert [each["custom_id"] for each in failed] == ["bad", "nobody", "streamed"]
    assert [each["response"]["status_code"] for each in failed] == [400, 404, 400]
    assert failed[1]["response"]["body"]["error"]["code"] == "model_not_found"
    vectors = "/v1/embeddings"
    done = ended(loose, create(loose, [line("v", vectors, model="gpt2", input="sea")], vectors))
    (vector,) = content(loose, done.output_file_id)
    assert len(vector["response"]["body"]["data"][0]["embedding"]) == 32


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        ([line("a"), line("a")], "duplicate_custom_id", 2),
        ([line("a", "/v1/embeddings")], "mismatched_endpoint", 1),
        ([{**line("a"), "method": "GET"}], "invalid_method", 1),
        ([{**line("a"), "body": "x"}], "missing_required_parameter", 1),
        ([{**line("a"), "custom_id": 7}], "missing_required_parameter", 1),
    ],
)
def test_faults_of_the_file_end_the_batch(
    client: OpenAI, lines: list[dict[str, Any]], code: str, number: int
) -> None:
    done = ended(client, create(client, lines))
    assert (done.status, done.output_file_id) == ("failed", None)
    assert done.failed_at is not None
    assert done.errors is not None
    assert [(each.code, each.line) for each in done.errors.data or ()] == [(code, number)]


def test_faults_that_are_told_at_once(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as fault:
        client.batches.create(input_file_id="file-none", endpoint="/v1/completions", completion_window="24h")
    assert fault.value.param == "input_file_id"
    file = client.files.create(file=("notes.txt", b"x"), purpose="user_data").id
    with pytest.raises(BadRequestError, match="needs 'batch'"):
        client.batches.create(input_file_id=file, endpoint="/v1/completions", completion_window="24h")
    with pytest.raises(NotFoundError, match="No such Batch object"):
        client.batches.retrieve("batch_none")


def slow(count: int) -> list[dict[str, Any]]:
    body: dict[str, Any] = {"model": "long", "prompt": "x", "max_tokens": 300, "logit_bias": {"5": 100}}
    return [line(f"line {number}", **body) for number in range(count)]


def some(batch: Batch) -> bool:
    return batch.request_counts is not None and batch.request_counts.completed > 0


def test_a_batch_survives_a_restart_and_answers_no_line_twice(
    serve: Serve, folders: tuple[Path, ...], tmp_path: Path
) -> None:
    lines = slow(200)
    with serve(tmp_path, folders[-1:]) as first, first.client() as client:
        batch = create(client, lines)
        half = until(client, batch, some)
        client.files.delete(batch.input_file_id)
    assert half.status == "in_progress"
    kept = tmp_path / "batches" / batch.id / "answered.jsonl"
    before = kept.read_bytes()
    assert 0 < before.count(b"\n") < 200
    kept.write_bytes(before + b'{"line": 200, "answ')  # as a kill would leave it
    known = {json.loads(each)["output"]["id"] for each in before.splitlines()}
    with serve(tmp_path, folders[-1:]) as second, second.client() as client:
        done = ended(client, batch)
        told = content(client, done.output_file_id)
    assert done.status == "completed"
    assert [each["custom_id"] for each in told] == [each["custom_id"] for each in lines]
    assert known <= {each["id"] for each in told}
    assert done.request_counts is not None
    assert (done.request_counts.total, done.request_counts.completed) == (200, 200)
    assert not kept.parent.exists()


def test_a_cancelled_batch_keeps_what_was_answered(
    serve: Serve, folders: tuple[Path, ...], tmp_path: Path
) -> None:
    with serve(tmp_path, folders[-1:]) as found, found.client(strict=True) as client:
        batch, waiting = create(client, slow(2000)), create(client, slow(1))
        until(client, batch, some)
        assert client.batches.cancel(waiting.id).status == "cancelled"
        assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
        done = ended(client, batch)
        assert done.status == "cancelled"
        assert done.cancelled_at is not None
        told = content(client, done.output_file_id)
        assert done.request_counts is not None
        assert 0 < len(told) == done.request_counts.completed < 2000
        assert client.batches.cancel(batch.id).status == "cancelled"
        over = ended(client, create(client, slow(1)))
        with pytest.raises(BadRequestError, match="nothing to cancel"):
            client.batches.cancel(over.id)
