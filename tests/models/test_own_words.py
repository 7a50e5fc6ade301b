"""The words that the shipped base learns from a table, against the slow way to learn and to spell them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from finetable.models import own_words
from finetable.models.base_model import embedding_of
from finetable.models.own_words import Pair, give_rows, learn_merges, with_own_words
from finetable.models.scratch import build_scratch, finished_tokenizer, train_tokenizer

OLD = ("an old man and the sea", "the sea and the man", "one man") * 20
NEW = ("LOL that was sooo good", "lol so good", "that was sooo bad, lol") * 30

VARIED = [
    f"{first}{second}" for first in ("over", "under", "out", "with", "away") for second in NEW[0].split() * 50
]


def merged(tokens: Sequence[str], pair: Pair) -> tuple[str, ...]:
    found: list[str] = []
    for token in tokens:
        found.append(token)
        if tuple(found[-2:]) == pair and len(found) > 1:
            found[-2:] = ["".join(pair)]
    return tuple(found)


def slow_merges(words: Mapping[Sequence[str], int], most: int, fewest: int) -> list[Pair]:
    """All pairs are counted anew for each merge."""
    known = [(tuple(tokens), times) for tokens, times in words.items()]
    merges: list[Pair] = []
    while len(merges) < most:
        met: Counter[Pair] = Counter()
        for tokens, times in known:
            for pair in pairwise(tokens):
                met[pair] += times
        often = [pair for pair in met if met[pair] >= fewest]
        if not often:
            break
        merges.append(min(often, key=lambda pair: (-met[pair], pair)))
        known = [(merged(tokens, merges[-1]), times) for tokens, times in known]
    return merges


WORDS = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=8).map(tuple), st.integers(1, 9), max_size=8
)


@given(words=WORDS, most=st.integers(0, 12), fewest=st.integers(1, 12))
def test_merges_are_those_that_counting_everything_anew_finds(
    words: Mapping[Sequence[str], int], most: int, fewest: int
) -> None:
    assert learn_merges(words, most, fewest) == slow_merges(words, most, fewest)


def test_frequent_words_become_one_token_and_old_ones_are_spelled_as_before() -> None:
    old = train_tokenizer(lambda: OLD, "tiny")
    new = with_own_words(old, lambda: NEW * 9, fold_case=False)
    assert [len(old.encode(" sooo")), len(new.encode(" sooo"))] == [5, 1]
    assert new.encode("an old man and the sea") == old.encode("an old man and the sea")
    assert new.get_vocab().items() >= old.get_vocab().items()
    assert sorted(new.get_vocab().values()) == list(range(len(new)))
    for name in ("bos_token", "eos_token", "pad_token", "extra_special_tokens"):
        assert getattr(new, name) == getattr(old, name)


@given(text=st.text())
def test_every_text_survives_and_takes_no_more_tokens_than_before(text: str) -> None:
    old = train_tokenizer(lambda: OLD, "tiny").backend_tokenizer
    new = with_own_words(train_tokenizer(lambda: OLD, "tiny"), lambda: NEW, fold_case=False).backend_tokenizer
    old.encode_special_tokens = new.encode_special_tokens = True
    assert new.decode(new.encode(text).ids, skip_special_tokens=False) == text
    assert len(new.encode(text).ids) <= len(old.encode(text).ids)


def test_case_is_folded_where_that_is_asked_for() -> None:
    old = train_tokenizer(lambda: OLD, "tiny")
    kept, folded = (with_own_words(old, lambda: NEW, fold_case) for fold_case in (False, True))
    assert kept.encode("LOL") != kept.encode("lol")
    assert folded.encode("LOL") == folded.encode("lol")
    assert folded.decode(folded.encode("LOL")) == "lol"


def test_rare_words_and_words_of_little_text_are_not_learnt() -> None:
    old = train_tokenizer(lambda: OLD, "tiny")
    assert len(with_own_words(old, lambda: ["zebra"] * 9, fold_case=False)) == len(old), "met nine times"
    assert len(with_own_words(old, lambda: ["zebra"] * 29, fold_case=False)) == len(old), "145 characters"
    assert len(with_own_words(old, lambda: ["zebra"] * 30, fold_case=False)) == len(old) + 1
    assert len(with_own_words(old, list[str], fold_case=False)) == len(old)


def test_of_a_large_table_texts_spread_over_it_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_words, "MOST_CHARACTERS", 3_000)
    old = train_tokenizer(lambda: OLD, "tiny")
    # 9,000 characters: every third text is read.
    new = with_own_words(old, lambda: ["zebra", "yucca", "vodka"] * 600, fold_case=False)
    assert {"zebra", "yucca", "vodka"} & set(new.get_vocab()) == {"zebra"}
    new = with_own_words(old, lambda: ["zebra", "yucca", "vodka", "x"] * 450, fold_case=False)
    assert {"zebra", "yucca", "vodka"} <= set(new.get_vocab())


def test_a_new_token_begins_as_the_mean_of_its_parts() -> None:
    old = train_tokenizer(lambda: OLD, "tiny")
    base = build_scratch("tiny", old, seed=0)
    before = embedding_of(base.network).weight.detach().clone()
    new = with_own_words(old, lambda: VARIED, fold_case=False)
    assert len(new) > len(before), "else no row would be new"
    give_rows(base.network, new, known=len(old))
    after = embedding_of(base.network).weight
    assert after.shape == (len(new), before.shape[1])
    assert torch.equal(after[: len(old)], before[: len(old)])
    assert base.network.get_output_embeddings().weight is after, "the head stays tied"
    vocabulary = new.get_vocab()
    merges = json.loads(new.backend_tokenizer.to_str())["model"]["merges"][old.vocab_size - len(new) :]
    for left, right in merges:
        rows = [after[vocabulary[part]] for part in (left, right, left + right)]
        torch.testing.assert_close(rows[2], (rows[0] + rows[1]) / 2)


def test_a_token_that_two_merges_make_begins_as_the_mean_of_the_older_parts() -> None:
    old = train_tokenizer(lambda: OLD, "tiny")
    state = json.loads(old.backend_tokenizer.to_str())
    merges = [["x", "y"], ["xy", "z"], ["y", "z"], ["x", "yz"]]
    for left, right in merges:
        state["model"]["vocab"].setdefault(left + right, len(state["model"]["vocab"]))
        state["model"]["merges"].append([left, right])
    new = finished_tokenizer(Tokenizer.from_str(json.dumps(state)))
    base = build_scratch("tiny", old, seed=0)
    give_rows(base.network, new, known=len(old))
    rows, vocabulary = embedding_of(base.network).weight, new.get_vocab()
    torch.testing.assert_close(rows[vocabulary["xyz"]], (rows[vocabulary["xy"]] + rows[vocabulary["z"]]) / 2)
