"""An endpoint of the OpenAI API, asked with the official client until it answers, or often enough."""

import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

import httpx2
from openai import APIConnectionError, APIStatusError, OpenAI
from pydantic import BaseModel, Field

from finetable.errors import RemoteError
from finetable.inference.spending import Bill, Spending

MOST_TRIES = 10
TRIES_TO_CONNECT = 5
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
LONGEST_WISH_SECONDS = 120.0
"""An endpoint that asks to wait longer means another day, not another try."""

SECONDS_FOR_AN_ANSWER = 600.0
LETTERS_OF_A_REASON = 300
KEPT = "What was answered is kept; the same command goes on."

Route = Literal["/completions", "/chat/completions"]
Tokens = tuple[int, int]
"""Tokens read and written."""


class Usage(BaseModel):
    """What a request used."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class Reply(BaseModel):
    """What every answer has, if the endpoint counts tokens at all."""

    usage: Usage | None = None

    def used(self, most: Tokens) -> Tokens:
        """Tokens of the request; as many as can be where the endpoint does not say."""
        return most if self.usage is None else (self.usage.prompt_tokens, self.usage.completion_tokens)


Found = TypeVar("Found", bound=Reply)


class RefusedError(Exception):
    """A request that the endpoint will never answer: its status, code and reason."""

    def __init__(self, status: int, code: str | None, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason

    @property
    def is_too_long(self) -> bool:
        """Whether the prompt was longer than the model can see."""
        return self.status in (400, 413, 422) and (
            self.code in ("context_length_exceeded", "exceed_context_size_error")
            or "maximum context length" in self.reason
        )


class StoppedError(Exception):
    """Another request failed, so this one was given up before it was sent."""


class _Again(Exception):  # noqa: N818
    """A try that failed, how long the endpoint wishes to be left alone, and how many tries are enough."""

    def __init__(self, reason: str, wish_seconds: float | None = None, tries: int = MOST_TRIES) -> None:
        super().__init__(reason)
        self.wish_seconds = wish_seconds
        self.tries = tries


class Endpoint:
    """Sends requests from many threads; whoever sets `stop` ends those that wait."""

    def __init__(self, url: str, key: str, spending: Spending) -> None:
        """Take an address ending in /v1 or the like; the key goes nowhere but into requests."""
        self.url = url.rstrip("/")
        self.stop = threading.Event()
        self._key = key
        self._spending = spending
        self._client = OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=SECONDS_FOR_AN_ANSWER)

    def ask(self, route: Route, body: Mapping[str, Any], most: Tokens, read: Callable[[Any], Found]) -> Found:
        """The answer to one request, which may read and write `most` tokens; `read` makes it of the JSON.

        An answer of which `read` raises ValueError was not whole, and is asked for again.

        Raises RefusedError where it will never be answered, RemoteError where it was tried often enough or
        the budget does not hold it, StoppedError where `stop` was set before.
        """
        for number in range(MOST_TRIES):
            try:
                with self._spending.request(*most) as bill:
                    if self.stop.is_set():
                        raise StoppedError
                    return self._try(route, body, bill, read)
            except _Again as fault:
                reason, wish, most_tries = str(fault), fault.wish_seconds, fault.tries
            if wish is not None and wish > LONGEST_WISH_SECONDS:
                raise RemoteError(f"{self.url} asks to wait for {wish:,.0f} seconds ({reason}). {KEPT}")
            if number + 1 >= most_tries:
                break
            self.stop.wait(_delay(number) if wish is None else wish)
        raise RemoteError(f"{self.url} did not answer in {number + 1} tries ({reason}). {KEPT}")

    def sentence(self, fault: RefusedError) -> RemoteError:
        """What a refusal means to a person."""
        if fault.status in (401, 403):
            return RemoteError(f"{self.url} does not take the key in OPENAI_API_KEY ({fault.status}). {KEPT}")
        return RemoteError(f"{self.url} refuses a request ({fault.status}): {fault.reason} {KEPT}")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _try(self, route: Route, body: Mapping[str, Any], bill: Bill, read: Callable[[Any], Found]) -> Found:
        try:
            response = self._client.post(route, cast_to=httpx2.Response, body=dict(body))
            answer = read(json.loads(response.content))
        except APIStatusError as fault:
            if _may_be_tried_again(fault):
                raise _Again(f"status {fault.status_code}", _wish(fault.response.headers)) from fault
            reason = str(fault.message).replace(self._key, "…")[:LETTERS_OF_A_REASON]
            raise RefusedError(fault.status_code, fault.code, reason) from fault
        except APIConnectionError as fault:
            if isinstance(fault.__cause__, httpx2.ConnectError):
                raise _Again("nobody listens there", tries=TRIES_TO_CONNECT) from fault
            bill.lose()
            raise _Again("a connection that was cut") from fault
        except ValueError as fault:  # of pydantic, of json, and of bytes that are no text
            bill.lose()
            raise _Again("an answer that cannot be read") from fault
        bill.settle(*answer.used(bill.most))
        return answer


def _may_be_tried_again(fault: APIStatusError) -> bool:
    told = fault.response.headers.get("x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    if fault.code == "insufficient_quota":
        return False
    return fault.status_code in (408, 409, 429) or (fault.status_code >= 500 and fault.status_code != 501)


def _wish(headers: httpx2.Headers) -> float | None:
    """Seconds for which an endpoint wishes to be left alone, None where it says nothing (RFC 9110)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "nan")) * unit
        except ValueError:
            seconds = math.nan
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except ValueError:
        return None


def _delay(tries: int) -> float:
    """Seconds before the next try where nothing is wished: twice as long each time, not all at once."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * float(2**tries)) * random.uniform(0.5, 1.0)
