import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.word_search import WordSearch

WORDS = 10
GRAM = 2
texts_of_numbers = st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=6)


def built(texts: list[list[int]]) -> WordSearch:
    ids = np.array([word for text in texts for word in text], dtype=np.int32)
    starts = np.cumsum([0] + [len(text) for text in texts])
    return WordSearch.build(ids, starts, WORDS)


def holders(texts: list[list[int]], run: list[int]) -> list[tuple[int, int]]:
    """Each place where the run stands: the text, and the index into it."""
    return [
        (row, start)
        for row, text in enumerate(texts)
        for start in range(len(text) - len(run) + 1)
        if text[start : start + len(run)] == run
    ]


def places(search: WordSearch, low: int, high: int) -> list[tuple[int, int]]:
    positions = search.suffixes[low:high]
    rows = search.rows(positions)
    return sorted(zip(rows.tolist(), (positions - search.text_starts[rows]).tolist(), strict=True))


def check(texts: list[list[int]], asked: list[int]) -> None:
    present = {word for text in texts for word in text}
    asked = [word if word in present else -1 for word in asked] + [-1]
    search = built(texts)
    matches = search.find(np.array(asked), GRAM)
    first_rows = search.first_rows(matches.lows, matches.highs)
    for place in range(len(asked)):
        length = int(matches.lengths[place])
        runs = [
            length
            for length in range(1, len(asked) - place + 1)
            if holders(texts, asked[place : place + length])
        ]
        assert length == max(runs, default=0)
        expected = holders(texts, asked[place : place + length]) if length else []
        assert places(search, int(matches.lows[place]), int(matches.highs[place])) == expected
        assert first_rows[place] == (expected[0][0] if expected else -1)
        expected = holders(texts, asked[place : place + GRAM]) if length >= GRAM else []
        assert places(search, int(matches.gram_lows[place]), int(matches.gram_highs[place])) == expected


@settings(deadline=None)
@given(texts_of_numbers, st.lists(st.integers(-1, 3), max_size=20))
def test_the_longest_run_at_every_place(texts: list[list[int]], asked: list[int]) -> None:
    check(texts, asked)


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_texts_that_have_much_in_common(draw: random.Random) -> None:
    pieces = [draw.choices(range(4), k=draw.randint(1, 9)) for _ in range(4)]
    texts = [[word for piece in draw.choices(pieces, k=3) for word in piece] for _ in range(8)]
    check(texts, [word for piece in draw.choices([*pieces, [-1]], k=6) for word in piece])


def test_a_run_that_only_some_of_the_places_follow() -> None:
    # Behind "0 1 2" the run goes on to 4 only where no 0 stands before it.
    check([[0, 1, 2, 3], [9, 1, 2, 4], [0, 1, 2, 5]], [0, 1, 2, 4])
    # "0 1" and "1 2" stand in as many places, but only the first of them is the same.
    check([[0, 1, 2, 3], [0, 1, 5], [9, 1, 2, 4]], [0, 1, 2, 4])


def test_equal_texts_and_one_that_goes_on_otherwise() -> None:
    text = [word % 7 for word in range(40)]
    check([text, [9, *text], text, [*text[:30], 9], text[5:]], [*text, 8, *text[10:]])


def test_a_whole_copy_among_other_texts() -> None:
    copied = list(range(50))
    texts = [[7, 8, 9], copied, copied[10:], [*copied[:5], 60]]
    ids = np.array([word for text in texts for word in text], dtype=np.int32)
    search = WordSearch.build(ids, np.cumsum([0] + [len(text) for text in texts]), 61)
    matches = search.find(np.array([*copied, -1]), GRAM)
    assert matches.lengths.tolist() == [*range(50, 0, -1), 0]
    grams = [len(holders(texts, [place, place + 1])) for place in range(50)]
    assert (matches.gram_highs - matches.gram_lows).tolist() == [*grams, 0]
