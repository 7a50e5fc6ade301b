"""Models lent to requests, and requests whose client may leave before they are answered."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Receive

from finetable.serving.api_errors import ApiError
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf

Answer = TypeVar("Answer")


@asynccontextmanager
async def lent(shelf: ModelShelf, name: str) -> AsyncIterator[LoadedModel]:
    """A model for as long as it is used, loaded in a thread. Raises ApiError as the shelf does."""
    lending = shelf.lend(name)
    entering = asyncio.ensure_future(asyncio.to_thread(lending.__enter__))
    try:
        model = await asyncio.shield(entering)
    except asyncio.CancelledError:
        # The thread goes on loading; what it then has been lent must be given back all the same.
        entering.add_done_callback(lambda done: done.exception() or lending.__exit__(None, None, None))
        raise
    try:
        yield model
    finally:
        await asyncio.shield(asyncio.to_thread(lending.__exit__, None, None, None))


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """The outcome of `work`, which is given up as soon as the client has left."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(gone(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ApiError(499, "The client left before it was answered.")
        return working.result()
    finally:
        await ended(working, leaving)


async def gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and wait until it has let go of what it holds."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
