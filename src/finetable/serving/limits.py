"""How much and how slowly a client may send."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from finetable.serving.api_errors import ApiError

FILE_PATHS = re.compile(r"/v1/files|/v1/uploads/[^/]*/parts")
MOST_FILE_BYTES = 512 * 2**20 + 2**20
"""The largest file with the form around it."""

MOST_DIGITS = 20
MOST_BODY_BYTES = 16 * 2**20
SECONDS_FOR_A_PIECE = 30.0
SECONDS_FOR_A_BODY = 300.0
SECONDS_FOR_A_FILE = 3600.0


class BodyLimits:
    """Ends requests whose body is too long or too slow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on while its body keeps within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_file = FILE_PATHS.fullmatch(scope["path"]) is not None
        most = MOST_FILE_BYTES if is_file else MOST_BODY_BYTES
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        limited = _Limited(receive, most, SECONDS_FOR_A_FILE if is_file else SECONDS_FOR_A_BODY)
        started = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if not declared.isdigit() or len(declared) > MOST_DIGITS or int(declared) > most:
                raise limited.too_long()
            await self._app(scope, limited.receive, sending)
        except ApiError as fault:
            if started:
                raise
            headers = {**fault.headers(), "Connection": "close"}
            await JSONResponse(fault.body(), fault.status, headers)(scope, receive, send)


class _Limited:
    """Counts and times what comes in."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._most = most
        self._ends = asyncio.get_running_loop().time() + seconds
        self._got = 0
        self._whole = False

    async def receive(self) -> MutableMapping[str, Any]:
        """The next piece; raises ApiError past the limits."""
        if self._whole:  # what follows the body is that the client leaves, however late
            return await self._receive()
        left = min(SECONDS_FOR_A_PIECE, self._ends - asyncio.get_running_loop().time())
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError:
            raise ApiError(400, "The body of the request came too slowly.") from None
        self._got += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._got > self._most:
            raise self.too_long()
        return message

    def too_long(self) -> ApiError:
        """The fault of a body that is too long."""
        return ApiError(413, f"The body of the request is longer than {self._most:,} bytes.")
