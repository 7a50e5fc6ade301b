"""Copied words are marked in both texts, and nothing of a text is lost by it."""

from hypothesis import given
from hypothesis import strategies as st

from finetable.data.copies import CopyIndex
from finetable.data.folding import words
from finetable.reporting.marked import MOST_CHARACTERS, Piece, copied_pair, marked, place_of

TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(
        ["The", "fox,", "don’t", "½", "ﬁne", "\u00a0", " ", "\n", "Ⅳ", "東京", "e\u0301", "-", "“Sea”"]
    ),
    max_size=20,
).map(" ".join)


@given(text=TEXTS, start=st.integers(0, 12), count=st.integers(0, 12))
def test_the_pieces_are_the_text_and_hold_the_words_asked_for(text: str, start: int, count: int) -> None:
    pieces = marked(text, start, count)
    assert "".join(piece.text for piece in pieces) == text
    inside = [word for piece in pieces if piece.marked for word in words(piece.text)]
    wanted = words(text)[start : start + count]
    if all(len(words(token)) <= 1 for token in text.split()):
        assert inside == wanted
    else:  # a stretch without a blank is marked whole
        assert set(wanted) <= set(inside)


def test_a_run_is_marked_in_what_was_written_and_where_it_comes_from() -> None:
    source = "An old man: he walks the dog (by the sea) every day."
    written = "Two friends — He walks the DOG, by the sea; alone."
    copy = CopyIndex.build(["Nothing alike here at all.", source]).look_up([written])[0]
    pair = copied_pair(written, source, copy, line=7)
    assert (pair.copied_words, pair.line) == (7, 7)
    assert pair.written[1] == Piece("He walks the DOG, by the sea;", marked=True)
    assert pair.source[1] == Piece("he walks the dog (by the sea)", marked=True)
    assert [piece.marked for piece in pair.written] == [False, True, False]


def test_where_a_run_stands() -> None:
    text = ["a", "b", "a", "b", "c"]
    assert place_of(text, ["a", "b", "c"]) == 2
    assert place_of(text, ["c"]) == 4
    assert place_of(text, ["x"]) == 0


def test_a_long_text_is_cut_around_what_is_marked_and_says_so() -> None:
    text = "before " * 500 + "the very words " + "after " * 500
    pieces = marked(text, 500, 3)
    shown = "".join(piece.text for piece in pieces)
    assert len(shown) < MOST_CHARACTERS + 50
    assert shown.startswith(" … ")
    assert shown.endswith(" … ")
    assert [piece.text for piece in pieces if piece.marked] == ["the very words"]
