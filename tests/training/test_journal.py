import json
from dataclasses import asdict
from pathlib import Path

import pytest

from finetable.training.journal import Journal, NoWriter
from finetable.training.trainer import Step

TEXTS = ["Der Fuß", "two\nlines", "line\u2028separator, next\x85line, form\x0cfeed", "🐎"]


def step(number: int, validation: float | None = None) -> Step:
    return Step(number, 0.1 + 0.2 + number, 1 / 7, 1e-3 / 3, 0.7, 120, 0.25, validation)


def written(folder: Path, *numbers: int) -> None:
    journal = Journal(folder, 0)
    for number in numbers:
        journal.step(step(number, 1.5 if number % 2 == 0 else None))
        journal.samples(number, TEXTS, [3, 0, 12, 1])


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_bytes().split(b"\n") if line]


def numbers(folder: Path, name: str) -> list[object]:
    return [line["number"] for line in lines(folder / name)]


def test_a_step_is_a_line_with_all_that_it_did(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    assert lines(tmp_path / "steps.jsonl") == [asdict(step(1)), asdict(step(2, 1.5))]


def test_samples_of_any_text_are_one_line_each_time(tmp_path: Path) -> None:
    written(tmp_path, 3)
    assert lines(tmp_path / "samples.jsonl") == [{"number": 3, "texts": TEXTS, "copied_words": [3, 0, 12, 1]}]


def test_a_resumed_run_forgets_what_came_after_its_step_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, 1, 2, 3, 4)
    before = {name: (tmp_path / name).read_bytes() for name in ("steps.jsonl", "samples.jsonl")}
    resumed = Journal(tmp_path, 2)
    for name, content in before.items():
        assert (tmp_path / name).read_bytes() == b"".join(content.splitlines(keepends=True)[:2])
    resumed.step(step(3))
    resumed.samples(3, ["again"], [0])
    assert numbers(tmp_path, "steps.jsonl") == numbers(tmp_path, "samples.jsonl") == [1, 2, 3]


@pytest.mark.parametrize("name", ["steps.jsonl", "samples.jsonl"])
def test_a_torn_last_line_is_forgotten_even_where_a_character_is_torn(tmp_path: Path, name: str) -> None:
    written(tmp_path, 1, 2)
    content = (tmp_path / name).read_bytes()
    first, last = content.splitlines(keepends=True)
    inside_a_character = last.find("🐎".encode()) + 2
    for kept in (0, 1, len(last) // 2, inside_a_character, len(last) - 2):
        (tmp_path / name).write_bytes(first + last[:kept])
        Journal(tmp_path, 2)
        assert (tmp_path / name).read_bytes() == first


def test_a_line_that_lacks_only_its_end_is_whole(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    content = (tmp_path / "samples.jsonl").read_bytes()
    (tmp_path / "samples.jsonl").write_bytes(content[:-1])
    Journal(tmp_path, 2)
    assert (tmp_path / "samples.jsonl").read_bytes() == content


def test_a_run_from_the_start_forgets_everything(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    Journal(tmp_path, 0)
    assert (tmp_path / "steps.jsonl").read_bytes() == (tmp_path / "samples.jsonl").read_bytes() == b""


def test_a_writer_for_those_who_want_none_takes_every_step(tmp_path: Path) -> None:
    writer = NoWriter()
    writer.step(step(1))
    writer.close()
    assert list(tmp_path.iterdir()) == []
