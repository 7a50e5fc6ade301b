"""Ends of rows scored in batches; the scores themselves are checked where texts are scored."""

import numpy as np
import pytest

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
