"""An endpoint that answers as real ones do on a bad day, and counts what it is asked."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

SECONDS = 60
"""After which a test says that nothing comes; none waits so long where all is well."""

Fault = Literal["limit", "busy", "broken", "shapeless", "cut", "gone"]
Faults = Callable[[str], tuple[Fault, ...]]


class Endpoint(ThreadingHTTPServer):
    """Answers chats, a prompt's text by `answer`, after as many faults as `faults` gives it.

    `echo` answers completions, where it is set.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[str], str], faults: Faults = lambda _: ()) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.faults = faults
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()
        self.keys: set[str | None] = set()
        self.held: threading.Semaphore = threading.Semaphore(0)
        self.holds: Callable[[str], bool] = lambda _: False
        self.free = threading.Event()
        self.headers: dict[str, str] = {"Retry-After": "0"}
        self.too_long: Callable[[str], bool] = lambda _: False
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.echo: Callable[[list[str]], dict[str, Any]] | None = None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Endpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer, or do not."""
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.paths[self.path] += 1
            server.keys.add(self.headers["Authorization"])
        if server.refusal is not None:
            self.send(*server.refusal)
        elif self.path == "/v1/completions" and server.echo is not None:
            self.send(200, server.echo(body["prompt"]))
        elif self.path != "/v1/chat/completions":
            self.send(404, {"error": {"message": "This is a chat model.", "code": None}})
        else:
            self.chat(body["messages"][0]["content"])

    def chat(self, prompt: str) -> None:
        """Answer a prompt, or what comes before that."""
        server = self.server
        with server.lock:
            number = server.asked[prompt]
            server.asked[prompt] += 1
            holds = server.holds(prompt)
        faults = server.faults(prompt)
        if number < len(faults):
            self.fail(faults[number])
            return
        if server.too_long(prompt):
            told = {"message": "Too long.", "code": "context_length_exceeded"}
            self.send(400, {"error": told})
            return
        if holds:
            server.held.release()
            assert server.free.wait(SECONDS)
        with server.lock:
            server.answered[prompt] += 1
        message = {"role": "assistant", "content": server.answer(prompt)}
        usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
        self.send(200, {"choices": [{"index": 0, "message": message}], "usage": usage})

    def fail(self, fault: Fault) -> None:
        """Answer as asked, but not with an answer."""
        whole = json.dumps({"choices": [{"index": 0, "message": {"content": "good"}}]}).encode()
        match fault:
            case "limit":
                self.send(429, {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}})
            case "busy":
                self.send(500, {"error": {"message": "Sorry."}})
            case "broken":
                self.send_bytes(200, whole[:-9], len(whole[:-9]))
            case "shapeless":
                self.send(200, {"choices": []})
            case "cut":
                self.send_bytes(200, whole[:-9], len(whole))
                self.close_connection = True
            case "gone":
                self.close_connection = True

    def send(self, status: int, body: dict[str, Any]) -> None:
        """An answer in JSON."""
        told = json.dumps(body).encode()
        self.send_bytes(status, told, len(told))

    def send_bytes(self, status: int, told: bytes, length: int) -> None:
        """Bytes, and how many are said to come."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        if status >= 400:
            for name, value in self.server.headers.items():
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running(answer: Callable[[str], str], faults: Faults = lambda _: ()) -> Iterator[Endpoint]:
    """An endpoint while it is needed."""
    endpoint = Endpoint(answer, faults)
    thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.free.set()
        endpoint.shutdown()
        endpoint.server_close()
        thread.join()
