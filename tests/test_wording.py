"""Numbers as a person says them."""

import pytest

from finetable.wording import counted, did_you_mean, duration, memory, printable, quoted, some, within


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.2, "1 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_first_of_some_lines_in_order() -> None:
    assert some([9, 2, 5], 3) == "2, 5, 9"
    assert some((line for line in (9, 2, 5, 7)), 3) == "2, 5, 7, …"


def test_what_a_terminal_or_a_page_would_obey_is_taken_out() -> None:
    assert printable(" \u202eabc\u2066 \x00 d\n\te\ud800 \uffff") == "abc d e"
    assert printable("\x1b[31mred\x1b[0m") == "[31mred[0m"
    assert printable(" \n") == "(blank)"


def test_one_thing_is_no_things() -> None:
    assert (counted(1, "row"), counted(0, "row"), counted(2000, "row")) == ("1 row", "0 rows", "2,000 rows")


@pytest.mark.parametrize(("size", "said"), [(2_340_000_000, "2.3 GB"), (34_200_000, "34 MB"), (12, "1 MB")])
def test_memory_is_never_nothing(size: int, said: str) -> None:
    assert memory(size) == said


def test_long_names_keep_their_ends() -> None:
    assert within("a name", 6) == "a name"
    assert within("a" * 100 + "wxyz", 9) == "aaaa…wxyz"
    assert len(within("b" * 200, 40)) == 40
    assert quoted(["a, b", " c ", "d"], 2) == "'a, b', ' c ' and 1 more"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("epoks", " Did you mean epochs?"),
        ("PLOT", " Did you mean Plot?"),
        ("plot", " Did you mean Plot?"),
        ("patient", " Did you mean patience?"),
        ("genre", ""),
    ],
)
def test_the_nearest_name_in_its_own_capitals(name: str, said: str) -> None:
    assert did_you_mean(name, ["patience", "epochs", "Plot"]) == said


def test_how_near_a_name_must_be_and_how_it_is_shown() -> None:
    assert did_you_mean("tf", ["tfidf"], cutoff=0.6) == ""
    assert did_you_mean("tf", ["tfidf"], cutoff=0.4) == " Did you mean tfidf?"
    assert did_you_mean("plots", [" plot "], shown=repr) == " Did you mean ' plot '?"
    assert did_you_mean("plot", []) == ""
