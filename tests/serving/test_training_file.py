import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finetable.data.read_table import read_table
from finetable.serving.training_file import SPLIT, DataError, Given, prepare

PAIRS = [{"prompt": f"p{n}", "completion": f"c{n}"} for n in range(12)]


def chat(*roles_and_texts: tuple[str, str], **more: object) -> dict[str, object]:
    return {"messages": [{"role": role, "content": text, **more} for role, text in roles_and_texts]}


CHATS = [chat(("system", "Be brief."), ("user", f"q{n}"), ("assistant", f"a{n}")) for n in range(12)]


def written(path: Path, rows: list[dict[str, object]] | list[dict[str, str]]) -> Given:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Given(path, path.name)


def test_prompts_and_completions_become_two_columns(tmp_path: Path) -> None:
    prepared = prepare(written(tmp_path / "t.jsonl", PAIRS), None, {}, tmp_path)
    table = pq.read_table(prepared.table)
    assert table["prompt"].to_pylist() == [row["prompt"] for row in PAIRS]
    assert table["completion"].to_pylist() == [row["completion"] for row in PAIRS]
    assert prepared.options == ("--write", "completion", "--given", "prompt")
    assert prepared.form == "completion"


def test_completions_alone_are_written_from_nothing(tmp_path: Path) -> None:
    rows = [{"prompt": "", "completion": f"c{n}"} for n in range(10)]
    assert prepare(written(tmp_path / "t.jsonl", rows), None, {}, tmp_path).options == (
        "--write",
        "completion",
    )


def test_metadata_make_the_completion_a_label(tmp_path: Path) -> None:
    prepared = prepare(written(tmp_path / "t.jsonl", PAIRS), None, {"label": "completion"}, tmp_path)
    assert prepared.options == ("--label", "completion", "--given", "prompt")


def test_every_answer_of_a_chat_is_learnt_but_those_of_weight_0(tmp_path: Path) -> None:
    long = chat(("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2"))
    muted = chat(("user", "three"), ("assistant", "3"))
    muted["messages"] = [
        *muted["messages"][:1],  # type: ignore[index]
        {"role": "assistant", "content": "no", "weight": 0},
        {"role": "assistant", "content": [{"type": "text", "text": "yes"}]},
    ]
    prepared = prepare(written(tmp_path / "t.jsonl", [*CHATS, long, muted]), None, {}, tmp_path)
    rows = pq.read_table(prepared.table).to_pylist()
    assert prepared.form == "chat"
    assert rows[0]["prompt"] == "System: Be brief.\n\nUser: q0"
    assert [row["completion"] for row in rows[-3:]] == ["1", "2", "yes"]
    assert rows[-2]["prompt"] == "User: one\n\nAssistant: 1\n\nUser: two"
    assert rows[-1]["prompt"] == "User: three\n\nAssistant: no"


def test_a_validation_file_goes_by_turns_to_validating_and_judging(tmp_path: Path) -> None:
    training = written(tmp_path / "t.jsonl", PAIRS)
    prepared = prepare(training, written(tmp_path / "v.jsonl", PAIRS[:3]), {}, tmp_path)
    splits = pq.read_table(prepared.table)[SPLIT].to_pylist()
    assert splits == ["train"] * 12 + ["validation", "test", "validation"]
    assert prepared.options[-2:] == ("--split-column", SPLIT)


@pytest.mark.parametrize(
    ("rows", "code", "message"),
    [
        (PAIRS[:7], "invalid_n_examples", "Training file has 7 example(s), but must have"),
        ([], "invalid_n_examples", "Training file has 0 example(s)"),
        ([{"text": "x"}] * 12, "invalid_training_file", "expected either prompt/completion pairs or"),
        ([{"prompt": "a", "completion": 3}] * 12, "invalid_training_file", "Example 1 needs a text"),
        ([*CHATS, {"messages": []}], "invalid_training_file", "Example 13, 'messages' is not a list"),
        (
            [*CHATS, {"messages": [{"role": "user", "content": "x"}, {"content": "y"}]}],
            "invalid_training_file",
            "Example 13, message 2 Discriminator 'role' is missing in value",
        ),
        ([*CHATS, chat(("user", "x"))], "invalid_training_file", "Example 13 has no assistant message"),
        ([*CHATS, chat(("alien", "x"))], "invalid_training_file", "message 1 has the role 'alien'"),
        ([*CHATS, chat(("user", "x"), colour="red")], "invalid_training_file", "unknown key 'colour'"),
        ([*CHATS, chat(("assistant", "x"), weight=2)], "invalid_training_file", "neither 0 nor 1"),
        ([*CHATS, chat(("assistant", "x"), tool_calls=[{}])], "invalid_training_file", "calls a tool"),
        ([{"preferred_output": []}] * 12, "invalid_training_file", "only method 'dpo'"),
    ],
)  # fmt: skip
def test_faults_of_the_data_are_told_as_openai_tells_them(
    tmp_path: Path, rows: list[dict[str, object]], code: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        prepare(written(tmp_path / "t.jsonl", rows), None, {}, tmp_path)
    assert (caught.value.code, caught.value.param) == (code, "training_file")
    assert message in caught.value.message
    if code == "invalid_training_file":
        assert caught.value.message.startswith("The job failed due to an invalid training file. ")


def test_faults_of_the_validation_file_name_it(tmp_path: Path) -> None:
    training = written(tmp_path / "t.jsonl", PAIRS)
    for rows, code in ((PAIRS[:1], "invalid_n_examples"), (CHATS, "invalid_validation_file")):
        with pytest.raises(DataError) as caught:
            prepare(training, written(tmp_path / "v.jsonl", rows), {}, tmp_path)
        assert (caught.value.code, caught.value.param) == (code, "validation_file")


def test_a_table_is_learnt_from_by_the_columns_that_metadata_name(tmp_path: Path) -> None:
    table = tmp_path / "file-x.csv"
    table.write_text("title,plot\n" + "".join(f"t{n},p{n}\n" for n in range(12)), encoding="utf-8")
    given = Given(table, "my films.CSV")
    folder = tmp_path / "job"
    folder.mkdir()
    prepared = prepare(given, None, {"write": "plot", "given": "title"}, folder)
    assert prepared.options == ("--write", "plot", "--given", "title")
    table.unlink()  # a client may delete its file while the job is waiting
    assert len(read_table(str(prepared.table))) == 12
    with pytest.raises(DataError, match="metadata that name its columns"):
        prepare(Given(prepared.table, "t.csv"), None, {}, folder)


def test_two_tables_are_joined_by_their_columns(tmp_path: Path) -> None:
    for name in ("t", "v"):
        (tmp_path / f"{name}.csv").write_text(
            "title,plot\n" + "".join(f"{name}{n},p\n" for n in range(12)), encoding="utf-8"
        )
    given = [Given(tmp_path / f"{name}.csv", f"{name}.csv") for name in ("t", "v")]
    prepared = prepare(given[0], given[1], {"label": "plot", "given": "title"}, tmp_path)
    rows = pq.read_table(prepared.table).to_pylist()
    assert [row[SPLIT] for row in rows[11:14]] == ["train", "validation", "test"]
    assert rows[12]["title"] == "v0"


@pytest.mark.parametrize("name", ["upload", "films.json", "films.txt"])
def test_lines_of_json_are_learnt_from_by_columns_whatever_their_name(tmp_path: Path, name: str) -> None:
    stored = written(tmp_path / "file-x", [{"title": f"t{n}", "plot": f"p{n}"} for n in range(12)])
    folder = tmp_path / "job"
    folder.mkdir()
    prepared = prepare(Given(stored.path, name), None, {"write": "plot", "given": "title"}, folder)
    assert len(read_table(str(prepared.table))) == 12


def test_packed_examples_are_told_to_be_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in PAIRS)))
    with pytest.raises(DataError, match="unpack the file first") as caught:
        prepare(Given(packed, packed.name), None, {}, tmp_path)
    assert caught.value.param == "training_file"
