import random
import time
from collections import Counter
from math import exp, log, prod, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.folding import words
from finetable.evaluation import diversity
from finetable.evaluation.diversity import WordUse, distinct_n, self_bleu, telling_words, word_count

few_words = st.lists(st.sampled_from(["a", "B", "c,", "it's"]), max_size=9).map(" ".join)
sets_of_texts = st.lists(few_words, max_size=6)


def slow_grams(text: str, n: int) -> list[str]:
    read = words(text)
    return [" ".join(read[i : i + n]) for i in range(len(read) - n + 1)]


def slow_bleu(text: str, others: list[str]) -> float:
    """BLEU-4 with method 1 of Chen and Cherry, word for word from the papers."""
    length = len(words(text))
    precisions = []
    for n in range(1, min(4, length) + 1):
        grams = slow_grams(text, n)
        clipped = sum(
            min(grams.count(gram), max(slow_grams(other, n).count(gram) for other in others))
            for gram in set(grams)
        )
        precisions.append((clipped if clipped else 0.1) / len(grams))
    lengths = sorted(len(words(other)) for other in others)
    nearest = min(lengths, key=lambda other: abs(other - length))
    penalty = 1.0 if length > nearest else exp(1 - nearest / length)
    return float(prod(precisions) ** (1 / len(precisions)) * penalty)


def slow_z(word: str, written: list[str], real: list[str]) -> float:
    mine, theirs = words(" ".join(written)), words(" ".join(real))
    both = mine + theirs
    prior = diversity.PRIOR_WORDS * both.count(word) / len(both)
    rest = diversity.PRIOR_WORDS - prior
    y, x = mine.count(word), theirs.count(word)
    difference = log((y + prior) / (len(mine) - y + rest)) - log((x + prior) / (len(theirs) - x + rest))
    return difference / sqrt(1 / (y + prior) + 1 / (x + prior))


@given(sets_of_texts, st.integers(1, 4))
def test_distinct_n_is_distinct_over_all(texts: list[str], n: int) -> None:
    grams = [gram for text in texts for gram in slow_grams(text, n)]
    assert distinct_n(texts, n) == (len(set(grams)) / len(grams) if grams else 0.0)


def test_distinct_n_by_hand() -> None:
    texts = ["The cat. The CAT!", "the cat"]
    assert distinct_n(texts, 1) == 2 / 6
    assert distinct_n(texts, 2) == 2 / 4
    assert distinct_n(texts, 5) == 0.0
    assert distinct_n([], 1) == 0.0


@given(sets_of_texts, st.integers(1, 3), st.integers(0, 30))
def test_only_the_first_words_are_read(texts: list[str], n: int, most_words: int) -> None:
    kept, left = [], most_words
    for text in texts:
        kept.append(" ".join(words(text)[:left]))
        left -= len(words(kept[-1]))
    assert word_count(kept) == min(most_words, word_count(texts))
    assert distinct_n(texts, n, most_words) == distinct_n(kept, n)


def test_equal_amounts_make_sets_of_different_size_comparable() -> None:
    draw = random.Random(5)
    texts = [" ".join(draw.choices([f"w{i}" for i in range(200)], k=50)) for _ in range(400)]
    few, many = texts[:20], texts[20:]
    assert distinct_n(few, 1) > 5 * distinct_n(many, 1)
    amount = min(word_count(few), word_count(many))
    assert distinct_n(few, 1, amount) == pytest.approx(distinct_n(many, 1, amount), rel=0.1)


@settings(deadline=None)
@given(sets_of_texts)
def test_self_bleu_is_that_of_comparing_every_pair(texts: list[str]) -> None:
    read = [text for text in texts if words(text)]
    others = [read[:i] + read[i + 1 :] for i in range(len(read))]
    bleus = [slow_bleu(text, rest) for text, rest in zip(read, others, strict=True) if rest]
    assert self_bleu(texts) == pytest.approx(sum(bleus) / len(bleus) if bleus else 0.0)


def test_self_bleu_at_its_ends() -> None:
    assert self_bleu(["One two three four five"] * 7) == 1.0
    assert self_bleu(["so short"] * 2) == 1.0
    assert self_bleu([]) == self_bleu(["just one text"]) == self_bleu(["one text", "?"]) == 0.0
    different = [" ".join(f"w{text}x{word}" for word in range(30)) for text in range(10)]
    assert self_bleu(different) < 0.01


def test_a_text_is_held_against_the_others_only() -> None:
    # Of "a a a", one "a" is shared with "a b": 1/3, no pair: 0.1/2, no triple: 0.1; it is not shorter.
    # Of "a b", one word of two is shared and no pair; "a a a" is longer by one.
    first = (1 / 3 * 0.1 / 2 * 0.1) ** (1 / 3)
    second = (1 / 2 * 0.1) ** (1 / 2) * exp(1 - 3 / 2)
    assert self_bleu(["a a a", "a b"]) == pytest.approx((first + second) / 2)


def test_only_the_first_texts_are_compared() -> None:
    texts = ["one two three four", "one two three five", "six seven", "six seven"]
    assert self_bleu(texts, most=2) == self_bleu(texts[:2]) != self_bleu(texts)


def test_a_hundred_texts_of_two_hundred_words_take_less_than_two_seconds() -> None:
    draw = random.Random(3)
    texts = [" ".join(draw.choices([f"w{i}" for i in range(2000)], k=200)) for _ in range(100)]
    before = time.process_time()
    self_bleu(texts)
    assert time.process_time() - before < 2


@settings(deadline=None)
@given(st.lists(few_words, max_size=4), st.lists(few_words, max_size=4), st.integers(1, 60))
def test_telling_words_are_those_of_the_formula(written: list[str], real: list[str], times: int) -> None:
    written = written * times
    over, under = telling_words(written, real)
    mine, theirs = Counter(words(" ".join(written))), Counter(words(" ".join(real)))
    both = sorted(mine + theirs)
    is_comparable = bool(mine and theirs and len(both) > 1)
    z = {word: slow_z(word, written, real) for word in both} if is_comparable else {}
    assert {use.word for use in over} == {word for word in z if z[word] >= diversity.TELLING_Z}
    assert {use.word for use in under} == {word for word in z if z[word] <= -diversity.TELLING_Z}
    for use in over + under:
        assert (use.written, use.real) == (mine[use.word], theirs[use.word])
        assert use.z == pytest.approx(z[use.word])
    assert [use.z for use in over] == sorted((use.z for use in over), reverse=True)
    assert [use.z for use in under] == sorted(use.z for use in under)


def test_the_most_telling_words_stand_first() -> None:
    written = ["the film is very very good"] * 40
    real = ["the film is good but strange"] * 40
    over, under = telling_words(written, real)
    assert [use.word for use in over] == ["very"]
    assert [use.word for use in under] == ["but", "strange"]
    assert over == [WordUse(word="very", written=80, real=0, z=over[0].z)]
    assert over[0].z == pytest.approx(slow_z("very", written, real))
    assert under[0].z == pytest.approx(slow_z("but", written, real))
    assert [use.word for use in telling_words(written, real, most=1)[1]] == ["but"]
    assert telling_words(written, real, most=0) == ([], [])
    assert telling_words(real, written)[0][1].word == "strange"


def test_nothing_tells_equal_sets_apart() -> None:
    texts = ["the film is good", "a film"] * 50
    assert telling_words(texts, texts) == ([], [])
    assert telling_words(texts * 20, texts) == ([], [])
    assert telling_words([], texts) == telling_words(texts, ["?"]) == ([], [])
    assert telling_words(["film"], ["film film"]) == ([], [])


def test_a_rare_word_tells_less_than_a_frequent_one() -> None:
    filler = ["plain words stand here"] * 500
    written = [*filler, *["often"] * 60, "rare", "rare"]
    over, _ = telling_words(written, filler)
    assert [use.word for use in over] == ["often"]
