"""`jobs`: from the table to the labels at a real server, and what is told where something is wrong."""

import csv
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finetable.__main__ import run
from finetable.exit_codes import DONE, MENDABLE
from finetable.remote.curve import BARS

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


def on_a_terminal(words: list[str]) -> str:
    """What a person sees of a command."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160"}
    command = [sys.executable, "-m", "finetable", *words]
    done = subprocess.run(command, stderr=theirs, stdout=subprocess.DEVNULL, env=environment, check=False)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == DONE
    return seen


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
    assert told.out.startswith(f"{job} succeeded: ft:small:local:moods:")
    assert "training loss" in told.out
    assert told.err.count("Files validated, moving job to queued state") == 1
    assert "The job has successfully completed" in told.err
    with results.open(encoding="utf-8", newline="") as content:
        assert [int(row["step"]) for row in csv.DictReader(content)] == list(range(1, 25))

    seen = on_a_terminal(["jobs", "watch", job, *base])
    assert "24/24" in seen
    assert set(BARS) & set(seen)

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
    assert "ft:small:local:moods:" in capsys.readouterr().out


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
    drawn = ["jobs", "use", job, "--prompt", "GLAD", "-n", "24", "--seed", "7", "--max-tokens", "8"]
    texts: list[list[str]] = []
    for _ in range(2):
        assert run([*drawn, *base]) == DONE
        lines = capsys.readouterr().out.splitlines()
        texts.append([json.loads(line)["completion"] for line in lines])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 20, "each has a seed of its own"
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
    assert printed(["jobs", "resume", job, *base], capsys)["id"] == job
    assert run(["jobs", "cancel", job, *base]) == DONE
    assert "cancelled" in capsys.readouterr().out


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one object that a command prints with --json, and nothing else."""
    capsys.readouterr()
    assert run([*words, "--json"]) == DONE
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_json_is_what_the_server_says(
    server: RunningServer, base: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = reviews(tmp_path / "reviews.csv", 12), tmp_path / "reviews.jsonl"
    assert run(["prepare", str(table), "--write", "text", "--out", str(out), "--accept", "all"]) == DONE
    created = printed(["jobs", "create", str(out), "--n-epochs", "1", "--suffix", "json", *base], capsys)
    assert created["object"] == "fine_tuning.job"
    watched = printed(["jobs", "watch", created["id"], "--every", "0.1", *base], capsys)
    client = server.client()
    assert watched == client.fine_tuning.jobs.retrieve(created["id"]).to_dict(mode="json")
    assert watched["status"] == "succeeded"
    listed = printed(["jobs", "list", *base], capsys)
    assert listed["object"] == "list"
    assert watched in listed["data"]
    models = printed(["jobs", "models", *base], capsys)
    assert models["data"] == [model.to_dict(mode="json") for model in client.models.list()]
    assert watched["fine_tuned_model"] in {model["id"] for model in models["data"]}
    assert run(["jobs", "cancel", created["id"], "--json", *base]) == MENDABLE
    assert not capsys.readouterr().out


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


def test_data_leaves_this_machine_only_where_somebody_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text((json.dumps({"prompt": "a", "completion": "b"}) + "\n") * 10, encoding="utf-8")
    words = ["jobs", "create", str(file), "--model", "gpt-4o-mini", "--base-url", "https://example.org/v1"]
    assert run(words) == MENDABLE
    assert "add --yes to agree" in capsys.readouterr().err
