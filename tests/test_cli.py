"""The command line: exit codes, one sentence for each fault, and nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from finetable.__main__ import run
from finetable.exit_codes import DONE, MENDABLE, USAGE

WORDS = ["storm", "harbour", "letter", "train", "garden", "clock", "island", "mirror", "river", "tower"]
LABEL = ["--label", "mood", "--given", "text", "--base", "scratch", "--size", "tiny", "--epochs", "1"]


def table(file: Path, rows: list[str], header: str = "text,mood") -> Path:
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def moods(tmp_path: Path) -> Path:
    """Sixty rows from which a mood can be learnt."""
    rows = [
        f"the {WORDS[i % 10]} was {'lovely' if i % 2 else 'awful'} in year {i},{'glad' if i % 2 else 'sad'}"
        for i in range(60)
    ]
    return table(tmp_path / "moods.csv", rows)


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of standard error."""
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_both_jobs_from_table_to_rows(
    moods: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labeller, writer = str(tmp_path / "labeller"), str(tmp_path / "writer")
    assert run(["train", str(moods), "--out", labeller, *LABEL]) == DONE
    assert run(["classify", labeller, str(moods), "--out", str(tmp_path / "labelled.jsonl")]) == DONE
    lines = (tmp_path / "labelled.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 60
    first = json.loads(lines[0])
    assert list(first) == ["text", "mood", "mood_predicted", "mood_probability", "mood_runner_up"]
    assert {first["mood_predicted"], first["mood_runner_up"]} == {"glad", "sad"}
    assert (
        run(
            [
                "train",
                str(moods),
                "--out",
                writer,
                "--write",
                "text",
                "--base",
                "scratch",
                "--size",
                "tiny",
                "--epochs",
                "1",
            ]
        )
        == 0
    )
    told = capsys.readouterr().err
    assert f"Next: finetable classify {labeller} TABLE" in told
    assert told.endswith(f"{writer}/report.html\nNext: finetable generate {writer} -n 10\n")
    assert run(["generate", writer, "-n", "3", "--seed", "5"]) == DONE
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(written) == 3
    assert list(written[0]) == ["text", "copied_words", "nearest_row"]
    assert run(["evaluate", labeller, "--json"]) == DONE
    figures = json.loads(capsys.readouterr().out)
    assert figures["task"] == "label"
    assert set(figures["baselines"]) == {"majority", "tfidf"}
    assert {"accuracy", "accuracy_low", "accuracy_high", "macro_f1", "calibration_error", "best"} <= set(
        figures
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "absent.csv", "--out", "m", *LABEL], "absent.csv"),
        (["train", "moods.csv", "--out", "m", "--label", "moood", "--given", "text"], "mood"),
        (["train", "moods.csv", "--out", "m", "--label", "mood", "--given", "txt"], "text"),
        (["train", "moods.csv", "--out", "m"], "--write"),
        (["train", "moods.csv", "--out", "m", "--write", "text", "--label", "mood"], "exactly one"),
        (["train", "moods.csv", "--out", "m", "--label", "mood"], "--given"),
        (["train", "moods.csv", "--out", "m", "--label", "mood", "--given", "mood"], "--given"),
        (["train", "moods.csv", "--out", "m", *LABEL, "--minutes", "1"], "not both"),
        (["train", "moods.csv", "--out", "m", *LABEL[:4], "--base", "./nowhere"], "nowhere"),
        (["train", "empty.csv", "--out", "m", *LABEL], "empty.csv"),
        (["train", "few.csv", "--out", "m", *LABEL], "at least 10"),
        (["train", "one_label.csv", "--out", "m", *LABEL], "two labels"),
        (["train", "seen_once.csv", "--out", "m", *LABEL], "line 62"),
        (["train", "no_answers.csv", "--out", "m", *LABEL], "empty"),
        (["train", "moods.csv", "--out", "mine", *LABEL], "mine"),
        (["generate", "absent"], "absent"),
        (["classify", "mine", "moods.csv"], "mine"),
        (["evaluate", "absent"], "absent"),
        (["train", "moods.csv", "--out", "m", "--recipe", "absent.toml"], "absent.toml"),
        (["train", "moods.csv", "--out", "m", "--recipe", "wrong.toml"], "epochs"),
    ],
)
def test_a_fault_is_one_sentence_and_leaves_nothing(
    words: list[str],
    said: str,
    moods: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = moods.parent
    monkeypatch.chdir(here)
    good = moods.read_text(encoding="utf-8").splitlines()[1:]
    (here / "empty.csv").write_text("", encoding="utf-8")
    table(here / "few.csv", good[:9])
    table(here / "one_label.csv", [row for row in good if row.endswith("glad")])
    table(here / "seen_once.csv", [*good, "a strange day,odd"])
    table(here / "no_answers.csv", [f"{row.split(',')[0]}," for row in good])
    (here / "mine").mkdir()
    (here / "mine" / "diary.txt").write_text("dear diary", encoding="utf-8")
    (here / "wrong.toml").write_text("epoks = 3\n", encoding="utf-8")
    before = sorted(str(file) for file in here.rglob("*"))
    assert run(words) == MENDABLE
    last = sentence(capsys)
    assert said in last
    assert last.endswith((".", ")", "?"))
    assert sorted(str(file) for file in here.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "moods.csv", "--out", "m", "--labell", "mood"], "--label"),
        (["train", "moods.csv", "--out", "m", "--epochs", "-3"], "--epochs"),
        (
            ["train", "moods.csv", "--out", "m", "--epochs", "abc"],
            "--epochs must be a number,",
        ),
        (["generate", "m", "-n", "0"], "-n must be greater than or equal to 1"),
        (["train", "moods.csv"], "out"),
        (["generate", "m", "--temperature", "3"], "--temperature"),
        (["jump"], "jump"),
    ],
)
def test_usage_faults_exit_with_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == USAGE
    told = capsys.readouterr().err
    assert said in told
    assert "--n " not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["jobs", "models", "--base-url", "ftp://x"],
            "--base-url must be an address that begins with http:// or https://, such as "
            "http://127.0.0.1:8000/v1, and 'ftp://x' is not.",
        ),
        (["jobs", "create", "films.jsonl", "--base-url", "https:///v1"], "and 'https:///v1' is not."),
        (
            ["serve", "--key", "short"],
            "--key must be 8 to 256 plain letters (A to Z), digits or signs, without blanks.",
        ),
        (["serve", "--key", "a key of words"], "digits or signs, without blanks."),
        (["serve", "--key", "Schlüsselbund"], "digits or signs, without blanks."),
        (["prepare", "films.csv", "--out", "films.jsonl", "--system", ""], "--system must not be empty."),
        (
            ["jobs", "create", "films.jsonl", "--suffix", "x" * 65],
            f"--suffix must have at most 64 characters, and '{'x' * 65}' has 65.",
        ),
    ],
)
def test_a_text_of_the_wrong_form_is_told_what_a_right_one_is(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == USAGE
    told = sentence(capsys)
    assert told.endswith(said)
    assert "pattern" not in told
    assert "String" not in told


def test_a_person_file_is_never_overwritten(
    moods: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(tmp_path / "m"), tmp_path / "precious.csv"
    assert run(["train", str(moods), "--out", folder, *LABEL]) == DONE
    out.write_text("precious", encoding="utf-8")
    assert run(["classify", folder, str(moods), "--out", str(out)]) == MENDABLE
    assert "precious.csv exists" in sentence(capsys)
    assert out.read_text(encoding="utf-8") == "precious"
    weights = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert run(["train", str(moods), "--out", folder, *LABEL, "--seed", "9"]) == MENDABLE
    assert "--seed was 0 and is 9" in sentence(capsys)
    assert run(["train", str(moods), "--out", folder, *LABEL]) == DONE
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == weights


def test_help_loads_no_torch() -> None:
    program = (
        "import sys; from finetable.__main__ import run; run(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'sklearn', 'pyarrow')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for verb in ("train", "generate", "classify", "evaluate"):
        assert verb in done.stdout
