"""Streams on the wire: their frames, signs of life, faults in the middle, and clients that leave."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from openai import APIError, OpenAI

from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask
from finetable.serving.answering import Answering
from finetable.serving.event_stream import stream

ENDLESS: dict[str, Any] = {"model": "long", "prompt": "x", "max_tokens": 90_000, "logit_bias": {"5": 100}}


class OneLane(LiveEngine):
    """An engine in which only one text is written at a time; tells when it was asked."""

    def __init__(self, base: Any) -> None:
        super().__init__(base, most_lanes=1)
        self.asked = threading.Event()

    def submit(self, ask: Ask, on_piece: Any) -> Any:
        ticket = super().submit(ask, on_piece)
        self.asked.set()
        return ticket


@pytest.fixture
def narrow(
    serve: Callable[..., AbstractContextManager[Any]], folders: tuple[Path, ...], tmp_path: Path
) -> Iterator[Any]:
    """A server whose one model writes one text at a time."""
    with serve(tmp_path, folders[-1:]) as found:
        with found.model("long") as model:
            model.engine.close()
            model.engine = OneLane(model.base)
        yield found


def test_frames_on_the_wire(server: Any) -> None:
    body = {"model": "writer", "prompt": "crime", "max_tokens": 4, "stream": True, "seed": 1}
    answer = httpx2.post(f"{server.url}/v1/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-request-id"]
    frames = answer.text.split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    events = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
    assert all("usage" not in event for event in events)
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None] * (len(events) - 1)


def test_silence_is_filled_with_signs_of_life(server: Any) -> None:
    async def asked() -> list[Any]:
        with server.model("long") as model, Answering(model.engine, [Ask((1, 2), 3)]) as answering:
            return [news async for news in answering.pieces(0.0)]

    news = asyncio.run(asked())
    assert news[0] is None
    assert [each[1].finish for each in news if each is not None][-1] is not None


def app_of(events: Callable[[], AsyncGenerator[dict[str, Any] | None, None]]) -> TestClient:
    app = FastAPI()

    @app.get("/")
    async def read(request: Request) -> Response:
        return await stream(request, events())

    return TestClient(app)


def test_a_ping_is_a_comment_and_a_fault_is_a_frame_without_an_end() -> None:
    closed = []

    async def events() -> AsyncGenerator[dict[str, Any] | None, None]:
        try:
            yield None
            yield {"text": "é\n"}
            raise OSError("the secret path")
        finally:
            closed.append(True)

    text = app_of(events).get("/").text
    ping, event, fault, end = text.split("\n\n")
    assert (ping, event, end) == (": ping", 'data: {"text":"é\\n"}', "")
    assert json.loads(fault.removeprefix("data: "))["error"]["type"] == "server_error"
    assert "secret" not in text
    assert closed == [True]


def test_a_fault_in_mid_stream_reaches_the_clients_loop(narrow: Any) -> None:
    with narrow.client() as client:
        chunks = iter(client.completions.create(**ENDLESS, stream=True))
        next(chunks)
        with narrow.model("long") as model:
            model.engine.close()
        with pytest.raises(APIError, match="being let go"):
            list(chunks)


def test_a_client_that_leaves_a_stream_frees_its_place(narrow: Any) -> None:
    with narrow.client() as client:
        chunks = client.completions.create(**ENDLESS, stream=True)
        next(iter(chunks))
        chunks.response.close()
        assert_free(client)


@pytest.mark.parametrize("path", ["completions", "chat/completions"])
def test_a_client_that_leaves_before_its_answer_frees_its_place(narrow: Any, path: str) -> None:
    host, port = narrow.url.removeprefix("http://").split(":")
    body = {**ENDLESS, "messages": [{"role": "user", "content": "x"}]}
    content = json.dumps(body).encode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with narrow.model("long") as model:
        engine = model.engine
        model.form = "completion"  # so that it can be asked as a chat too
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        assert engine.asked.wait(60)
    with narrow.client() as other:
        assert_free(other)


def assert_free(client: OpenAI) -> None:
    """The one lane is free: else this would wait for minutes."""
    answer = client.with_options(timeout=20).completions.create(model="long", prompt="y", max_tokens=1)
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 1
