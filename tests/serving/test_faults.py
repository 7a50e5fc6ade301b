"""What nobody foresaw."""

import json

import pytest
from starlette.types import Receive, Scope, Send

from finetable.serving.faults import ServerFaults
from finetable.serving.guard import Guard
from finetable.serving.request_log import Metrics, RequestLog

from .asgi import ask


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise KeyError("a secret")


async def broken_midway(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise KeyError("a secret")


def test_an_answer_to_what_nobody_foresaw_has_its_id_and_headers() -> None:
    answer = ask(RequestLog(Guard(ServerFaults(broken), None, "127.0.0.1"), Metrics()))
    assert answer.status == 500
    assert json.loads(answer.body)["error"]["type"] == "server_error"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"a secret" not in answer.body


def test_an_answer_that_has_begun_is_broken_off() -> None:
    with pytest.raises(KeyError):
        ask(ServerFaults(broken_midway))
