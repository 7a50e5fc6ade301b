"""Batches under a budget of tokens, rows of nearly equal length, the same for every resumed run."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finetable.training.plan import Plan

Batch = list[np.ndarray]
"""One optimizer step: micro-batches, each an int64 array of row indices."""


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """Which rows each step sees, by step number alone.

    Every epoch shuffles the rows, sorts them stably by length and cuts the line into batches of at most
    `batch_tokens` padded tokens (a longer row stands alone); the batches then come in random order. Rows
    are padded on the right, to a multiple of `row_step` tokens, and attention is causal, so no row sees
    another. `lengths` int64 (rows,).
    """

    lengths: np.ndarray
    batch_tokens: int
    micro_batch_tokens: int
    seed: int
    row_step: int = 1

    @classmethod
    def of(cls, lengths: np.ndarray, plan: Plan) -> "BatchPlan":
        """The batches of a run."""
        return cls(lengths, plan.batch_tokens, plan.micro_batch_tokens, plan.seed, plan.row_step)

    @cached_property
    def _padded(self) -> np.ndarray:
        return padded(self.lengths, self.row_step)

    @cached_property
    def steps_per_epoch(self) -> int:
        """Batches that hold every row once; the same in each epoch, as only lengths decide the cuts."""
        return len(_cut(np.sort(self._padded), self.batch_tokens))

    def epoch(self, epoch: int) -> list[Batch]:
        """Every row once, as batches in the order of training."""
        random = np.random.default_rng([self.seed, epoch])
        shuffled = random.permutation(len(self.lengths))
        line = shuffled[np.argsort(self.lengths[shuffled], kind="stable")]
        batches = [line[first:last] for first, last in _cut(self._padded[line], self.batch_tokens)]
        return [self._micro_batches(batches[i]) for i in random.permutation(len(batches))]

    def _micro_batches(self, rows: np.ndarray) -> Batch:
        return [rows[first:last] for first, last in _cut(self._padded[rows], self.micro_batch_tokens)]


def padded(lengths: np.ndarray, row_step: int) -> np.ndarray:
    """Lengths up to the next multiple of `row_step`."""
    return -(-lengths // row_step) * row_step


def in_length_order(lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Every row once in order of length, as batches under a budget of padded tokens."""
    line = np.argsort(lengths, kind="stable")
    return [line[first:last] for first, last in _cut(lengths[line], batch_tokens)]


def _cut(lengths: np.ndarray, budget: int) -> list[tuple[int, int]]:
    """Spans of a line of rising lengths whose padded size stays within `budget`."""
    spans, first = [], 0
    for last, length in enumerate(lengths):
        if last > first and length * (last - first + 1) > budget:
            spans.append((first, last))
            first = last
    if len(lengths):
        spans.append((first, len(lengths)))
    return spans
