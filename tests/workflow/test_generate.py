"""New rows: given columns, prefixes, copies, and the same bytes whatever else is asked for."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finetable.errors import ColumnError, RecipeError
from finetable.progress import Silent
from finetable.verbs import generate


def test_the_same_seed_gives_the_same_rows_for_any_number_and_batch(writer: Path) -> None:
    many = generate(writer, n=9, seed=3).to_pylist()
    for batch_size in (1, 7, 64):
        assert generate(writer, n=9, seed=3, batch_size=batch_size).to_pylist() == many
    assert generate(writer, n=4, seed=3).to_pylist() == many[:4]
    assert generate(writer, n=9, seed=4).to_pylist() != many


def test_given_columns_are_named_or_drawn_from_training_rows(writer: Path) -> None:
    drawn = {row["genre"] for row in generate(writer, n=12, max_tokens=3).to_pylist()}
    assert len(drawn) > 1
    assert drawn <= {"crime", "love", "horror"}
    assert set(generate(writer, n=3, given=("genre=love",), max_tokens=3)["genre"].to_pylist()) == {"love"}
    assert generate(writer, n=1, given=("genre=a=b",), max_tokens=3)["genre"].to_pylist() == ["a=b"]
    with pytest.raises(ColumnError, match="genre"):
        generate(writer, n=1, given=("gerne=love",))
    with pytest.raises(RecipeError, match="COLUMN=VALUE"):
        generate(writer, n=1, given=("love",))


def test_prefix_begins_every_row_and_is_kept_on_request(writer: Path) -> None:
    whole = generate(writer, n=3, prefix="two sisters", include_prefix=True)["plot"].to_pylist()
    rest = generate(writer, n=3, prefix="two sisters")["plot"].to_pylist()
    assert all(text.startswith("two sisters") for text in whole)
    assert [f"two sisters{text}" for text in rest] == whole


def test_format_follows_the_ending_and_labellers_are_refused(
    writer: Path, labeller: Path, tmp_path: Path
) -> None:
    generate(writer, n=2, seed=1, out=tmp_path / "rows.jsonl")
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == generate(writer, n=2, seed=1).to_pylist()
    with pytest.raises(RecipeError, match="classify"):
        generate(labeller, n=1)


class Listener(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, line: str) -> None:
        self.warnings.append(line)


def warned(writer: Path, given: str) -> list[str]:
    listener = Listener()
    generate(writer, n=1, given=(given,), max_tokens=3, progress=listener)
    return [line for line in listener.warnings if "--max-tokens" not in line]


def test_a_value_that_no_training_row_has_is_told_with_the_nearest(writer: Path) -> None:
    assert warned(writer, "genre=love") == []
    (line,) = warned(writer, "genre=crimes")
    assert "has the genre 'crimes', so the model has never seen it; the nearest: 'crime'" in line
    (line,) = warned(writer, "genre=XYZ")
    assert "the most frequent: " in line
    assert line.count("'") == 8


def test_given_columns_that_the_model_cannot_see_whole_are_counted(writer: Path) -> None:
    lines = warned(writer, "genre=" + "a tender letter " * 400)
    assert "1 row is given more than the model can see; the end of it was not read" in lines


def generating(writer: Path) -> list[str]:
    program = "from finetable.__main__ import main; main()"
    words = ["generate", str(writer), "-n", "20000", "--batch-size", "4"]
    return [sys.executable, "-c", program, *words]


def test_rows_end_where_nobody_reads_on(writer: Path) -> None:
    command = f"{shlex.join(generating(writer))} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout)["plot"]
    assert done.stderr == ""


def test_stopped_by_a_person_says_how_many_rows_were_written(writer: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(generating(writer), stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=120)
    assert run.returncode == 130
    assert re.fullmatch(r"Stopped: [1-9]\d* rows? (was|were) written\.\n", told)
