"""`prepare`: the golden cases and the seven faults of the tool that it follows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetable.verbs import prepare

from .tables import lines_of, names, texts, written


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


def test_lines_of_text_are_completions_of_empty_prompts(tmp_path: Path) -> None:
    table, out = tmp_path / "stories.txt", tmp_path / "out.jsonl"
    table.write_text("\n".join([*(f"Once, in {n}, it rained." for n in range(4)), "", "The end.", ""]))
    found = prepare(table, out=out, write="completion", accept="none")
    assert found.review.draft.kind == "open-ended"
    (empty,) = [d.proposal for d in found.review.decisions if d.proposal.name == "empty-completions"]
    assert empty.lines == (5,)
    told = [*(f"Once, in {n}, it rained." for n in range(4)), "The end."]
    assert written(out) == [{"prompt": "", "completion": text} for text in told]


def test_a_list_of_objects_is_read_as_its_lines_are(questions: Path, tmp_path: Path) -> None:
    listed, out, other = tmp_path / "questions.json", tmp_path / "out.jsonl", tmp_path / "other.jsonl"
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer number {n} is here"} for n in range(5)]
    listed.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    asked: dict[str, Any] = {"write": "completion", "given": "prompt", "accept": "all"}
    prepare(listed, out=out, **asked)
    prepare(questions, out=other, **asked)
    assert out.read_bytes() == other.read_bytes()


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
