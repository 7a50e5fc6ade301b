import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Scope

from finetable.serving import limits
from finetable.serving.limits import MOST_BODY_BYTES, MOST_FILE_BYTES, BodyLimits

from .asgi import ask, hello

LIMITED = BodyLimits(hello)


def test_what_is_within_the_limits_passes() -> None:
    answer = ask(LIMITED, "/v1/completions", "POST", body=[b"x" * 1000] * 3)
    assert (answer.status, answer.body) == (200, b"3000")


@pytest.mark.parametrize("declared", [str(MOST_BODY_BYTES + 1), "-1", "1e3", "9" * 100])
def test_a_length_that_is_too_long_or_none_is_refused_before_anything_is_read(declared: str) -> None:
    answer = ask(LIMITED, "/v1/completions", "POST", {"content-length": declared}, body=[])
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


def test_a_body_without_a_length_is_counted() -> None:
    piece = b"x" * (MOST_BODY_BYTES // 2)
    assert ask(LIMITED, "/v1/completions", "POST", body=[piece] * 3).status == 413


def test_a_file_may_be_larger() -> None:
    declared = {"content-length": str(MOST_BODY_BYTES + 1)}
    assert ask(LIMITED, "/v1/files", "POST", declared).status == 200
    assert ask(LIMITED, "/v1/files", "POST", {"content-length": str(MOST_FILE_BYTES + 1)}).status == 413


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS_FOR_A_PIECE", 0.01)
    told: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/files", "headers": []}
    asyncio.run(LIMITED(scope, receive, send))
    assert told[0]["status"] == 400
    assert b"too slowly" in told[1]["body"]
