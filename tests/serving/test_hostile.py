"""Requests that mean harm, sent to a real server: each is refused in words, and the server goes on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .raw_requests import KEY, ask, complete, form, post, request, talk, upload
from .running import RunningServer

LINES = b'{"prompt": "a", "completion": "b"}\n' * 3
DEEP = b"[" * 100_000
FILE = ('name="file"; filename="a.txt"', b"x")
PURPOSE = ('name="purpose"', b"user_data")
CHAT = {"model": "gpt2", "messages": [{"role": "user", "content": "a"}]}
JOB = {"model": "scratch", "training_file": "file-nothing"}
EVIL = "https://evil.example"

REQUESTS: dict[str, tuple[int, bytes]] = {
    "dots in a static path": (404, request("GET", "/static/../../../etc/passwd")),
    "encoded dots in a static path": (404, request("GET", "/static/%2e%2e%2f%2e%2e%2fapp.py")),
    "null in a static name": (404, request("GET", "/static/index.html%00.js")),
    "dots as a file": (404, request("GET", "/v1/files/..%2f..%2flock/content")),
    "dots of Windows as a file": (404, request("GET", "/v1/files/..%5c..%5clock/content")),
    "null in a file id": (404, request("GET", "/v1/files/file-%00/content")),
    "dots as a job": (404, request("GET", "/v1/fine_tuning/jobs/..%2f..%2fx/events")),
    "a path as a model": (404, request("GET", "/v1/models//etc/passwd")),
    "a path as a model to delete": (404, request("DELETE", "/v1/models/../../../tmp")),
    "a path as a model to ask": (404, complete(model="../../../../etc")),
    "an address as a model to train": (404, post("/v1/fine_tuning/jobs", {**JOB, "model": f"{EVIL}/m"})),
    "a file that is not there": (400, post("/v1/fine_tuning/jobs", {**JOB, "training_file": "../../lock"})),
    "SQL as an id": (404, request("GET", "/v1/files/'%20OR%20'1'='1")),
    "SQL as a place in a list": (400, request("GET", "/v1/files?after=x'%20OR%201=1--")),
    "SQL as an order": (400, request("GET", "/v1/files?order=asc;DROP%20TABLE%20files")),
    "thousands of metadata": (400, request("GET", "/v1/fine_tuning/jobs?" + "metadata[a]=b&" * 3000)),
    "a negative limit": (400, request("GET", "/v1/files?limit=-1")),
    "a limit beyond SQL's numbers": (400, request("GET", f"/v1/fine_tuning/jobs?limit={10**30}")),
    "an upload without a file": (400, form(PURPOSE)),
    "an upload of a text for a file": (400, form(PURPOSE, ('name="file"', b"x"))),
    "an upload of two files": (400, form(PURPOSE, FILE, FILE)),
    "an upload with a hundred fields": (400, form(PURPOSE, FILE, *[PURPOSE] * 100)),
    "an upload in a charset that has no decoder": (400, form(PURPOSE, FILE, charset="; charset=punycode")),
    "an upload in a charset of half characters": (
        400, form(PURPOSE, ('name="file"; filename="\\ud800"', b"x"), charset="; charset=unicode_escape")),
    "an upload with a name of 10,000 characters": (400, upload(b"x", "a" * 10_000, "user_data")),
    "an upload without a boundary": (
        400, request("POST", "/v1/files", b"x", Content_Type="multipart/form-data")),
    "an upload that is not what it says": (
        400, request("POST", "/v1/files", b"garbage", Content_Type="multipart/form-data; boundary=b")),
    "a zip as lines": (400, upload(b"PK\x03\x04" + bytes(1000))),
    "lines of bad UTF-8": (400, upload(LINES + b'{"prompt": "\xff"}\n')),
    "lines of half characters": (400, upload(b'{"prompt": "\\ud800", "completion": "b"}\n')),
    "lines nested deeply": (400, upload(b'{"prompt": ' + DEEP)),
    "lines of no numbers": (400, upload(b'{"prompt": NaN}\n')),
    "a body of bad UTF-8": (400, post("/v1/completions", b'{"model": "\xff\xfe"}')),
    "a body nested deeply": (400, post("/v1/completions", b'{"model":' + DEEP)),
    "a body nested as deeply as Python can": (
        400, post("/v1/fine_tuning/jobs", {**JOB, "integrations": [json.loads("[" * 200 + "]" * 200)]})),
    "a number that is infinite": (400, post("/v1/completions", b'{"model": "gpt2", "temperature": 1e999}')),
    "a number that is none": (400, complete(temperature=float("nan"))),
    "a number of 400 digits": (400, complete(max_tokens=10**400)),
    "a number of 9,000 digits": (400, post("/v1/completions", b'{"max_tokens": 1' + b"0" * 9000 + b"}")),
    "half a character in a prompt": (400, complete(prompt="\ud800")),
    "half a character in a message": (400, post("/v1/chat/completions", {**CHAT, "user": "\udfff"})),
    "half a character in a key": (400, post("/v1/fine_tuning/jobs", {**JOB, "metadata": {"\ud800": 1}})),
    "a list for an object": (400, post("/v1/completions", b"[]")),
    "metadata with too many keys": (
        400, post("/v1/fine_tuning/jobs", {**JOB, "metadata": {str(n): "" for n in range(17)}})),
    "metadata with a long key": (400, post("/v1/fine_tuning/jobs", {**JOB, "metadata": {"k" * 65: ""}})),
    "metadata with a number": (400, post("/v1/fine_tuning/jobs", {**JOB, "metadata": {"a": 1}})),
    "a million texts": (400, complete(n=10**6)),
    "the best of a million texts": (400, complete(best_of=10**6)),
    "a thousand prompts": (400, complete(prompt=["a"] * 1000)),
    "thousands of prompts": (400, complete(prompt=["a"] * 5000)),
    "no prompt": (400, complete(prompt=[])),
    "prompts of texts and ids": (400, complete(prompt=["a", 1])),
    "ids below zero": (400, complete(prompt=[-1])),
    "ids beyond the vocabulary": (400, complete(prompt=[2**30])),
    "a million ids": (400, complete(prompt=[1] * 1_000_000)),
    "a text of ten million characters": (400, complete(prompt="ab " * 3_333_333)),
    "a text of millions of characters without a blank": (400, complete(prompt="ab" * 2_000_000)),
    "thousands of biases": (400, complete(logit_bias={str(n): 1 for n in range(5000)})),
    "a bias of a million": (400, complete(logit_bias={"1": 10**6})),
    "a bias on no token": (400, complete(logit_bias={"-1": 1})),
    "a thousand stop texts": (400, complete(stop=["a"] * 1000)),
    "a stop text of a million characters": (400, complete(stop="a" * 10**6)),
    "a seed beyond 64 bits": (400, complete(seed=2**70)),
    "a billion likely tokens": (
        400, post("/v1/chat/completions", {**CHAT, "logprobs": True, "top_logprobs": 10**9})),
    "thousands of texts to embed": (400, post("/v1/embeddings", {"model": "gpt2", "input": ["a"] * 5000})),
    "an upload of exabytes": (
        400, post("/v1/uploads", {"filename": "a", "bytes": 2**62, "mime_type": "", "purpose": "batch"})),
    "thousands of parts": (400, post("/v1/uploads/upload_x/complete", {"part_ids": ["a"] * 20_000})),
    "a wrong Host": (421, request("GET", "/health", Host="evil.example")),
    "a Host that is no name": (421, request("GET", "/health", Host="127.0.0.1@evil.example")),
    "no Host in HTTP/1.0": (421, request("GET", "/health", version="1.0", Host=None)),
    "no Host": (400, request("GET", "/health", Host=None)),
    "a page of another site": (403, request("GET", "/v1/models", Origin=EVIL)),
    "a page of no site": (403, request("POST", "/v1/files", Origin="null")),
    "a page of another port": (403, request("GET", "/v1/models", Origin="http://127.0.0.1:1")),
    "a form of another site": (403, request("POST", "/v1/files", Sec_Fetch_Site="cross-site")),
    "a question before a request of another site": (403, request("OPTIONS", "/v1/files", Origin=EVIL)),
    "another key": (401, request("GET", "/v1/models", Authorization="Bearer nothing")),
    "a key beyond ASCII": (401, request("GET", "/v1/models", Authorization="Bearer \xff\xfe")),
    "a key of another scheme": (401, request("GET", "/v1/models", Authorization=f"Basic {KEY}")),
    "a key in the address": (401, request("GET", f"/v1/models?key={KEY}", Authorization=None)),
    "an empty cookie": (401, request("GET", "/v1/models", Authorization=None, Cookie="finetable_key=")),
    "a method that is not there": (405, request("PATCH", "/v1/files")),
    "a method that nobody knows": (405, request("EAT", "/v1/files")),
    "a trace": (405, request("TRACE", "/health")),
    "a web socket": (404, request("GET", "/ws", Connection="Upgrade, close", Upgrade="websocket")),
    "a length below zero": (400, request("POST", "/v1/completions", Content_Length="-1")),
    "a length in words": (400, request("POST", "/v1/completions", Content_Length="many")),
    "two lengths": (400, request("POST", "/v1/completions", b"{}", content_length="3")),
    "a length of terabytes": (413, request("POST", "/v1/completions", Content_Length=str(2**45))),
    "a file of terabytes": (413, request("POST", "/v1/files", Content_Length=str(2**45))),
    "much where little is expected": (413, request("POST", "/v1/uploads", Content_Length=str(2**28))),
    "terabytes that wait to be wanted": (
        413, request("POST", "/v1/files", Content_Length=str(2**45), Expect="100-continue")),
    "a chunk of no length": (
        400, request("POST", "/v1/completions", b"zz\r\n", Content_Length=None, Transfer_Encoding="chunked")),
    "an encoding that nobody knows": (
        400, request("POST", "/v1/completions", Content_Length=None, Transfer_Encoding="gzip")),
    "10,000 header lines": (
        400, request("GET", "/v1/models", b"", **{f"a{n}": "b" * 20 for n in range(10_000)})),
    "a header of a megabyte": (400, request("GET", "/v1/models", a="b" * 2**20)),
    "a null in a header": (400, request("GET", "/v1/models", a="\0")),
    "an address of a megabyte": (400, request("GET", "/" + "a" * 2**20)),
    "an escape in an address": (404, request("GET", "/%1b[2J%9b31m%e2%80%ae<script>")),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, base_folder: Callable[[str], Path]
) -> Iterator[RunningServer]:
    words = (str(base_folder("gpt2")), "--key", KEY)
    running = RunningServer(tmp_path_factory.mktemp("hostile") / "home", *words).start()
    yield running
    assert ask(running.address, request("GET", "/health")).status == 200
    assert ask(running.address, complete()).status == 200
    running.stop()
    log = "".join(running.log)
    assert "Traceback" not in log
    assert KEY not in log.split("Files, jobs and models")[1]
    assert not [character for character in log if character in "\x1b\x9b\u202e"]


@pytest.mark.parametrize("name", REQUESTS)
def test_harm_is_refused_in_words(server: RunningServer, name: str) -> None:
    status, sent = REQUESTS[name]
    told = ask(server.address, sent)
    assert told.status == status, told.body
    assert str(server.home) not in str(told.error)
    assert ask(server.address, request("GET", "/health")).status == 200


def test_no_route_but_health_answers_without_the_key(server: RunningServer) -> None:
    document = json.loads(ask(server.address, request("GET", "/openapi.json")).body)
    routes = [(method, path) for path, methods in document["paths"].items() for method in methods]
    assert len(routes) > 30
    for method, path in [*routes, ("get", "/"), ("get", "/static/page.js"), ("get", "/openapi.json")]:
        sent = request(method.upper(), path, Authorization=None)
        assert ask(server.address, sent).status == (200 if path == "/health" else 401), (method, path)
    unlocked = [path for method, path in routes if "security" not in document["paths"][path][method]]
    assert unlocked == ["/health"]


def test_who_leaves_half_way_is_forgotten(server: RunningServer) -> None:
    lines = upload(LINES * 1000)
    for sent in (
        lines[: len(lines) // 2],
        complete()[:-5],
        complete(stream=True, max_tokens=50)[:-1],
        request(
            "POST", "/v1/completions", b'5\r\n{"mod\r\n', Content_Length=None, Transfer_Encoding="chunked"
        ),
        request("GET", "/v1/models")[:-4],
    ):
        told = talk(server.address, sent, end=True)
        assert b"200 OK" not in told
    listed = json.loads(ask(server.address, request("GET", "/v1/files")).body)
    assert listed["data"] == []
    assert not list((server.home / "partial").iterdir())


def test_requests_one_after_the_other_are_answered_one_after_the_other(server: RunningServer) -> None:
    some = request("GET", "/health", Connection="keep-alive") + complete().replace(b"close", b"keep-alive")
    told = talk(server.address, some * 20 + request("GET", "/v1/models"))
    assert told.count(b"HTTP/1.1 200") == 41
    assert told.count(b'"text_completion"') == 20


def test_names_are_words_and_no_paths(server: RunningServer) -> None:
    for name in ("../../../evil", "/etc/evil", "..\\\\evil", "<script>alert(1)</script>", "\x1b[2J", "CON"):
        told = ask(server.address, upload(LINES, name, "user_data"))
        assert told.status == 200
        kept = json.loads(told.body)
        path = f"/v1/files/{kept['id']}"
        content = ask(server.address, request("GET", path + "/content"))
        assert content.body == LINES
        assert content.headers["content-disposition"] == "attachment"
        assert content.headers["content-type"] == "application/octet-stream"
        assert content.headers["x-content-type-options"] == "nosniff"
        many = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 100, 2))
        for wanted, status in (("bytes=0-3", 206), ("bytes=900-", 416), ("bytes=x-y", 400), (many, 206)):
            told = ask(server.address, request("GET", path + "/content", Range=wanted))
            assert told.status == status
        assert ask(server.address, request("DELETE", path)).status == 200
    assert not [file for file in server.home.rglob("*") if "evil" in file.name]
    assert not list((server.home / "files").iterdir())
