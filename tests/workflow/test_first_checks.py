"""What can be refused is refused before anything that computes is loaded."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetable.record import Record
from finetable.settings import Recipe

PROGRAM = (
    "import sys, json; from finetable.__main__ import run; "
    "codes = [run(words) for words in json.loads(sys.argv[1])]; "
    "heavy = [name for name in ('torch', 'transformers', 'sklearn') if name in sys.modules]; "
    "assert not heavy, heavy; assert len(set(codes)) == 1, codes; sys.exit(codes[0])"
)
SLIPS = [
    ("train absent.csv --out m --write plot", "There is no file absent.csv"),
    ("train empty.csv --out m --write plot", "empty.csv is empty"),
    ("train films.csv --out mine --write plot", "mine exists and is no model folder"),
    ("train films.csv --out films.csv --write plot", "films.csv exists and is no model folder"),
    ("train films.csv --out m --write plot --label genre", "exactly one of"),
    ("train films.csv --out m --write plot --epochs 1 --minutes 1", "not both"),
    ("train films.csv --out m --write plot --base scratch --lora 4", "name a trained --base"),
    ("train films.csv --out m --write plot --base gpt2 --size tiny", "--size is for scratch"),
    (
        "train films.csv --out m --label genre --given plot --base gpt2 --keep-case",
        "--keep-case is for --base small or scratch",
    ),
    ("train films.csv --out m --write plot --keep-case", "--keep-case is for --label"),
    ("profile absent.csv", "There is no file absent.csv"),
    ("profile films.csv --given plot", "exactly one of"),
    ("profile films.csv --out films.csv", "films.csv exists already"),
    ("generate absent", "absent does not exist"),
    ("generate mine", "no finetable.json"),
    ("generate unfinished", "has not ended"),
    ("generate labeller", "use classify"),
    ("generate writer --given gerne=love", "no column 'gerne'"),
    ("generate writer --out films.csv", "films.csv exists already"),
    ("generate writer --out new.txt", "no known ending"),
    ("classify absent films.csv", "absent does not exist"),
    ("classify writer films.csv", "use generate"),
    ("classify labeller absent.csv", "There is no file absent.csv"),
    ("classify labeller films.csv --out films.csv", "films.csv exists already"),
    ("evaluate absent", "absent does not exist"),
    ("evaluate unfinished", "has not ended"),
    ("evaluate writer absent.csv", "There is no file absent.csv"),
    ("evaluate writer --include-seen", "are for another table"),
    (f"profile {'long' * 80}.csv", "cannot be read (File name too long)"),
    (f"evaluate {'long' * 80}", "cannot be read (File name too long)"),
    (f"train films.csv --write plot --out {'long' * 80}", "cannot be read (File name too long)"),
    ("report absent", "absent does not exist"),
    ("report writer --out films.csv", "films.csv exists already"),
    ("compare writer", "at least two"),
    ("compare writer absent", "absent does not exist"),
    ("compare writer labeller", "one job"),
]
WRITER: dict[str, Any] = {"write": "plot", "given": "genre"}
LABELLER: dict[str, Any] = {"label": "genre", "given": "plot"}


def folder(path: Path, options: dict[str, Any], status: str = "finished", **more: Any) -> None:
    """A model folder as far as its record."""
    path.mkdir()
    record = Record.model_validate(
        {
            "status": status,
            "recipe": Recipe.of(**options),
            "table_name": "films.csv",
            "table_fingerprint": "f" * 64,
            "table_format": "CSV",
            **more,
        }
    )
    (path / "finetable.json").write_text(record.model_dump_json(), encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a person's slips refer to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films.csv").write_text("genre,plot\ncrime,a thief\n", encoding="utf-8")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").touch()
    folder(tmp_path / "writer", WRITER)
    folder(tmp_path / "labeller", LABELLER)
    folder(tmp_path / "unfinished", WRITER, "training")
    return tmp_path


def told(lines: list[str]) -> tuple[int, str, list[str]]:
    """The exit code that all command lines share, and what they print, in one process."""
    words = json.dumps([line.split() for line in lines])
    done = subprocess.run([sys.executable, "-c", PROGRAM, words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr.splitlines()


@pytest.mark.usefixtures("here")
def test_a_slip_is_told_without_loading_what_computes() -> None:
    code, _, sentences = told([line for line, _ in SLIPS])
    for (line, said), sentence in zip(SLIPS, sentences, strict=True):
        assert said in sentence, line
    assert code == 1


def test_figures_are_read_without_loading_what_computes(here: Path) -> None:
    folder(here / "judged", LABELLER, figures={"task": "label", "rows": 12})
    code, printed, _ = told(["evaluate judged --json"])
    assert code == 0
    assert json.loads(printed) == {"task": "label", "rows": 12}
