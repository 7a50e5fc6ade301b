"""Rows whose texts are equal or nearly equal, and equal texts under different labels."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetable.data.folding import words
from finetable.data.near_duplicates import SHINGLE_WORDS
from finetable.data.profile import Conflict, Pair
from finetable.data.splits import group_rows, near_groups
from finetable.data.suspicious import excerpt_of

COMPARED = 64
"""In a larger group of near duplicates each text is compared with so many of those before it."""


@dataclass(frozen=True, eq=False)
class EqualTexts:
    """Which texts are equal after folding.

    `texts` (N,) are not blank, `lines` (N,) where each begins, `first` (N,) the place of the first text
    that equals each.
    """

    texts: Sequence[str]
    lines: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def among(cls, texts: Sequence[str], lines: NDArray[np.int64]) -> "EqualTexts":
        """Compare the texts, which are not blank, with each other."""
        _, first, group_of = np.unique(group_rows([texts]), return_index=True, return_inverse=True)
        return cls(texts, lines, first[group_of].astype(np.int64))

    def duplicates(self) -> tuple[Pair, ...]:
        """Each text that an earlier one equals, with the first of these."""
        later = np.flatnonzero(self.first != np.arange(len(self.first)))
        return tuple(self._pair(int(row), int(self.first[row]), 1.0) for row in later)

    def near_duplicates(self) -> tuple[Pair, ...]:
        """Each text, counted once, that is near to an earlier one, with the nearest of COMPARED before it.

        Near as `near_groups` has it: directly or through others, so that a similarity below NEAR_JACCARD
        can stand here. Texts that equal an earlier one are left to `duplicates`.
        """
        members: defaultdict[int, list[int]] = defaultdict(list)
        near = near_groups(self.texts, self.first)
        for row in np.flatnonzero(self.first == np.arange(len(self.first))).tolist():
            members[int(near[row])].append(row)
        pairs = [pair for rows in members.values() if len(rows) > 1 for pair in self._within(rows)]
        return tuple(sorted(pairs, key=lambda pair: pair.line))

    def conflicts(self, labels: Sequence[str]) -> tuple[Conflict, ...]:
        """Texts that stand under several labels, (N,); blank labels say nothing.

        All lines of the text that have a label, and the different labels from the first line on.
        """
        rows_of: defaultdict[int, list[int]] = defaultdict(list)
        for row, first in enumerate(self.first.tolist()):
            if labels[row].strip():
                rows_of[first].append(row)
        found = []
        for first, rows in rows_of.items():
            different = tuple(dict.fromkeys(labels[row].strip() for row in rows))
            if len(different) > 1:
                lines = tuple(int(line) for line in self.lines[rows])
                found.append(Conflict(lines, different, excerpt_of(self.texts[first])))
        return tuple(sorted(found, key=lambda conflict: conflict.lines))

    def _within(self, rows: Sequence[int]) -> list[Pair]:
        shingles = [_shingles(self.texts[row]) for row in rows]
        pairs = []
        for place in range(1, len(rows)):
            others = range(max(0, place - COMPARED), place)
            similarities = [_jaccard(shingles[place], shingles[other]) for other in others]
            best = int(np.argmax(similarities))
            pairs.append(self._pair(rows[place], rows[others[best]], similarities[best]))
        return pairs

    def _pair(self, row: int, other: int, similarity: float) -> Pair:
        return Pair(int(self.lines[row]), int(self.lines[other]), similarity, excerpt_of(self.texts[row]))


def _shingles(text: str) -> set[tuple[str, ...]]:
    read = words(text)
    return {tuple(read[start : start + SHINGLE_WORDS]) for start in range(len(read) - SHINGLE_WORDS + 1)}


def _jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 0.0
