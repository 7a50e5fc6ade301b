from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from finetable.inference.stop_texts import StopTexts

FEW_LETTERS = st.text("ab\n", max_size=12)
STOPS = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=4)


def slowly_cut(text: str, stops: list[str]) -> tuple[str, bool]:
    """Character by character; as soon as stop texts stand at the end, the longest of these is taken off."""
    for end in range(len(text) + 1):
        met = [stop for stop in stops if text[:end].endswith(stop)]
        if met:
            return text[: end - max(map(len, met))], True
    return text, False


def slowly_certain(text: str, stops: list[str]) -> str:
    """Without the longest end of the text with which a stop text begins."""
    for start in range(len(text)):
        if any(stop.startswith(text[start:]) for stop in stops):
            return text[:start]
    return text


@given(pieces=st.lists(FEW_LETTERS, max_size=8), stops=STOPS)
@example(pieces=["a", "b"], stops=["ab"])
@example(pieces=["ab", "a", "bb"], stops=["abab", "abb"])
@example(pieces=["aab", "b"], stops=["ab\n", "b"])
def test_texts_are_cut_and_held_back_as_in_the_slow_way(pieces: list[str], stops: list[str]) -> None:
    watch, given_out, read, stopped = StopTexts(stops), "", "", False
    for piece in pieces:
        text, stopped = watch.feed(piece)
        given_out, read = given_out + text, read + piece
        assert stopped == slowly_cut(read, stops)[1]
        if stopped:
            assert given_out == slowly_cut(read, stops)[0]
            break
        assert given_out == slowly_certain(read, stops)
    rest = watch.rest()
    assert (given_out + rest, stopped) == slowly_cut(read, stops)
    assert not stopped or not rest


@given(text=FEW_LETTERS, cuts=st.lists(st.integers(0, 12)), stops=STOPS)
def test_where_a_text_is_cut_does_not_depend_on_its_pieces(
    text: str, cuts: list[int], stops: list[str]
) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    watch, given_out = StopTexts(stops), ""
    for first, last in pairwise(places):
        more, stopped = watch.feed(text[first:last])
        given_out += more
        if stopped:
            break
    assert given_out + watch.rest() == slowly_cut(text, stops)[0]


def test_nothing_is_held_back_without_stop_texts() -> None:
    watch = StopTexts([])
    assert watch.feed("any") == ("any", False)
    assert watch.rest() == ""


def test_stop_texts_of_any_letters() -> None:
    watch = StopTexts(["映画", "🎬🎬"])
    assert watch.feed("a film 🎬") == ("a film ", False)
    assert watch.feed("é映") == ("🎬é", False)
    assert watch.feed("画🎬🎬") == ("", True)
