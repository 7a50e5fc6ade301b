"""Asks of one request under way in the engine, their pieces brought into the server's loop as they come."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from finetable.inference.live_engine import EngineClosedError, LiveEngine
from finetable.inference.live_request import Ask, Piece
from finetable.serving.api_errors import ApiError

SECONDS_BETWEEN_PINGS = 15.0
Result = TypeVar("Result")

log = logging.getLogger("finetable.serving")


class Answering:
    """Pieces of several asks in the order in which they come; whoever leaves early frees their places."""

    def __init__(self, engine: LiveEngine, asks: Sequence[Ask]) -> None:
        self._engine = engine
        self._asks = asks
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[tuple[int, Piece | Exception]] = asyncio.Queue()

    def __enter__(self) -> Self:
        """Hand the asks to the engine; raises ApiError where it has been closed."""
        self._tickets = []
        try:
            for place, ask in enumerate(self._asks):
                self._tickets.append(self._engine.submit(ask, partial(self._take, place)))
        except Exception as fault:
            self._cancel()
            raise engine_fault(fault) from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel()

    async def pieces(self, seconds: float | None = None) -> AsyncIterator[tuple[int, Piece] | None]:
        """Each piece with the place of its ask; None where nothing came for so many seconds."""
        left = len(self._asks)
        while left:
            try:
                async with asyncio.timeout(seconds):
                    place, news = await self._news.get()
            except TimeoutError:
                yield None
                continue
            if isinstance(news, Exception):
                raise engine_fault(news) from news
            left -= news.finish is not None
            yield place, news

    async def whole(self) -> list[list[Piece]]:
        """All pieces of each ask."""
        found: list[list[Piece]] = [[] for _ in self._asks]
        async for news in self.pieces():
            assert news is not None
            found[news[0]].append(news[1])
        return found

    def _cancel(self) -> None:
        for ticket in self._tickets:
            self._engine.cancel(ticket)

    def _take(self, place: int, news: Piece | Exception) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            self._loop.call_soon_threadsafe(self._news.put_nowait, (place, news))


def engine_fault(fault: Exception) -> ApiError:
    """What a client is told of a fault in the engine."""
    if isinstance(fault, EngineClosedError):
        return ApiError(503, "The model is just being let go; ask again.", "server_error", retry_after=1)
    log.error("the engine met a fault", exc_info=fault)
    return ApiError(
        500, "The model had a fault while it answered; the server's log says more.", "server_error"
    )


async def outcome(begin: Callable[[], Future[Result]]) -> Result:
    """The outcome of work on whole rows in the engine; raises ApiError."""
    try:
        return await asyncio.wrap_future(begin())
    except Exception as fault:
        raise engine_fault(fault) from fault
