"""Chat messages: made of rows, and read again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetable.errors import RecipeError
from finetable.remote.plan import plan_file
from finetable.verbs import prepare

from .tables import names, texts, written


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
