import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.column_texts import ColumnTexts
from finetable.data.near_duplicates import near_groups

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
CHUNKS = st.lists(st.lists(TEXT, max_size=4), min_size=1, max_size=3)


def column(chunks: list[list[str]]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.large_string()) for chunk in chunks], pa.large_string())


@settings(max_examples=60, deadline=None)
@given(CHUNKS, st.data())
def test_they_are_what_a_list_would_be(chunks: list[list[str]], data: st.DataObject) -> None:
    every = [text for chunk in chunks for text in chunk]
    places = data.draw(st.lists(st.integers(0, max(0, len(every) - 1)), max_size=5 if every else 0))
    for texts, wanted in (
        (ColumnTexts(column(chunks)), every),
        (ColumnTexts(column(chunks), np.array(places, np.int64)), [every[place] for place in places]),
    ):
        assert len(texts) == len(wanted)
        assert list(texts) == [texts[place] for place in range(len(wanted))] == wanted
        assert list(texts[1::2]) == wanted[1::2]
        assert texts.order().tolist() == sorted(range(len(wanted)), key=wanted.__getitem__)


def test_near_texts_of_a_column_are_grouped_as_those_of_a_list() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [" ".join(words[start:end]) for start, end in ((0, 8), (0, 9), (3, 10), (0, 8), (1, 10))] * 2 + [
        "",
        "é two",
        "Z",
    ]
    groups = np.arange(len(texts))
    found = near_groups(ColumnTexts(column([texts[:5], texts[5:]])), groups)
    assert found.tolist() == near_groups(texts, groups).tolist()
    assert len(set(found.tolist())) < len(set(texts))
