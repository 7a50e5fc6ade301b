"""Numbers as a person says them."""

import pytest

from finetable.wording import duration, some


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_first_of_some_lines_in_order() -> None:
    assert some([9, 2, 5], 3) == "2, 5, 9"
    assert some((line for line in (9, 2, 5, 7)), 3) == "2, 5, 7, …"
