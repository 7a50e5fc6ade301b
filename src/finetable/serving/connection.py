"""A client's connection: its headers come in time, and what is no HTTP is told so as the API tells faults."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from finetable.serving.api_errors import invalid

SECONDS_FOR_A_HEAD = 30.0


class Connection(H11Protocol):
    """Ends where the line and headers of a request stay half-sent."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch(waits=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._watch(waits=False)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what has come; half a head must be whole in time, however many bytes of it come."""
        super().handle_events()
        begun = bool(self.conn.trailing_data[0])
        self._watch(waits=begun and self.conn.their_state is h11.IDLE)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; within an answer there is nothing left to say."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(invalid(msg).body()).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self, waits: bool) -> None:
        if not waits and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if waits and self._deadline is None:
            self._deadline = self.loop.call_later(SECONDS_FOR_A_HEAD, self._end)

    def _end(self) -> None:
        self._deadline = None
        self.transport.close()
