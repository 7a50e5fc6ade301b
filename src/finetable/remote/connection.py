"""A server of the OpenAI API: the key it is asked with, and its faults as sentences."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from typing import Any
from urllib.parse import quote, urlsplit

from openai import APIConnectionError, APIError, APIStatusError, AuthenticationError, NotFoundError, OpenAI

from finetable.errors import RemoteError
from finetable.progress import Progress
from finetable.verb_settings import ApiSettings

KEY = "OPENAI_API_KEY"
HERE = ("127.0.0.1", "localhost", "::1")
OPENAI_HOST = "api.openai.com"
ANY_WORD = "any word"
CLOSING = (
    "OpenAI takes no new fine-tuning jobs since 7 May 2026 from organisations that never fine-tuned, since "
    "2 July 2026 from those that have not used a fine-tuned model for 60 days, and from 6 January 2027 from "
    "nobody. The same file trains on your own machine: start `finetable serve` and leave --base-url out."
)


def connect(settings: ApiSettings, progress: Progress) -> OpenAI:
    """A client of the server; raises RemoteError where no key is known and nobody can be asked for one."""
    if not is_here(settings.base_url) and settings.base_url.startswith("http://"):
        progress.warn(
            f"{settings.base_url} is not encrypted: others may read the key and your data on the way"
        )
    return OpenAI(base_url=settings.base_url, api_key=_key(settings.base_url))


def is_here(base_url: str) -> bool:
    """Whether the server is on this machine."""
    return urlsplit(base_url).hostname in HERE


@contextmanager
def faults_told(base_url: str, creates: bool = False) -> Iterator[None]:
    """Turn what the client raises into a RemoteError.

    `creates` says that a job is being created: where OpenAI itself refuses that, the dates on which it closes
    are told.
    """
    try:
        yield
    except AuthenticationError as fault:
        raise RemoteError(f"{base_url} refuses the key: set {KEY} to the right one.") from fault
    except APIStatusError as fault:
        raise RemoteError(f"{base_url} refuses{refusal(fault, base_url, creates)}") from fault
    except APIConnectionError as fault:
        start = (
            "start one with `finetable serve`, or name another with --base-url"
            if is_here(base_url)
            else ("check --base-url and the network")
        )
        raise RemoteError(f"No server answers at {base_url}: {start}.") from fault
    except APIError as fault:
        raise RemoteError(
            f"{base_url} answers with what is none of the OpenAI API: {fault.message}"
        ) from fault


def refusal(fault: APIStatusError, base_url: str, creates: bool) -> str:
    """Status, code and message of a refusal, and the dates where it is OpenAI that takes no more jobs."""
    code = f", {fault.code}" if fault.code else ""
    body = fault.body if isinstance(fault.body, dict) else {}
    message = str(body.get("message") or fault.message)
    told = f" ({fault.status_code}{code}): {message}"
    closes = creates and fault.status_code < 500 and urlsplit(base_url).hostname == OPENAI_HOST
    return f"{told} {CLOSING}" if closes else told


def described(client: OpenAI, model: str) -> dict[str, Any] | None:
    """What finetable's own server says of a model; None where the server is another."""
    try:
        found = client.get(f"/finetable/models/{quote(model, safe=':/')}", cast_to=object)
    except NotFoundError:
        return None
    return found if isinstance(found, dict) and found.get("object") == "finetable.model" else None


def _key(base_url: str) -> str:
    known = os.environ.get(KEY, "").strip()
    if known:
        return known
    if is_here(base_url):
        return ANY_WORD
    if not sys.stdin.isatty():
        raise RemoteError(
            f"{base_url} needs a key: set {KEY}, or run this on a terminal, where it is asked for."
        )
    typed = getpass(f"Key for {base_url} (not shown): ").strip()
    if not typed:
        raise RemoteError(f"{base_url} needs a key: set {KEY}, or type it when asked.")
    return typed
