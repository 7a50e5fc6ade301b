"""Rows of a split: the same texts, whether copied out or read where they are."""

import pyarrow as pa
import pytest

from finetable.frozen_rows import SPLITS, SplitRows

ROWS = SplitRows(
    pa.table(
        {
            "row_id": pa.array([0, 1, 3, 4]),
            "line": pa.array([2, 3, 5, 6]),
            "split": pa.array(["train", "test", "train", "validation"]),
            "text_hash": pa.array(["a", "b", "c", "d"]),
            "column:plot": pa.array(["one", "two", "three", ""], pa.large_string()),
        }
    )
)


@pytest.mark.parametrize("split", SPLITS)
def test_texts_of_a_split_are_those_of_its_rows(split: str) -> None:
    texts = ROWS.texts_of(split, "plot")
    assert list(texts) == ROWS.of(split).texts("plot").to_pylist()
    assert len(texts) == len(ROWS.of(split))


def test_rows_go_by_their_ids() -> None:
    assert ROWS.of("train").lines() == {0: 2, 3: 5}
    assert ROWS.without(ROWS.of("train").row_ids).row_ids.tolist() == [1, 4]
    assert ROWS.of("test").hashes() == {"b"}
