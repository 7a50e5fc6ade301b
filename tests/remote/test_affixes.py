"""Affixes: what counts as a separator or an ending, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.remote.affixes import (
    LAST_ENDING,
    LAST_SEPARATOR,
    common_prefix,
    common_suffix,
    ending_of,
    new_ending,
    new_separator,
    separator_of,
    whole_words_prefix,
)

TEXTS = st.lists(st.text("ab \n.->#END[]*", max_size=12), min_size=1, max_size=6)


def grown_prefix(texts: list[str]) -> str:
    """The slow way of the old tool: one character at a time while all agree."""
    shared = ""
    while len(shared) < min(map(len, texts)):
        grown = texts[0][: len(shared) + 1]
        if not all(text.startswith(grown) for text in texts):
            break
        shared = grown
    return shared


@given(TEXTS)
def test_affixes_are_those_that_grow_one_character_at_a_time(texts: list[str]) -> None:
    assert common_prefix(texts) == grown_prefix(texts)
    assert common_suffix(texts) == grown_prefix([text[::-1] for text in texts])[::-1]


@given(TEXTS)
def test_what_is_added_is_found_again_and_alone(texts: list[str]) -> None:
    separator, ending = new_separator(texts), new_ending(texts)
    assert separator == LAST_SEPARATOR or not any(separator in text for text in texts)
    assert ending == LAST_ENDING or not any(ending in text for text in texts)
    assert separator_of([text + separator for text in texts]) == separator
    assert ending_of([text + ending for text in texts]) == ending


@pytest.mark.parametrize(
    ("prompts", "found"),
    [
        (["who?", "what?"], ""),
        (["one is here", "two is here"], ""),
        (["C# is", "F# is"], ""),
        (["costs 5%", "costs 9%"], ""),
        (["a ->", "b ->"], " ->"),
        (["a? ->", "b? ->"], " ->"),
        (["a\n\n###\n\n", "b\n\n###\n\n"], "\n\n###\n\n"),
        (["a\n\nIntent:", "b\n\nIntent:"], "\n\nIntent:"),
        (["is it =>", "was it =>"], " =>"),
        (["a", "b"], ""),
    ],
)
def test_a_separator_is_a_mark_and_no_last_words(prompts: list[str], found: str) -> None:
    assert separator_of(prompts) == found


@pytest.mark.parametrize(
    ("completions", "found"),
    [
        (["0 is here", "1 is here"], ""),
        (["Yes. No.", "No."], ""),
        (["Yes.", "No."], "."),
        (["yes END", "no END"], " END"),
        (["yes END END", "no END"], ""),
        (["yes [END]", "no [END]"], " [END]"),
        (["yes\n", "no\n"], "\n"),
        (["yes***", "no***"], "***"),
    ],
)
def test_an_ending_is_a_mark_or_stands_nowhere_else(completions: list[str], found: str) -> None:
    assert ending_of(completions) == found


def test_a_prefix_is_never_cut_within_a_word() -> None:
    assert whole_words_prefix(["internal", "interest"]) == ""
    assert whole_words_prefix(["Answer number 10", "Answer number 11"]) == "Answer number "
