"""Server-sent events: each part of an answer as it comes, a sign of life where none does."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from finetable.serving.api_errors import ApiError
from finetable.serving.lending import ended, while_connected

Events = AsyncGenerator[dict[str, Any] | None, None]
PING = ": ping\n\n"
SECONDS_TOGETHER = 0.02
DONE = "data: [DONE]\n\n"

log = logging.getLogger("finetable.serving")


class EventStream(StreamingResponse):
    """Sends events until they end or the client leaves; either way they are closed."""

    def __init__(self, first: dict[str, Any] | None, rest: Events) -> None:
        self._rest = rest
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(_frames(first, rest), headers=headers, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._rest.aclose()


async def stream(request: Request, events: Events) -> EventStream:
    """A stream that has begun: what is wrong before the first event is still told by a status."""
    try:
        first = await while_connected(request, anext(events))
    except BaseException:
        await events.aclose()
        raise
    return EventStream(first, events)


async def _frames(first: dict[str, Any] | None, rest: Events) -> AsyncIterator[str]:
    """The first event at once, the others as they come, those of a moment together: sending costs time."""
    yield _frame(first)
    ready: list[str] = []
    news = asyncio.Event()
    pumping = asyncio.ensure_future(_pump(rest, ready, news))
    try:
        while ready or not pumping.done():
            await news.wait()
            news.clear()
            together = "".join(ready)
            ready.clear()
            if together:
                yield together
                await asyncio.sleep(SECONDS_TOGETHER)
    finally:
        await ended(pumping)


async def _pump(rest: Events, ready: list[str], news: asyncio.Event) -> None:
    """Put each event where it waits to be sent, and after them how they ended."""
    try:
        async for event in rest:
            ready.append(_frame(event))
            news.set()
    except ApiError as fault:
        ready.append(_frame(fault.body()))
    except Exception as fault:
        log.error("a stream failed", exc_info=fault)
        told = ApiError(500, "The server had an error while answering; its log says more.", "server_error")
        ready.append(_frame(told.body()))
    else:
        ready.append(DONE)
    finally:
        news.set()


def _frame(event: dict[str, Any] | None) -> str:
    if event is None:
        return PING
    return f"data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"
