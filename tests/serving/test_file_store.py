import io
import time
from pathlib import Path

import pytest

from finetable.serving import file_store
from finetable.serving.api_errors import ApiError
from finetable.serving.file_store import FileStore, Incoming, ending_of

from .conftest import Stores

LINES = b'{"prompt": "a", "completion": "b"}\n'
TRAINING = Incoming("data.jsonl", "fine-tune")


def test_a_file_comes_back_byte_for_byte(stores: Stores) -> None:
    row = stores.files.create(io.BytesIO(LINES), TRAINING)
    assert row["bytes"] == len(LINES)
    assert stores.files.path(row["id"]).read_bytes() == LINES
    assert stores.files.find(row["id"])["filename"] == "data.jsonl"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.csv", "/etc/passwd", "a\x00b.csv", "..", "x" * 5000, "a/b/c.parquet", ""]
)
def test_a_name_never_becomes_a_path(stores: Stores, name: str) -> None:
    row = stores.files.create(io.BytesIO(b"a,b\n"), Incoming(name, "user_data"))
    path = stores.files.path(row["id"])
    assert path.parent == stores.home / "files"
    assert path.name.removeprefix(row["id"]) in ("", ".csv", ".parquet")
    assert stores.files.find(row["id"])["filename"] == name


@pytest.mark.parametrize(
    ("name", "ending"), [("A.CSV", ".csv"), ("a.tsv.gz", ".tsv.gz"), ("a.exe", ""), ("a.jsonl", ".jsonl")]
)
def test_only_known_endings_are_kept(name: str, ending: str) -> None:
    assert ending_of(name) == ending


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json\n", "Line 1 is not valid JSON"),
        (LINES + b"[1]\n", "Line 2 is not a JSON dictionary"),
        (LINES + b'{"a": "\xff"}\n', "Line 2 is not valid UTF-8"),
        (b"\n\n", "holds no line"),
        (b"[" * 100_000, "Line 1 is not valid JSON"),
    ],
)
def test_what_is_to_be_trained_on_is_json_lines(stores: Stores, content: bytes, reason: str) -> None:
    with pytest.raises(ApiError, match="Expected file to have JSONL format") as caught:
        stores.files.create(io.BytesIO(content), TRAINING)
    assert reason in caught.value.message
    assert caught.value.status == 400
    assert stores.database.rows("SELECT * FROM files") == []
    assert list((stores.home / "files").iterdir()) == []
    assert list((stores.home / "partial").iterdir()) == []


def test_a_table_and_other_purposes_are_taken_as_they_are(stores: Stores) -> None:
    stores.files.create(io.BytesIO(b"a,b\n1,2\n"), Incoming("t.csv", "fine-tune"))
    stores.files.create(io.BytesIO(b"anything"), Incoming("upload", "assistants"))
    assert len(stores.database.rows("SELECT * FROM files")) == 2


def test_too_large_a_file_leaves_nothing(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_store, "MOST_BYTES", 10)
    with pytest.raises(ApiError) as caught:
        stores.files.create(io.BytesIO(b"x" * 11), Incoming("a", "user_data"))
    assert caught.value.status == 413
    assert list((stores.home / "partial").iterdir()) == []


def test_a_deleted_file_is_gone(stores: Stores) -> None:
    row = stores.files.create(io.BytesIO(LINES), TRAINING)
    path = stores.files.path(row["id"])
    stores.files.delete(row["id"])
    assert not path.exists()
    with pytest.raises(ApiError, match="No such File object: file-"):
        stores.files.find(row["id"])


def test_an_expired_file_is_not_found_and_then_swept(stores: Stores) -> None:
    row = stores.files.create(io.BytesIO(LINES), Incoming("a.jsonl", "fine-tune", 3600))
    path = stores.files.path(row["id"])
    stores.database.change("UPDATE files SET expires_at = ?", [int(time.time())])
    with pytest.raises(ApiError):
        stores.files.find(row["id"])
    stores.files.sweep()
    assert not path.exists()


def test_what_a_kill_left_is_taken_away_and_what_was_acknowledged_stays(stores: Stores) -> None:
    row = stores.files.create(io.BytesIO(LINES), TRAINING)
    (stores.home / "files" / "file-orphan.jsonl").write_bytes(b"renamed, and killed before it was known")
    (stores.home / "partial" / "part-x").write_bytes(b"half")
    again = FileStore(stores.database, stores.home)
    assert [path.name for path in (stores.home / "files").iterdir()] == [f"{row['id']}.jsonl"]
    assert list((stores.home / "partial").iterdir()) == []
    assert again.path(row["id"]).read_bytes() == LINES


def test_a_file_made_again_under_its_id_is_there_once(stores: Stores) -> None:
    for content in (b"first", b"second"):

        def write(path: Path, content: bytes = content) -> None:
            path.write_bytes(content)

        stores.files.adopt(write, Incoming("step_metrics.csv", "fine-tune-results"), "file-known")
    assert len(stores.database.rows("SELECT * FROM files")) == 1
    assert stores.files.path("file-known").read_bytes() == b"second"
