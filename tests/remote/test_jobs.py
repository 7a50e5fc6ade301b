"""`jobs`: from the table to the labels at a real server, and what is told where something is wrong."""

import base64
import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from finetable.__main__ import run
from finetable.errors import RemoteError, TableError
from finetable.exit_codes import DONE, MENDABLE
from finetable.progress import Silent
from finetable.remote.connection import CLOSING, connect, faults_told, refusal
from finetable.remote.curve import BARS, sparkline
from finetable.remote.estimate import estimate_of, training_cost, usual_epochs
from finetable.remote.plan import Plan, metadata_of, plan_in
from finetable.remote.result_file import csv_of, losses_of
from finetable.remote.style import Style
from finetable.settings import TaskSettings
from finetable.verb_settings import ApiSettings

from ..serving.running import RunningServer

PLACES = ["harbour", "garden", "tower", "island", "market", "forest", "bridge", "station", "castle", "valley"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("jobs") / "home").start()
    yield running
    running.stop()


@pytest.fixture
def base(server: RunningServer) -> list[str]:
    return ["--base-url", f"{server.address}/v1"]


def reviews(file: Path, rows: int = 60) -> Path:
    lines = [
        f"the {PLACES[n % 10]} was {'lovely' if n % 2 else 'awful'} in year {n},{'GLAD' if n % 2 else 'SAD'}"
        for n in range(rows)
    ]
    file.write_text("\n".join(["text,mood", *lines]) + "\n", encoding="utf-8")
    return file


def begun(capsys: pytest.CaptureFixture[str]) -> str:
    """The name of the job that was created."""
    return capsys.readouterr().out.split()[0]


def test_from_a_table_to_labels(base: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = reviews(tmp_path / "reviews.csv"), tmp_path / "reviews.jsonl"
    given = ["--label", "mood", "--given", "text", "--out", str(out), "--accept", "all"]
    assert run(["prepare", str(table), *given]) == DONE
    capsys.readouterr()
    sides = [tmp_path / f"reviews{side}.jsonl" for side in ("_train", "_valid")]
    numbers = ["--n-epochs", "2", "--batch-size", "4", "--seed", "1", "--suffix", "moods"]
    assert run(["jobs", "create", str(sides[0]), "--validation", str(sides[1]), *numbers, *base]) == DONE
    told = capsys.readouterr()
    job = told.out.split()[0]
    assert "48 examples, about" in told.err
    assert f"Next: finetable jobs watch {job} --base-url" in told.err

    results = tmp_path / "results.csv"
    assert run(["jobs", "watch", job, "--every", "0.1", "--out", str(results), *base]) == DONE
    told = capsys.readouterr()
    assert told.out.startswith(f"{job} succeeded: ft:scratch:local:moods:")
    assert "training loss" in told.out
    assert told.err.count("Files validated, moving job to queued state") == 1
    assert "The job has successfully completed" in told.err
    with results.open(encoding="utf-8", newline="") as content:
        assert [int(row["step"]) for row in csv.DictReader(content)] == list(range(1, 25))

    labelled = tmp_path / "labelled.jsonl"
    assert run(["jobs", "use", job, str(table), "--out", str(labelled), *base]) == DONE
    rows = [json.loads(line) for line in labelled.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 60
    assert list(rows[0]) == ["text", "mood", "mood_predicted", "mood_probability", "mood_runner_up"]
    assert {row["mood_predicted"] for row in rows} <= {"glad", "sad"}
    assert all(0.5 <= row["mood_probability"] <= 1 for row in rows)
    capsys.readouterr()
    assert run(["jobs", "use", job, "--prompt", "the tower was awful", *base]) == DONE
    assert json.loads(capsys.readouterr().out)["completion"] in ("glad", "sad")

    assert run(["jobs", "list", *base]) == DONE
    assert f"{job}  succeeded" in capsys.readouterr().out
    assert run(["jobs", "models", *base]) == DONE
    assert "ft:scratch:local:moods:" in capsys.readouterr().out


@pytest.mark.parametrize("chat", [False, True])
def test_prompts_take_the_form_of_the_file_and_texts_are_freed_of_it(
    server: RunningServer, base: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], chat: bool
) -> None:
    table, out = reviews(tmp_path / "reviews.csv", 12), tmp_path / "reviews.jsonl"
    given = ["--write", "text", "--given", "mood", "--out", str(out), "--accept", "all"]
    assert run(["prepare", str(table), *given, *(["--chat"] if chat else [])]) == DONE
    capsys.readouterr()
    assert run(["jobs", "create", str(out), "--n-epochs", "1", *base]) == DONE
    job = begun(capsys)
    assert run(["jobs", "watch", job, "--every", "0.1", *base]) == DONE
    capsys.readouterr()
    asked = ["jobs", "use", job, "--prompt", "GLAD", "-n", "2", "--temperature", "0"]
    assert run([*asked, "--max-tokens", "20", *base]) == DONE
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    client = server.client()
    sampling: dict[str, Any] = {
        "model": client.fine_tuning.jobs.retrieve(job).fine_tuned_model,
        "temperature": 0,
        "max_tokens": 20,
    }
    if chat:
        messages: Any = [{"role": "user", "content": "glad"}]
        raw = client.chat.completions.create(messages=messages, **sampling).choices[0].message.content
    else:
        raw = client.completions.create(prompt="glad ->", **sampling).choices[0].text
        raw = raw.partition("\n")[0].removeprefix(" ")
    assert rows == [{"prompt": "GLAD", "completion": raw}] * 2


def test_a_job_is_paused_goes_on_and_is_cancelled(
    base: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = reviews(tmp_path / "reviews.csv", 100), tmp_path / "reviews.jsonl"
    assert run(["prepare", str(table), "--write", "text", "--out", str(out), "--accept", "all"]) == DONE
    capsys.readouterr()
    assert run(["jobs", "create", str(out), "--n-epochs", "50", "--batch-size", "1", *base]) == DONE
    job = begun(capsys)
    assert run(["jobs", "use", job, *base]) == MENDABLE
    assert "has no model yet" in capsys.readouterr().err
    while run(["jobs", "pause", job, *base]) != DONE:  # files are still being validated
        assert "queued" in capsys.readouterr().err
    assert run(["jobs", "watch", job, "--every", "0.1", *base]) == DONE
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith(f"{job} paused")
    assert f"Next: finetable jobs resume {job}" in told.err
    assert run(["jobs", "resume", job, *base]) == DONE
    assert run(["jobs", "cancel", job, *base]) == DONE
    assert "cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "watch", "ftjob-absent"], "404"),
        (["jobs", "create", "absent.jsonl"], "absent.jsonl"),
        (["jobs", "create", "reviews.csv"], "finetable prepare"),
        (["jobs", "create", "few.jsonl"], "at least 10"),
        (["jobs", "create", "odd.jsonl"], "neither prompts with completions"),
        (["jobs", "create", "good.jsonl", "--model", "gpt-absent"], "gpt-absent"),
        (["jobs", "use", "ft:absent", "--prompt", "a"], "ft:absent"),
        (["jobs", "use", "ft:absent", "reviews.csv", "--prompt", "a"], "not both"),
        (["jobs", "watch", "ftjob-absent", "--out", "results.txt"], ".csv"),
    ],
)
def test_a_fault_is_one_sentence(
    words: list[str],
    said: str,
    base: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews(tmp_path / "reviews.csv")
    pair = json.dumps({"prompt": "a", "completion": "b"}) + "\n"
    for name, content in (("few", pair * 9), ("good", pair * 10), ("odd", '{"text": "a"}\n' * 10)):
        (tmp_path / f"{name}.jsonl").write_text(content, encoding="utf-8")
    assert run([*words, *base]) == MENDABLE
    assert said in capsys.readouterr().err.splitlines()[-1]


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


def test_data_leaves_this_machine_only_where_somebody_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text((json.dumps({"prompt": "a", "completion": "b"}) + "\n") * 10, encoding="utf-8")
    words = ["jobs", "create", str(file), "--model", "gpt-4o-mini", "--base-url", "https://example.org/v1"]
    assert run(words) == MENDABLE
    assert "add --yes to agree" in capsys.readouterr().err


def test_tokens_epochs_and_dollars_are_estimated(tmp_path: Path) -> None:
    assert [usual_epochs(examples) for examples in (10, 33, 34, 100, 8333, 8334, 30_000)] == [
        10,
        3,
        3,
        3,
        3,
        2,
        1,
    ]
    assert training_cost("gpt-4o-mini-2024-07-18", 2_000_000) == 6.0
    assert training_cost("scratch", 1) is None
    file = tmp_path / "data.jsonl"
    line = json.dumps({"prompt": "é" * 20, "completion": "x" * 40}, ensure_ascii=False) + "\n"
    file.write_text(line * 10, encoding="utf-8")
    found = estimate_of(file, None, hosted=True)
    assert (found.examples, found.tokens, found.epochs) == (10, 200, 10)
    assert "about 2,000 tokens are trained on, about $0.01 at the public price" in found.told("gpt-4o-mini")
    assert estimate_of(file, None, hosted=False).epochs is None
    file.write_text(line * 10 + "no json\n", encoding="utf-8")
    with pytest.raises(TableError, match=f"Line 11 of {file} is no example"):
        estimate_of(file, None, hosted=True)


def test_results_are_read_plain_and_in_base64() -> None:
    plain = "step,train_loss,valid_loss\n1,2.5,\n2,1.5,1.75\n"
    packed = base64.encodebytes(plain.encode())
    assert csv_of(plain.encode()) == csv_of(packed) == csv_of(packed.strip()) == plain
    assert csv_of(b"neither") == "neither"
    assert losses_of(plain) == [2.5, 1.5]


def test_a_curve_has_a_bar_for_each_value_or_for_the_mean_of_some() -> None:
    assert sparkline([]) == ""
    assert sparkline([3.0]) == BARS[0]
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BARS
    assert sparkline([0, 0, 7, 7, 3, 4], width=3) == BARS[0] + BARS[7] + BARS[4]


def test_a_plan_travels_in_the_metadata_of_a_job() -> None:
    plan = Plan(
        task=TaskSettings(label="mood", given=("a,b", "x" * 600)),
        style=Style(separator=" ->"),
        files={"a": "b"},
    )
    kept = metadata_of(plan)
    assert kept is not None
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in kept.items())
    assert plan_in({**kept, "team": "a"}) == plan.model_copy(update={"files": {}})
    assert plan_in(None) is plan_in({"team": "a"}) is None
    assert metadata_of(Plan(task=TaskSettings(label="mood", given=("x" * 6000,)))) is None
