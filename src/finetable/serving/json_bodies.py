"""Bodies of requests that are JSON: read whole and checked before a route sees them."""

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from finetable.serving.api_errors import invalid
from finetable.serving.strict_json import JsonError, parsed


class JsonBodies:
    """Refuses JSON that could not be kept or be told again; works within the limits of bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on a request."""
        if scope["type"] != "http" or "json" not in Headers(scope=scope).get("content-type", "").lower():
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        if body is None:  # the client has left, and nobody waits for an answer
            return
        try:
            if body:
                parsed(body)
        except JsonError as fault:
            told = invalid(f"The body of the request is {fault}.")
            await JSONResponse(told.body(), told.status)(scope, receive, send)
            return
        given = False

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receiving, send)


async def _whole(receive: Receive) -> bytes | None:
    pieces = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)
