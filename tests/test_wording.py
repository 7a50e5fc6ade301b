"""Numbers as a person says them."""

import pytest

from finetable.wording import duration, printable, some


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h")]
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
