"""`prepare`: the golden cases and seven faults of the tool it follows, what came after, and odd tables."""

import json
import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.__main__ import run
from finetable.errors import RecipeError, TableError, UserError
from finetable.exit_codes import DONE, MENDABLE
from finetable.progress import Silent
from finetable.remote.plan import plan_file, plan_of
from finetable.remote.prepare import Prepared, prepare_table
from finetable.remote.prepared_report import command_of, prepared_lines
from finetable.remote.review import CHECKS
from finetable.verb_settings import PrepareSettings
from finetable.verbs import prepare

Row = tuple[str, str]
PLACES = ["harbour", "garden", "tower", "island", "market", "forest", "bridge", "station", "castle", "valley"]
NAMES = [check.__name__.replace("_", "-") for check in CHECKS]


def texts(rows: int) -> list[Row]:
    """Prompts and completions in which no check finds anything but what a test puts in."""
    return [
        (
            f"{PLACES[n % 10]} in {PLACES[n // 10 % 10]} {n}{'?' if n % 2 else '!'}",
            f"{PLACES[n * 7 % 10]}, number {n}, was {'sold' if n % 3 else 'kept'}{'.' if n % 2 else ''}",
        )
        for n in range(rows)
    ]


def labelled(rows: int) -> list[Row]:
    return [(prompt, "good" if n % 2 else "bad") for n, (prompt, _) in enumerate(texts(rows))]


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes JSON Lines of prompts and completions."""

    def write(rows: Sequence[Row], name: str = "table.jsonl") -> Path:
        made = tmp_path / name
        lines = [json.dumps({"prompt": prompt, "completion": completion}) for prompt, completion in rows]
        made.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return made

    return write


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def names(found: Prepared) -> list[str]:
    return [decision.proposal.name for decision in found.review.decisions]


def lines_of(found: Prepared, name: str) -> tuple[int, ...]:
    decided = {decision.proposal.name: decision.proposal.lines for decision in found.review.decisions}
    return {**decided, **{notice.name: notice.lines for notice in found.review.notices}}[name]


# The golden cases of the old tool


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    table = tmp_path / "questions.csv"
    rows = [f"Question {n}?,Answer number {n} is here" for n in range(5)]
    table.write_text("\n".join(["prompt,completion", *rows]) + "\n", encoding="utf-8")
    return table


def test_the_golden_questions_come_out_as_they_did(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    accepted = "completion-prefix,leading-space"
    prepare(questions, out=out, write="completion", given="prompt", accept=accepted)
    assert written(out) == [{"prompt": f"Question {n}?", "completion": f" {n} is here"} for n in range(5)]


def test_the_golden_questions_get_a_real_separator_and_ending_beyond_that(
    questions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    found = prepare(questions, out=out, write="completion", given="prompt", accept="all")
    assert names(found) == ["separator", "completion-prefix", "ending", "leading-space"]
    assert written(out)[0] == {"prompt": "Question 0? ->", "completion": " 0 is here\n"}
    style = found.review.draft.style
    assert style.prompt("Question 9?") == "Question 9? ->"
    assert style.written(" 9 is here\nQuestion") == "9 is here"


def test_the_golden_labels_come_out_as_they_did(tmp_path: Path) -> None:
    table, out = tmp_path / "labels.csv", tmp_path / "out.jsonl"
    rows = [f"some text {n},{'NEG' if n % 2 else 'POS'},x" for n in range(20)]
    table.write_text("\n".join(["Prompt,Completion,extra", *rows]), encoding="utf-8")
    found = prepare(table, out=out, label="completion", given="prompt", accept="all")
    training, validation = written(tmp_path / "out_train.jsonl"), written(tmp_path / "out_valid.jsonl")
    assert not out.exists()
    assert (len(training), len(validation)) == (16, 4)
    assert {row["completion"] for row in training + validation} == {" pos", " neg"}
    assert all(row["prompt"].endswith(" ->") and list(row) == ["prompt", "completion"] for row in training)
    assert {decision.proposal.name for decision in found.review.decisions if decision.proposal.necessary} == {
        "columns",
        "columns-left-out",
    }
    assert found.files == (tmp_path / "out_train.jsonl", tmp_path / "out_valid.jsonl")


# The seven faults of the old tool


def test_a_a_shared_beginning_is_taken_from_each_completion_alone(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    table = file([(prompt, f" Summary: {completion} END") for prompt, completion in texts(12)])
    prepare(table, out=tmp_path / "out.jsonl", write="completion", given="prompt", accept="completion-prefix")
    got = [row["completion"] for row in written(tmp_path / "out.jsonl")]
    assert got == [f" {completion} END" for _, completion in texts(12)]


def test_a_a_completion_that_is_nothing_but_the_shared_beginning_is_not_emptied(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    table = file(
        [*((prompt, f"Summary: {completion}") for prompt, completion in texts(12)), ("x", "Summary: ")]
    )
    found = prepare(table, out=tmp_path / "out.jsonl", write="completion", given="prompt", accept="all")
    assert "completion-prefix" not in names(found)
    assert len(written(tmp_path / "out.jsonl")) == 13


def test_b_long_examples_go_by_what_they_are_and_not_by_their_place(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    rows = texts(12)
    rows[2] = (rows[2][0], " \n")
    rows[5] = (rows[5][0], "long " * 2001)
    found = prepare(
        file(rows), out=tmp_path / "out.jsonl", write="completion", given="prompt", accept="long-examples"
    )
    assert (lines_of(found, "empty-completions"), lines_of(found, "long-examples")) == ((3,), (6,))
    kept = [row for place, row in enumerate(rows) if place not in (2, 5)]
    assert [(row["prompt"], row["completion"]) for row in written(tmp_path / "out.jsonl")] == kept


def test_c_only_a_column_named_like_one_that_is_taken_is_warned_of(tmp_path: Path) -> None:
    told = {}
    for name in ("extra", "prompt"):
        table = tmp_path / f"{name}.csv"
        rows = [f'{prompt},"{completion}",x' for prompt, completion in texts(10)]
        table.write_text("\n".join([f"prompt,completion,{name}", *rows]), encoding="utf-8")
        found = prepare(table, out=tmp_path / "out.jsonl", write="completion", given="prompt")
        told[name] = found.review.decisions[0].proposal.sentence
    assert told == {
        "extra": "1 column is left out: 'extra'.",
        "prompt": "1 column is left out: 'prompt_2'. Make sure that 'prompt_2' was not meant.",
    }


def test_d_last_words_that_are_shared_are_neither_separator_nor_ending(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [(f"{prompt} right?", f"{completion} is here") for prompt, completion in texts(12)]
    found = prepare(file(rows), out=tmp_path / "out.jsonl", write="completion", given="prompt")
    assert {"separator", "ending"} <= set(names(found))


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_e_a_line_break_at_the_end_is_no_row(tmp_path: Path, ending: str) -> None:
    table = tmp_path / f"table.{ending}"
    if ending == "jsonl":
        lines = [json.dumps({"completion": completion}) for _, completion in texts(12)]
    else:
        lines = ["completion", *(completion.replace(",", "") for _, completion in texts(12))]
    table.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    found = prepare(table, out=tmp_path / "out.jsonl", write="completion", accept="none")
    assert len(written(tmp_path / "out.jsonl")) == 12
    assert "empty-completions" not in names(found)


def test_f_what_is_taught_is_decided_once(file: Callable[..., Path], tmp_path: Path) -> None:
    """Completions that come to be nearly all alike are still written, not chosen, and never split."""
    rows = [(prompt, ["YES, IT IS", "yes, it is", "no"][n % 3]) for n, (prompt, _) in enumerate(texts(30))]
    found = prepare(file(rows), out=tmp_path / "out.jsonl", write="completion", given="prompt", accept="all")
    assert found.review.draft.kind == "conditional"
    assert "split" not in names(found)
    assert "ending" in names(found)
    assert "classification" in [notice.name for notice in found.review.notices]


def test_g_rows_are_told_by_their_lines_in_the_file(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f'{prompt},"{completion}\nand so on"' for prompt, completion in texts(12)]
    rows[3] = "no answer,"
    table.write_text("\n".join(["prompt,completion", *rows, rows[6], rows[0]]), encoding="utf-8")
    found = prepare(table, out=tmp_path / "out.jsonl", write="completion", given="prompt")
    # Two lines a row, but for the one without an answer.
    assert lines_of(found, "empty-completions") == (8,)
    assert lines_of(found, "duplicates") == (25, 27)


# What came after it


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


def test_near_duplicates_stay_on_one_side(file: Callable[..., Path], tmp_path: Path) -> None:
    near = "one two three four five six seven eight nine ten"
    rows = [*labelled(60), *((f"{near} {word}", "bad") for word in PLACES)]
    found = prepare(file(rows), out=tmp_path / "o.jsonl", label="completion", given="prompt", accept="split")
    assert lines_of(found, "near-duplicates") == tuple(range(62, 71))
    sides = [
        {near in row["prompt"] for row in written(tmp_path / f"o{side}.jsonl") if near in row["prompt"]}
        for side in ("_train", "_valid")
    ]
    assert sorted(map(len, sides)) == [0, 1]


def test_tokens_are_counted_where_a_base_is_named(
    file: Callable[..., Path], tmp_path: Path, base_folder: Callable[[str], Path]
) -> None:
    rows = [*texts(12), ("short", "Two friends travel " * 60)]
    options: dict[str, Any] = {"write": "completion", "given": "prompt"}
    found = prepare(file(rows), out=tmp_path / "o.jsonl", base=str(base_folder("gpt2")), **options)
    assert lines_of(found, "context") == (13,)
    assert "context" not in names(prepare(file(rows), out=tmp_path / "o.jsonl", **options))


def test_chats_have_roles_instead_of_marks(file: Callable[..., Path], tmp_path: Path) -> None:
    rows = [(prompt, completion.upper()) for prompt, completion in texts(12)]
    out = tmp_path / "out.jsonl"
    options: dict[str, Any] = {"write": "completion", "given": "prompt", "chat": True, "accept": "all"}
    found = prepare(file(rows), out=out, system="Be brief.", **options)
    assert names(found) == ["lower-case-completions"]
    assert written(out)[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": rows[0][0]},
        {"role": "assistant", "content": rows[0][1].lower()},
    ]
    plan_file(out).unlink()
    again = prepare(out, out=tmp_path / "again.jsonl", **options)
    assert names(again) == []
    assert (tmp_path / "again.jsonl").read_bytes() == out.read_bytes()
    with pytest.raises(RecipeError, match="add --chat"):
        prepare(out, out=tmp_path / "third.jsonl", write="completion")


def test_messages_before_the_last_question_stay_as_they_are(tmp_path: Path) -> None:
    table, out = tmp_path / "chats.jsonl", tmp_path / "out.jsonl"
    lead = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?", "weight": 0}]
    chats = [
        [*lead, {"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
        for prompt, completion in texts(12)
    ]
    odd = [[{"role": "user", "content": "and then?"}], "no list", [{"role": "king", "content": "no"}]]
    table.write_text(
        "".join(json.dumps({"messages": chat}) + "\n" for chat in [*chats, *odd]), encoding="utf-8"
    )
    found = prepare(table, out=out, write="completion", given="prompt", chat=True, accept="all")
    assert [row["messages"] for row in written(out)] == chats
    assert found.rows == 12


def test_the_plan_counts_only_for_the_file_it_was_made_with(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    prepare(file(labelled(40)), out=out, label="completion", given="prompt", accept="all")
    training = tmp_path / "out_train.jsonl"
    plan = plan_of(training)
    assert plan is not None
    assert plan.style.separator == " ->"
    assert plan.task.given == ("prompt",)
    for side in ("_train", "_valid"):
        again = prepare(
            tmp_path / f"out{side}.jsonl", out=tmp_path / "x.jsonl", label="completion", given="prompt"
        )
        assert names(again) == []
    training.write_text(training.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert plan_of(training) is None


# Odd tables

WORDS = st.sampled_from(
    ["A", "END", " ", "\n", ".", "?", "Answer: ", "ja", "𝐀", "İ", "ß", "->", "###", "long " * 1200]
)
TEXT = st.lists(WORDS, max_size=5).map("".join)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9)


@given(rows=ROWS, job=st.sampled_from(["write", "label", "open", "chat"]), tail=TEXT, head=TEXT)
def test_on_its_own_output_it_proposes_nothing(rows: list[Row], job: str, tail: str, head: str) -> None:
    task = {"label" if job == "label" else "write": "completion"}
    options: dict[str, Any] = {**task, "given": () if job == "open" else ("prompt",), "chat": job == "chat"}
    accepted = [name for name in NAMES if name != "split"]
    settings = PrepareSettings.of(**options, accept=accepted)
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "table.jsonl", Path(folder) / "out.jsonl"
        shared = [{"prompt": head + prompt + tail, "completion": head + text + tail} for prompt, text in rows]
        table.write_text("".join(json.dumps(row) + "\n" for row in shared), encoding="utf-8")
        try:
            first = prepare_table(str(table), out, settings, Silent())
        except UserError:
            return
        assert all(
            decision.accepted or decision.proposal.name == "split" for decision in first.review.decisions
        )
        plan_file(out).unlink()
        again = prepare_table(str(out), Path(folder) / "again.jsonl", settings, Silent())
        assert set(names(again)) <= {"split"}
        assert (Path(folder) / "again.jsonl").read_bytes() == out.read_bytes()


def test_what_is_told_is_one_line_each(file: Callable[..., Path], tmp_path: Path) -> None:
    settings = PrepareSettings.of(write="completion", given="prompt")
    table = file([(f"{prompt}\u202e", completion) for prompt, completion in texts(12)])
    found = prepare_table(str(table), tmp_path / "o.jsonl", settings, Silent())
    told = prepared_lines(found, command_of(str(table), tmp_path / "o.jsonl", settings))
    assert all(line.isprintable() for line in told)
    assert told[-1].endswith("--accept all --out " + str(tmp_path / "o.jsonl"))
