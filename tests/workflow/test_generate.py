"""New rows: given columns, prefixes, copies, and the same bytes whatever else is asked for."""

import json
from pathlib import Path

import pytest

from finetable.errors import ColumnError, RecipeError
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
