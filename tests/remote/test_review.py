"""What `prepare` looks at beyond the old tool, and how it is told."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetable.__main__ import run
from finetable.errors import RecipeError, TableError
from finetable.exit_codes import DONE, MENDABLE
from finetable.progress import Silent
from finetable.remote.prepare import prepare_table
from finetable.remote.prepared_report import command_of, prepared_lines
from finetable.verb_settings import PrepareSettings
from finetable.verbs import prepare

from .tables import PLACES, Row, labelled, lines_of, names, texts, written


def test_nothing_is_changed_without_being_told_and_the_command_that_changes_it_works(
    file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = file([*texts(12), texts(1)[0]]), tmp_path / "o u t.jsonl"
    before = table.read_bytes()
    words = ["prepare", str(table), "--write", "completion", "--given", "prompt", "--out", str(out)]
    assert run([*words, "--json"]) == DONE
    told = json.loads(capsys.readouterr().out)
    assert [found["name"] for found in told["proposals"]] == [
        "duplicates", "separator", "ending", "leading-space",
    ]  # fmt: skip
    assert told["proposals"][0]["lines"] == [13]
    assert sorted(tmp_path.iterdir()) == [table]
    assert run(shlex.split(told["command"])[1:]) == DONE
    assert len(written(out)) == 12
    assert table.read_bytes() == before
    assert run(words) == MENDABLE
    assert f"{out} exists already" in capsys.readouterr().err


def test_a_wrong_name_gets_the_nearest_right_one(file: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean separator"):
        prepare(file(texts(12)), out=tmp_path / "o.jsonl", write="completion", accept="seperator")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("same", completion) for _, completion in texts(12)], "Every prompt is the same"),
        ([(prompt, "same") for prompt, _ in texts(12)], "Every completion is the same"),
        ([(prompt, " ") for prompt, _ in texts(12)], "No row has a completion"),
    ],
)
def test_what_teaches_nothing_is_refused(
    file: Callable[..., Path], tmp_path: Path, rows: list[Row], said: str
) -> None:
    with pytest.raises(TableError, match=said):
        prepare(file(rows), out=tmp_path / "o.jsonl", write="completion", given="prompt")


def test_labels_are_looked_at_for_conflicts_balance_and_personal_data(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [*labelled(100), (labelled(1)[0][0].upper(), "good"), ("write to ann@example.org", "ugly")]
    found = prepare(file(rows), out=tmp_path / "o.jsonl", label="completion", given="prompt")
    assert lines_of(found, "conflicting-labels") == (1, 101)
    assert lines_of(found, "personal-data") == (102,)
    told = {notice.name: notice.sentence for notice in found.review.notices}
    assert "'ugly'" in told["balance"]


def test_what_stands_in_the_validation_table_is_left_out(file: Callable[..., Path], tmp_path: Path) -> None:
    near = "one two three four five six seven eight nine ten"
    held = file([labelled(9)[4], (f"{near} eleven", "bad")], "held.jsonl")
    table = file([*labelled(20), (near, "bad")])
    found = prepare(
        table,
        out=tmp_path / "o.jsonl",
        label="completion",
        given="prompt",
        validation=str(held),
        accept="leakage",
    )
    assert lines_of(found, "leakage") == (5, 21)
    assert len(written(tmp_path / "o.jsonl")) == 19


def test_an_ending_in_capitals_is_no_part_of_the_completions(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [(prompt, f"{n} {'*' * (n % 2)} END") for n, (prompt, _) in enumerate(texts(12))]
    found = prepare(file(rows), out=tmp_path / "o.jsonl", write="completion", given="prompt")
    assert names(found) == ["separator", "leading-space"]


def test_near_duplicates_stay_on_one_side(file: Callable[..., Path], tmp_path: Path) -> None:
    families = [" ".join(f"{place}{n}" for n in range(10)) for place in PLACES]
    rows = [*labelled(60), *((f"{family} {word}", "bad") for family in families for word in PLACES[:4])]
    found = prepare(file(rows), out=tmp_path / "o.jsonl", label="completion", given="prompt", accept="split")
    assert len(lines_of(found, "near-duplicates")) == 30
    sides = [
        {
            family
            for row in written(tmp_path / f"o{side}.jsonl")
            for family in families
            if family in row["prompt"]
        }
        for side in ("_train", "_valid")
    ]
    assert sides[0] | sides[1] == set(families)
    assert not sides[0] & sides[1]
    assert sides[1]


def test_texts_that_stand_under_several_prompts_are_told(file: Callable[..., Path], tmp_path: Path) -> None:
    rows = [*texts(12), ("another prompt", texts(12)[3][1].upper())]
    found = prepare(file(rows), out=tmp_path / "o.jsonl", write="completion", given="prompt")
    assert lines_of(found, "near-duplicates") == (13,)
    assert "duplicates" not in names(found)


def test_tokens_are_counted_where_a_base_is_named(
    file: Callable[..., Path], tmp_path: Path, base_folder: Callable[[str], Path]
) -> None:
    rows = [*texts(12), ("short", "Two friends travel " * 60)]
    options: dict[str, Any] = {"write": "completion", "given": "prompt"}
    found = prepare(file(rows), out=tmp_path / "o.jsonl", base=str(base_folder("gpt2")), **options)
    assert lines_of(found, "context") == (13,)
    assert "context" not in names(prepare(file(rows), out=tmp_path / "o.jsonl", **options))


def test_what_is_told_is_one_line_each(file: Callable[..., Path], tmp_path: Path) -> None:
    settings = PrepareSettings.of(write="completion", given="prompt")
    table = file([(f"{prompt}\u202e", completion) for prompt, completion in texts(12)])
    found = prepare_table(str(table), tmp_path / "o.jsonl", settings, Silent())
    told = prepared_lines(found, command_of(str(table), tmp_path / "o.jsonl", settings))
    assert all(line.isprintable() for line in told)
    assert told[-1].endswith("--accept all --out " + str(tmp_path / "o.jsonl"))
