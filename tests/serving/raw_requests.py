"""Requests byte by byte, such as no client library would send."""

import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

KEY = "a-key-of-the-tests"
JSON = {"Content-Type": "application/json"}
PRIVATE = ("Traceback", "site-packages", "/finetable/", ".sqlite3", 'File "')


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The fault in it, which has the API's form and tells nothing of the machine."""
        text = self.body.decode()
        assert not [word for word in PRIVATE if word in text], text
        found = json.loads(text)
        assert set(found) == {"error"}
        assert set(found["error"]) == {"message", "type", "param", "code"}
        assert found["error"]["message"]
        return dict(found["error"])


def request(method: str, path: str, body: bytes = b"", **headers: str | None) -> bytes:
    """The bytes of a request with a key; a header that is None is left out, "_" in a name stands for "-"."""
    version = headers.pop("version", "1.1")
    told: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {KEY}",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"{method} {path} HTTP/{version}", *(f"{n}: {v}" for n, v in told.items() if v is not None)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(path: str, content: Any, **headers: str | None) -> bytes:
    """A request whose body is JSON: an object, or bytes that only claim to be it."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return request("POST", path, body, Content_Type="application/json", **headers)


def complete(**asked: Any) -> bytes:
    """A request for a text."""
    return post("/v1/completions", {"model": "gpt2", "prompt": "a", "max_tokens": 1, **asked})


def form(*parts: tuple[str, bytes], charset: str = "") -> bytes:
    """An upload; each part has what follows `form-data` in its head, and its content."""
    body = b"".join(
        b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    kind = f"multipart/form-data; boundary=b{charset}"
    return request("POST", "/v1/files", body + b"--b--\r\n", Content_Type=kind)


def upload(content: bytes, name: str = "a.jsonl", purpose: str = "fine-tune") -> bytes:
    """An upload as it should be, whatever its content."""
    return form(('name="purpose"', purpose.encode()), (f'name="file"; filename="{name}"', content))


def talk(address: str, sent: bytes, end: bool = False) -> bytes:
    """Everything that comes back until the server closes; `end` closes our side after sending."""
    place = urlsplit(address)
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=30) as connection:
        try:
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        return _received(connection)


def ask(address: str, sent: bytes) -> Told:
    """The answer to one request."""
    head, _, body = talk(address, sent).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return Told(int(lines[0].split()[1]), headers, body)


def _received(connection: socket.socket) -> bytes:
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass  # what was not read of the request makes the system reset the connection after the answer
    return got
