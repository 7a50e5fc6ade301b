from collections import Counter
from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finetable.inference.example_choice import at_random, balanced, most_alike

ANSWERS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=40)


@given(rows=st.integers(0, 50), k=st.integers(0, 60), seed=st.integers(0, 5))
def test_random_rows_are_distinct_and_more_begin_with_the_same(rows: int, k: int, seed: int) -> None:
    found = at_random(rows, k, seed).tolist()
    assert len(found) == len(set(found)) == min(k, rows)
    assert set(found) <= set(range(rows))
    assert at_random(rows, k + 3, seed).tolist()[: len(found)] == found


@given(answers=ANSWERS, k=st.integers(0, 45), seed=st.integers(0, 5))
def test_balanced_rows_differ_by_one_at_most(answers: list[str], k: int, seed: int) -> None:
    found = balanced(answers, k, seed).tolist()
    assert len(found) == len(set(found)) == min(k, len(answers))
    counts = Counter(answers[row] for row in found)
    rows = Counter(answers)
    most = max(counts.values(), default=0)
    assert all(counts[label] >= min(most - 1, rows[label]) for label in rows)
    assert balanced(answers, k + 2, seed).tolist()[: len(found)] == found


def test_seeds_draw_other_rows() -> None:
    answers = ["a", "b"] * 50
    for draw in (partial(at_random, 100, 8), partial(balanced, answers, 8)):
        assert len({tuple(draw(seed).tolist()) for seed in range(5)}) == 5


@given(
    similarity=st.integers(1, 12).flatmap(
        lambda rows: st.lists(
            st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.5 + 1e-9, 1.0]), min_size=rows, max_size=rows),
            min_size=1,
            max_size=4,
        )
    ),
    k=st.integers(0, 14),
)
def test_the_most_alike_equal_a_plain_sort(similarity: list[list[float]], k: int) -> None:
    slow = [
        sorted(range(len(row)), key=lambda place, row=row: (-round(row[place], 6), place))[:k]  # type: ignore[misc]
        for row in similarity
    ]
    assert most_alike(np.array(similarity), k).tolist() == slow
