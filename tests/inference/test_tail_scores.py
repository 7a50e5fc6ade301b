"""Ends of rows scored in batches; the scores themselves are checked where texts are scored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.inference import tail_scores


@pytest.mark.parametrize("most", [1, 3, 64])
def test_rows_are_scored_in_batches_of_few_rows_and_few_tokens(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_scores, "TOKENS_AT_ONCE", 20)
    lengths = np.array([9, 4, 30, 5, 4, 1, 21, 4])
    batches = list(tail_scores._batches(lengths, most))
    assert np.concatenate(batches).tolist() == np.argsort(lengths, kind="stable").tolist()
    assert all(len(batch) <= most for batch in batches)
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= 20 for batch in batches)
    assert list(tail_scores._batches(np.zeros(0, np.int64), most)) == []


@given(st.integers(2, 200), st.integers(1, 200), st.integers(2, 40))
def test_windows_hold_every_new_id_once_and_are_no_longer_than_allowed(
    length: int, start: int, most: int
) -> None:
    start = min(start, length - 1)
    found = list(tail_scores.windows(length, start, most))
    assert [place for begin, new, end in found for place in range(new, end)] == list(range(start, length))
    assert all(0 <= begin < new < end <= begin + most for begin, new, end in found)
    if length <= most:
        assert found == [(0, start, length)]
    assert all(new - begin == most // 2 for begin, new, _ in found[1:])
