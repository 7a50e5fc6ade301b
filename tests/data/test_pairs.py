from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.folding import fold, words
from finetable.data.near_duplicates import NEAR_JACCARD
from finetable.data.pairs import COMPARED, EqualTexts

LONG = "a tired keeper of the last light on the coast must choose between the sea and his daughter tonight"


def among(texts: list[str]) -> EqualTexts:
    return EqualTexts.among(texts, np.arange(len(texts)) + 2)


def jaccard(one: str, other: str) -> float:
    ours, theirs = (
        {tuple(read[i : i + 3]) for i in range(len(read) - 2)} for read in (words(one), words(other))
    )
    return len(ours & theirs) / len(ours | theirs)


def test_equal_texts_are_paired_with_the_first_of_them() -> None:
    found = among(["The Moon", "a fox", "the moon!", "THE MOON", "A  fox."])
    assert [(pair.line, pair.other_line, pair.similarity) for pair in found.duplicates()] == [
        (4, 2, 1),
        (5, 2, 1),
        (6, 3, 1),
    ]
    assert found.duplicates()[0].excerpt == "the moon!"


@given(st.lists(st.text(st.sampled_from("aA .é")) | st.sampled_from(["x", "X", "!", "?"]), min_size=1))
def test_duplicates_are_those_of_a_slow_comparison(texts: list[str]) -> None:
    slow = []
    for row, text in enumerate(texts):
        equals = [other for other in range(row) if fold(texts[other]) == fold(text) != ""]
        if equals:
            slow.append((row + 2, equals[0] + 2))
    found = among(texts)
    assert [(pair.line, pair.other_line) for pair in found.duplicates()] == slow


def test_a_near_duplicate_is_paired_with_the_nearest_before_it() -> None:
    texts = [LONG, "something else entirely", LONG + " again and", LONG + " again and again", LONG.upper()]
    pairs = among(texts).near_duplicates()
    assert [(pair.line, pair.other_line) for pair in pairs] == [(4, 2), (5, 4)]
    assert pairs[0].similarity == pytest.approx(jaccard(texts[2], texts[0]))
    assert pairs[1].similarity == pytest.approx(jaccard(texts[3], texts[2]))


def test_a_text_without_a_run_of_words_is_near_to_none() -> None:
    assert among(["moon", "moon a", "moon b", "", "!"]).near_duplicates() == ()


def test_a_large_group_of_near_duplicates_is_paired_with_some_before() -> None:
    texts = [f"{LONG} {LONG} {place}" for place in range(3 * COMPARED)]
    pairs = among(texts).near_duplicates()
    assert len(pairs) == len(texts) - 1
    assert all(0 < pair.line - pair.other_line <= COMPARED for pair in pairs)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "fox"]), min_size=0, max_size=2), min_size=1, max_size=8))
def test_near_duplicates_are_those_of_a_slow_comparison(tails: list[list[str]]) -> None:
    texts = [" ".join([LONG, *tail]) for tail in tails]
    firsts = [row for row, text in enumerate(texts) if text not in texts[:row]]
    near = any(jaccard(texts[one], texts[other]) >= NEAR_JACCARD for one, other in combinations(firsts, 2))
    pairs = among(texts).near_duplicates()
    assert len(pairs) == (len(firsts) - 1 if near else 0)
    for pair in pairs:
        row = pair.line - 2
        similarities = [jaccard(texts[row], texts[other]) for other in firsts if other < row]
        assert pair.similarity == pytest.approx(max(similarities))


def test_a_text_under_several_labels_is_a_conflict() -> None:
    found = among(["the moon", "a fox", "The Moon.", "a fox", "the moon", "the moon", "alone"])
    conflicts = found.conflicts(["drama", "war", " comedy", "war ", "drama", "", "war"])
    assert [(conflict.lines, conflict.labels) for conflict in conflicts] == [((2, 4, 6), ("drama", "comedy"))]
    assert conflicts[0].excerpt == "the moon"
