"""Servers that are not there, refuse, or want a key."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from openai import APIStatusError, OpenAI

from finetable.errors import RemoteError
from finetable.progress import Silent
from finetable.remote.connection import CLOSING, connect, faults_told, refusal
from finetable.verb_settings import ApiSettings


def test_no_server_and_no_key_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = ApiSettings(base_url="http://127.0.0.1:9/v1")
    with (
        pytest.raises(RemoteError, match="start one with `finetable serve`"),
        connect(nobody, Silent()).with_options(max_retries=0) as client,
        faults_told(nobody.base_url),
    ):
        client.models.list()
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RemoteError, match="needs a key: set OPENAI_API_KEY"):
        connect(ApiSettings(base_url="https://example.org/v1"), Silent())


class _Closed(BaseHTTPRequestHandler):
    """A server that takes no more jobs."""

    def do_POST(self) -> None:
        told = {"message": "Fine-tuning is not available.", "type": "x", "param": None, "code": "closed"}
        body = json.dumps({"error": told}).encode()
        self.send_response(403)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def closed() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Closed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_dates_on_which_openai_closes_are_told_where_it_refuses() -> None:
    with (
        closed() as address,
        OpenAI(base_url=address, api_key="any") as client,
        pytest.raises(APIStatusError) as found,
    ):
        client.fine_tuning.jobs.create(model="gpt-4o", training_file="file-1")
    fault = found.value
    plain = " (403, closed): Fine-tuning is not available."
    assert refusal(fault, address, creates=True) == plain
    assert refusal(fault, "https://api.openai.com/v1", creates=False) == plain
    assert refusal(fault, "https://api.openai.com/v1", creates=True) == f"{plain} {CLOSING}"
    assert "6 January 2027" in CLOSING
