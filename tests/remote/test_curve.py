"""Curves in a line of text."""

from finetable.remote.curve import BARS, sparkline


def test_a_curve_has_a_bar_for_each_value_or_for_the_mean_of_some() -> None:
    assert sparkline([]) == ""
    assert sparkline([3.0]) == BARS[0]
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BARS
    assert sparkline([0, 0, 7, 7, 3, 4], width=3) == BARS[0] + BARS[7] + BARS[4]
