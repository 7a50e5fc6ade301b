import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetable.data.folding import WordNumbers, fold, number_words, text_hash, words

ascii_texts = st.text(st.characters(max_codepoint=127))


def is_mark(character: str) -> bool:
    """Of the first plane, but for what chooses the look of an emoji."""
    if ord(character) > 0xFFFF or 0xFE00 <= ord(character) <= 0xFE0F:
        return False
    return unicodedata.category(character) in ("Mn", "Mc")


def slow_fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text.replace("\u02bc", "'"))
    folded = unicodedata.normalize("NFKC", folded.casefold())
    kept = ""
    belongs = True  # whether a mark has its letter before it
    for character in folded:
        if character.isalnum():
            belongs = True
        elif not is_mark(character):
            belongs = False
        if belongs:
            kept += character
    return kept or text.strip()


@settings(deadline=None)
@given(st.one_of(st.text(), ascii_texts))
@example("_a_")
@example(" :-) ")
@example("Straße")
@example("п\u02bcять")
def test_fold_keeps_letters_with_marks_and_digits_only(text: str) -> None:
    assert fold(text) == slow_fold(text)


@settings(deadline=None)
@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Happy Mother`s Day!", "happy mothers day"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("STRASSE", "Straße"),
        ("Caf\u00e9", "cafe\u0301"),
        (" \u2764 ", "\u2764"),
    ],
)
def test_equal_texts_have_one_hash(one: str, other: str) -> None:
    assert text_hash(one) == text_hash(other)


def test_texts_without_letters_differ_from_each_other_and_from_nothing() -> None:
    assert len({fold(":-)"), fold(":-("), fold("")}) == 3


def test_the_hash_never_changes_because_model_folders_hold_it() -> None:
    assert text_hash("A film, about café owners.") == "040253e47dcb2d23"
    assert text_hash("") == "e4a6a0577479b2b4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's DON\u2019T it`s", ["it's", "don't", "it's"]),
        ("'quoted' and rock'n'roll'", ["quoted", "and", "rock'n'roll"]),
        ("snake_case, e-mail; 3.5", ["snake", "case", "e", "mail", "3", "5"]),
        ("na\u00efve \ufb01ne \u2014 Stra\u00dfe", ["na\u00efve", "fine", "strasse"]),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902",
            ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u092e\u0947\u0902"],
        ),
        ("\u6211\u7231you2", ["\u6211", "\u7231", "you2"]),
        ("\u0e17\u0e35\u0e48", ["\u0e17\u0e35\u0e48"]),
        ("\u2764\ufe0f 1\ufe0f\u20e3", ["1"]),
        (" \u2026 ", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@settings(deadline=None)
@given(ascii_texts)
def test_plain_letters_are_read_the_same_beside_others(text: str) -> None:
    assert words(text + " \u00e9") == [*words(text), "\u00e9"]


@settings(deadline=None)
@given(st.text())
@example("п\u02bcять")
def test_words_hold_letters_and_digits_in_the_order_of_the_text(text: str) -> None:
    joined = "".join(character for word in words(text) for character in word if character.isalnum())
    assert joined == fold(text) or not joined


@settings(deadline=None)
@given(st.lists(st.text("ab ", max_size=8)))
def test_numbers_stand_for_words_and_texts_stay_apart(texts: list[str]) -> None:
    numbers = WordNumbers()
    ids, starts = number_words(iter(texts), numbers.__getitem__)
    by_number = list(numbers)
    assert [numbers[word] for word in by_number] == list(range(len(by_number)))
    read = [[by_number[i] for i in ids[start:end]] for start, end in pairwise(starts)]
    assert read == [words(text) for text in texts]
    assert ids.dtype == np.int32
