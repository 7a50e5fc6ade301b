"""Training files that mean harm: the job fails with a sentence, in bounded time, memory and disk."""

import gzip
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetable.errors import TableError
from finetable.serving import unpacked_size
from finetable.serving.unpacked_size import check_unpacked_size

from .raw_requests import KEY, ask, post, request, upload
from .running import RunningServer

ROWS = [f"Film {n},a thief number {n} steals a painting\n" for n in range(30)]
TABLE = "title,plot\n" + "".join(ROWS)
HTML = "<img src=x onerror=alert(1)>,<script>alert(1)</script>\x1b[2J\x1b]0;evil\x07\n"


def bomb() -> bytes:
    """A few kilobytes that unpack to four gigabytes: members of gzip follow each other."""
    return gzip.compress(b"title,plot\n") + gzip.compress(b"a,b\n" * 2**24, 9) * 64


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def repeated(text: str, rows: int) -> bytes:
    """A text that stands in the file once and in the table often."""
    return parquet(pa.table({"title": [text] * rows, "plot": [{"inner": text}] * rows}))


BOMBS = {"a.csv.gz": bomb(), "a.csv": bomb(), "a.parquet": repeated("x" * 2**20, 1000)}
GARBAGE = {
    "garbage.parquet": (b"PAR1" + bytes(1000) + b"PAR1", "no table of the kind"),
    "garbage.csv.gz": (b"\x1f\x8b\x08\x00" + bytes(1000), "no table of the kind"),
    "zip.csv": (b"PK\x03\x04" + bytes(1000), "an Excel workbook or a zip archive"),
    "columns.csv": (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n", "columns.csv"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_unpacks_to_gigabytes_is_met_before_it_does(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(BOMBS[name])
    assert file.stat().st_size < 8 * 2**20
    before = pa.total_allocated_bytes()
    with pytest.raises(TableError, match="larger than the 512 MB that are allowed"):
        check_unpacked_size(name, file)
    assert pa.total_allocated_bytes() - before < unpacked_size.MOST_BYTES


def test_a_table_of_nothing_may_not_have_billions_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(parquet(pa.table({"a": pa.nulls(1000, pa.string()), "b": pa.nulls(1000, pa.string())})))
    check_unpacked_size("a.parquet", file)
    monkeypatch.setattr(unpacked_size, "MOST_CELLS", 1999)
    with pytest.raises(TableError, match="more than the 1,999 cells"):
        check_unpacked_size("a.parquet", file)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("data") / "home", "--key", KEY, "--json-logs").start()
    yield running
    running.stop()
    for line in running.log[3:]:
        assert line.isascii()
        json.loads(line)


def begin(server: RunningServer, name: str, content: bytes, **metadata: str) -> str:
    """A job on a table, with one epoch."""
    file = json.loads(ask(server.address, upload(content, name)).body)["id"]
    asked = {
        "model": "scratch",
        "training_file": file,
        "metadata": {"write": "plot", "given": "title", **metadata},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    }
    return str(json.loads(ask(server.address, post("/v1/fine_tuning/jobs", asked)).body)["id"])


def wait(server: RunningServer, job_id: str) -> dict[str, Any]:
    ends = time.monotonic() + 120
    while True:
        job: dict[str, Any] = json.loads(
            ask(server.address, request("GET", f"/v1/fine_tuning/jobs/{job_id}")).body
        )
        if job["status"] in ("succeeded", "failed", "cancelled"):
            return job
        assert time.monotonic() < ends, job


def test_a_job_on_bad_data_fails_with_a_sentence_and_the_next_one_runs(server: RunningServer) -> None:
    jobs = {name: begin(server, name, content) for name, (content, _) in GARBAGE.items()}
    bombed = begin(server, "bomb.csv.gz", BOMBS["a.csv.gz"])
    outside = server.home.parent / "outside"
    option = begin(server, "option.csv", TABLE.encode(), write=f"--out={outside}")
    well = begin(server, "well.csv", (TABLE + HTML).encode())
    for name, (_, reason) in GARBAGE.items():
        job = wait(server, jobs[name])
        assert job["status"] == "failed"
        assert reason in job["error"]["message"]
        assert str(server.home) not in job["error"]["message"]
    assert "larger than the 512 MB" in wait(server, bombed)["error"]["message"]
    assert f"--out={outside}" in wait(server, option)["error"]["message"], "it is the name of a column"
    assert not outside.exists()
    assert wait(server, well)["status"] == "succeeded"
    assert sum(file.stat().st_size for file in server.home.rglob("*") if file.is_file()) < 100 * 2**20
