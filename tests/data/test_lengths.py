import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.lengths import Lengths


def lengths(values: list[int], missing: int = 0, limit: int | None = None) -> Lengths:
    return Lengths("synopsis", "tokens", np.array(values, np.int64), missing, len(values), limit)


def test_the_figures_of_known_lengths() -> None:
    figures = lengths([1, 2, 3, 4, 100], missing=5, limit=4).figures()
    assert figures["mean"] == 22
    assert figures["sd"] == pytest.approx(39.01281840626232)
    assert (figures["min"], figures["p25"], figures["median"], figures["p75"], figures["max"]) == (
        1,
        2,
        3,
        4,
        100,
    )
    assert figures["p1"] == pytest.approx(1.04)
    assert figures["p99"] == pytest.approx(96.16)
    assert (figures["n"], figures["missing"], figures["missing_share"]) == (5, 5, 0.5)
    assert (figures["column"], figures["unit"], figures["limit"]) == ("synopsis", "tokens", 4)


def test_a_text_of_just_the_limit_is_not_over_it() -> None:
    assert lengths([3, 4, 5, 6], limit=4).over_limit == 2
    assert lengths([3, 4, 5, 6]).over_limit == 0


def test_a_column_without_any_text_has_no_mean() -> None:
    figures = lengths([], missing=3).figures()
    assert figures["n"] == 0
    assert figures["missing_share"] == 1
    assert "mean" not in figures
    assert lengths([]).figures()["missing_share"] == 0


@given(st.lists(st.integers(0, 10_000), max_size=30), st.integers(0, 9), st.none() | st.integers(0, 10_000))
def test_figures_are_plain_numbers_and_in_order(values: list[int], missing: int, limit: int | None) -> None:
    measured = lengths(values, missing, limit)
    figures = json.loads(json.dumps(measured.figures()))
    assert figures["over_limit"] == sum(limit is not None and value > limit for value in values)
    if values:
        marks = [figures[name] for name in ("min", "p1", "p25", "median", "p75", "p99", "max")]
        assert marks == sorted(marks)
