from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from finetable.inference import neighbours
from finetable.inference.neighbours import by_vectors, by_words

TEXTS = [
    "a ship sails home",
    "a ghost in the mirror",
    "two friends sail to the island",
    "a ghost in the mirror",
    "the police hunt a thief",
]


@pytest.mark.parametrize("at_once", [1, 4_000_000])
def test_rows_that_share_rare_words_come_first_and_equal_ones_in_order(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(neighbours, "SIMILARITIES_AT_ONCE", at_once)
    found = by_words(TEXTS).nearest(["the ghost", "police and thief", "nothing known"], 3)
    assert found[0, :2].tolist() == [1, 3]
    assert found[1, 0] == 4
    assert found[2].tolist() == [0, 1, 2]


def test_texts_without_words_are_all_alike() -> None:
    assert by_words(["!", "?", "…"]).nearest(["! !"], 2).tolist() == [[0, 1]]


def test_no_more_rows_than_there_are_and_no_questions() -> None:
    assert by_words(TEXTS).nearest(["ghost"], 9).shape == (1, 5)
    assert by_words(TEXTS).nearest([], 2).shape == (0, 2)


def test_vectors_that_point_the_same_way_come_first() -> None:
    known = {"east": (1, 0), "north": (0, 1), "west": (-1, 0), "north-east": (0.6, 0.8)}

    def vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([known[text] for text in texts], np.float32)

    found = by_vectors(["east", "north", "west"], vectors).nearest(["north-east", "west"], 2)
    assert found.tolist() == [[1, 0], [2, 1]]
