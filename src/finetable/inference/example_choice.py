"""Which training rows are shown as examples of a task: places of rows, the best first."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]

DECIMALS = 6
"""Of similarities: what differs by less differs by rounding, and the order of the rows decides."""


def at_random(rows: int, k: int, seed: int) -> Places:
    """Some k of the rows, or all where there are fewer; more of them begin with the same ones."""
    return np.random.default_rng(seed).permutation(rows)[:k].astype(np.int64)


def balanced(answers: Sequence[str], k: int, seed: int) -> Places:
    """Rows drawn at random, one of each label in turn, so that labels differ by one row at most.

    A label whose rows are used up leaves its turns to the others.
    """
    chance = np.random.default_rng(seed)
    drawn = chance.permutation(len(answers)).tolist()
    labels = sorted(set(answers))
    turn_of = dict(zip(labels, chance.permutation(len(labels)).tolist(), strict=True))
    taken: Counter[str] = Counter()
    turns = []
    for row in drawn:
        turns.append((taken[answers[row]], turn_of[answers[row]], row))
        taken[answers[row]] += 1
    return np.array([row for _, _, row in sorted(turns)[:k]], dtype=np.int64)


def most_alike(similarity: npt.NDArray[np.floating], k: int) -> Places:
    """The k most similar rows to each question, (N, k) from (N, rows); of equal ones the first."""
    found = np.zeros((len(similarity), min(k, similarity.shape[1])), np.int64)
    if found.shape[1] == 0:
        return found
    for place, row in enumerate(np.round(similarity, DECIMALS)):
        least = np.partition(row, -found.shape[1])[-found.shape[1]]
        close = np.flatnonzero(row >= least)
        found[place] = close[np.argsort(-row[close], kind="stable")][: found.shape[1]]
    return found
