import random
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finetable.data.disjoint_sets import DisjointSets
from finetable.data.folding import words
from finetable.data.near_duplicates import CLOSE, NEAR_JACCARD, SHINGLE_WORDS, near_groups


def shingles(text: str) -> set[tuple[str, ...]]:
    read = words(text)
    return {tuple(read[i : i + SHINGLE_WORDS]) for i in range(len(read) - SHINGLE_WORDS + 1)}


def jaccard(one: str, other: str) -> Fraction:
    ours, theirs = shingles(one), shingles(other)
    return Fraction(len(ours & theirs), len(ours | theirs)) if ours | theirs else Fraction(0)


def slow_near_groups(texts: list[str], groups: list[int]) -> NDArray[np.int64]:
    links = DisjointSets(len(texts))
    for row in range(len(texts)):
        for other in range(row):
            if groups[row] == groups[other] or jaccard(texts[row], texts[other]) >= NEAR_JACCARD:
                links.join(row, other)
    return links.names()


def partition(groups: NDArray[np.int64] | list[int]) -> list[int]:
    """The first row of each row's group."""
    listed = list(groups)
    return [listed.index(group) for group in listed]


def alone(texts: list[str]) -> NDArray[np.int64]:
    return np.arange(len(texts))


SENTENCE = words("The quick brown fox jumps over the lazy dog and runs into the deep dark wood.")


@st.composite
def edited_texts(draw: st.DrawFn) -> list[str]:
    """Copies of a few sentences with words left out, replaced or added: many pairs about the threshold."""
    texts = []
    for _ in range(draw(st.integers(1, 12))):
        read = SENTENCE * draw(st.integers(1, 3))
        start = draw(st.integers(0, 6))
        read = read[start : len(read) - draw(st.integers(0, 4))]
        for _ in range(draw(st.integers(0, 3))):
            read[draw(st.integers(0, len(read) - 1))] = draw(st.sampled_from(["a", "b", "fox"]))
        texts.append(" ".join(read))
    return texts


@settings(deadline=None)
@given(edited_texts())
def test_groups_are_those_of_comparing_every_pair(texts: list[str]) -> None:
    groups = near_groups(texts, alone(texts))
    assert partition(groups) == partition(slow_near_groups(texts, list(range(len(texts)))))


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), min_size=1, max_size=12), st.data()
)
def test_groups_given_are_merged_never_parted(texts: list[str], data: st.DataObject) -> None:
    given_groups = data.draw(st.lists(st.integers(0, 5), min_size=len(texts), max_size=len(texts)))
    groups = near_groups(texts, np.array(given_groups))
    assert partition(groups) == partition(slow_near_groups(texts, given_groups))


@settings(deadline=None)
@given(edited_texts(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_plays_no_part(texts: list[str], order: random.Random) -> None:
    shuffled = list(range(len(texts)))
    order.shuffle(shuffled)
    # The groups are numbered by their texts, as group_rows numbers them.
    content = np.unique(np.array(texts), return_inverse=True)[1]
    groups = near_groups(texts, content)
    assert (
        near_groups([texts[row] for row in shuffled], content[shuffled]).tolist() == groups[shuffled].tolist()
    )


def test_numbers_are_without_gaps_and_in_the_old_order() -> None:
    near = "one two three four five six seven"
    texts = [near, "something else entirely", near + " eight", "and one more text"]
    assert near_groups(texts, np.array([70, 30, 10, 90])).tolist() == [0, 1, 0, 2]


def test_a_word_added_to_a_short_text_is_near_and_a_word_replaced_is_not() -> None:
    text = "happy mothers day to all you wonderful moms"
    assert partition(near_groups([text, text + " !!! today"], np.arange(2))) == [0, 0]
    assert partition(near_groups([text, text.replace("all", "both")], np.arange(2))) == [0, 1]


def test_texts_of_fewer_words_than_a_shingle_are_left_to_group_rows() -> None:
    assert near_groups(["so good", "so good!", "", ""], np.arange(4)).tolist() == [0, 1, 2, 3]


def test_short_greetings_do_not_chain_into_one_group() -> None:
    endings = ["to all", "to all the moms", "mom", "everyone", "to my mom", "from me", "and good night"]
    texts = [f"happy mothers day {ending}" for ending in endings]
    assert len(set(near_groups(texts, alone(texts)).tolist())) == len(texts)


def test_no_rows_have_no_groups() -> None:
    assert near_groups([], np.zeros(0, dtype=np.int64)).tolist() == []


def boilerplate_rows(rows: int, own_words: list[int]) -> list[str]:
    shared = " ".join(f"shared{i}" for i in range(60))
    return [
        " ".join(f"own{row}x{i}" for i in range(own_words[row % len(own_words)])) + " " + shared
        for row in range(rows)
    ]


def test_many_rows_from_one_form_letter_are_one_group() -> None:
    texts = boilerplate_rows(CLOSE + 500, [1, 2, 3, 4, 5, 6])
    assert set(near_groups(texts, alone(texts)).tolist()) == {0}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_rows_with_enough_words_of_their_own_stay_apart_among_many(seed: int) -> None:
    own_words = random.Random(seed).choices([2, 5, 9, 14, 20], k=40)
    texts = boilerplate_rows(40, own_words)
    expected = slow_near_groups(texts, list(range(40)))
    assert partition(near_groups(texts, alone(texts))) == partition(expected)
    assert len(set(expected.tolist())) > 1
