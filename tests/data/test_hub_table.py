"""The hub's own client talks to a small server on this machine, or, offline, to a cache laid out by hand.

Each case runs in a process of its own, because the client reads its environment once, when imported.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from finetable.data.hub_table import fetch_hub_table
from finetable.errors import TableError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SCRIPT = """
import json, sys
from finetable.data.read_table import read_table
from finetable.errors import TableError
answers = []
for source in sys.argv[1:]:
    try:
        table = read_table(source)
        answers.append({"name": table.name, "rows": table.columns.to_pylist()})
    except TableError as fault:
        answers.append({"fault": str(fault)})
print(json.dumps(answers))
"""


class Hub(ThreadingHTTPServer):
    """A hub on this machine; `data_sets` maps the name of each to its files, path inside -> content."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.data_sets: dict[str, dict[str, bytes]] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        is_listing = parts[0] == "api"
        repo_id = "/".join(parts[2:4] if is_listing else parts[1:3])
        files = self.server.data_sets.get(repo_id)
        inside = "/".join(parts[5:])
        if files is None:
            self.reply(401 if repo_id.startswith("private/") else 404, b"", {"X-Error-Code": "RepoNotFound"})
        elif is_listing:
            tree = [
                {"type": "file", "path": path, "size": len(content), "oid": "0" * 40}
                for path, content in files.items()
            ]
            self.reply(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
        elif inside not in files:
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            body = files[inside]
            headers = {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self.reply(200, body, headers, with_body=with_body)

    def reply(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool = True) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def read_all(home: Path, sources: list[str], **environment: str) -> list[dict[str, object]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *sources],
        env={**kept, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers: list[dict[str, object]] = json.loads(done.stdout)
    return answers


def lay_out_cache(home: Path, repo_id: str, files: dict[str, bytes]) -> None:
    repo = home / "hub" / ("datasets--" + repo_id.replace("/", "--"))
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(COMMIT)
    for name, content in files.items():
        path = repo / "snapshots" / COMMIT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_tables_come_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    hub.data_sets = {
        "me/films": {"README.md": b"#", "data/films.csv": b"title,year\nA,1999\n"},
        "me/both": {"a.csv": b"title\nfrom csv\n", "a.jsonl": b'{"title": "from jsonl"}\n'},
        "me/many": {f"part{number:02}.csv": b"title\nA\n" for number in range(15)},
        "me/none": {"README.md": b"#", "picture.png": b"x"},
    }
    rows = [{"title": "A", "year": "1999"}]
    answers = read_all(
        tmp_path,
        [
            "hf://me/films",
            "hf://datasets/me/films",
            "hf://me/films/data/films.csv",
            "hf://me/both",
            "hf://me/both/a.csv",
            "hf://me/many",
            "hf://me/none",
            "hf://me/films/data/film.csv",
            "hf://me/film",
            "hf://private/films",
        ],
        HF_ENDPOINT=hub.url,
    )
    assert answers[:3] == [
        {"name": "hf://me/films", "rows": rows},
        {"name": "hf://datasets/me/films", "rows": rows},
        {"name": "hf://me/films/data/films.csv", "rows": rows},
    ]
    assert [answer["rows"] for answer in answers[3:5]] == [[{"title": "from jsonl"}], [{"title": "from csv"}]]
    many, none, no_file, no_set, private = (str(answer["fault"]) for answer in answers[5:])
    assert many.startswith(
        "The data set me/many holds 15 tables, so name one of them: hf://me/many/part00.csv, "
    )
    assert many.endswith("hf://me/many/part11.csv and 3 more.")
    assert none == "The data set me/none holds no CSV, TSV, JSON Lines or Parquet file."
    assert no_file == "The data set me/films has no file data/film.csv: check the path."
    for fault, repo_id in ((no_set, "me/film"), (private, "private/films")):
        assert fault == (
            f"The hub has no data set {repo_id} that is open to you: check the name, or download the table "
            "and give the path of the file."
        )


def test_offline_the_cache_is_read(tmp_path: Path) -> None:
    lay_out_cache(tmp_path, "me/films", {"data/films.csv": b"title\nA\n", "README.md": b"#"})
    older = tmp_path / "hub" / "datasets--me--films" / "snapshots" / COMMIT[::-1]
    older.mkdir()
    (older / "films_before.csv").write_text("title\nold\n")
    lay_out_cache(tmp_path, "me/two", {"a.csv": b"title\nA\n", "b.csv": b"title\nB\n"})
    found, named, two, one_of_two, uncached, unknown = read_all(
        tmp_path,
        [
            "hf://me/films",
            "hf://me/films/data/films.csv",
            "hf://me/two",
            "hf://me/two/b.csv",
            "hf://me/films/data/other.csv",
            "hf://me/unknown",
        ],
        HF_HUB_OFFLINE="1",
    )
    assert found == {"name": "hf://me/films", "rows": [{"title": "A"}]}
    assert named["rows"] == [{"title": "A"}]
    assert "holds 2 tables, so name one of them: hf://me/two/a.csv, hf://me/two/b.csv." in str(two["fault"])
    assert one_of_two["rows"] == [{"title": "B"}]
    for answer, source in ((uncached, "hf://me/films/data/other.csv"), (unknown, "hf://me/unknown")):
        assert answer["fault"] == (
            f"{source} is not on this machine and the hub cannot be reached: download the table elsewhere "
            "and give the path of the file."
        )


def test_offline_without_any_cache_is_one_sentence(tmp_path: Path) -> None:
    (answer,) = read_all(tmp_path, ["hf://me/films"], HF_HUB_OFFLINE="1")
    assert "the hub cannot be reached" in str(answer["fault"])


@pytest.mark.parametrize("source", ["hf://films", "hf://", "hf:///films", "hf://me//a.csv", "hf://a b/c!"])
def test_what_names_no_data_set_is_refused(source: str) -> None:
    with pytest.raises(TableError, match=r"name.* a data set: write it as hf://owner/name"):
        fetch_hub_table(source)
