import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.word_search import WordSearch

WORDS = 5
GRAM = 2
texts_of_numbers = st.lists(st.lists(st.integers(0, WORDS - 1), max_size=12), max_size=6)


def built(texts: list[list[int]]) -> WordSearch:
    ids = np.array([word for text in texts for word in text], dtype=np.int32)
    starts = np.cumsum([0] + [len(text) for text in texts])
    return WordSearch.build(ids, starts, WORDS)


def holders(texts: list[list[int]], run: list[int]) -> list[int]:
    """The text of each place where the run stands."""
    return [
        row
        for row, text in enumerate(texts)
        for start in range(len(text) - len(run) + 1)
        if text[start : start + len(run)] == run
    ]


@settings(deadline=None)
@given(texts_of_numbers, st.lists(st.integers(-1, WORDS - 1), max_size=20))
def test_the_longest_run_at_every_place(texts: list[list[int]], asked: list[int]) -> None:
    present = {word for text in texts for word in text}
    asked = [word if word in present else -1 for word in asked] + [-1]
    search = built(texts)
    matches = search.find(np.array(asked), GRAM)
    for place in range(len(asked)):
        length = int(matches.lengths[place])
        runs = [
            length
            for length in range(1, len(asked) - place + 1)
            if holders(texts, asked[place : place + length])
        ]
        assert length == max(runs, default=0)
        found = search.rows(search.suffixes[matches.lows[place] : matches.highs[place]])
        assert sorted(found.tolist()) == (holders(texts, asked[place : place + length]) if length else [])
        grams = search.rows(search.suffixes[matches.gram_lows[place] : matches.gram_highs[place]])
        expected = holders(texts, asked[place : place + GRAM]) if length >= GRAM else []
        assert sorted(grams.tolist()) == expected
        if length:
            first = search.first_row(int(matches.lows[place]), int(matches.highs[place]))
            assert first == holders(texts, asked[place : place + length])[0]


def test_a_whole_copy_among_other_texts() -> None:
    copied = list(range(50))
    texts = [[7, 8, 9], copied, copied[10:], [*copied[:5], 60]]
    ids = np.array([word for text in texts for word in text], dtype=np.int32)
    search = WordSearch.build(ids, np.cumsum([0] + [len(text) for text in texts]), 61)
    matches = search.find(np.array([*copied, -1]), GRAM)
    assert matches.lengths.tolist() == [*range(50, 0, -1), 0]
    grams = [len(holders(texts, [place, place + 1])) for place in range(50)]
    assert (matches.gram_highs - matches.gram_lows).tolist() == [*grams, 0]
