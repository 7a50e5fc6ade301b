"""Asks an ASGI application one thing, as a server would."""

import asyncio
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def hello(_: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body and tells its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    app: ASGIApp,
    path: str = "/v1/models",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: Iterable[bytes] = (b"",),
) -> Answer:
    named = {"host": "127.0.0.1:8000", **(headers or {})}
    pathname, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": pathname,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    return asyncio.run(_ask(app, scope, list(body)))


async def _ask(app: ASGIApp, scope: Scope, body: list[bytes]) -> Answer:
    answer = Answer()

    async def receive() -> MutableMapping[str, Any]:
        piece = body.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(body)}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer
