"""Log-probabilities of what stands at the end of each row, behind what stands before it."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from finetable.models.base_model import BaseModel, embedding_of, head_of, last_hidden

LOGITS_AT_ONCE = 4_000_000
TOKENS_AT_ONCE = 4_096
"""Padded tokens that are scored together. With 16,384 the peak of judging 75,000 abstracts was 440 MB higher,
for what layers of a network of 1.5 M parameters compute in between."""


def score_tails(
    base: BaseModel, rows: Sequence[np.ndarray], starts: Sequence[int], batch_size: int
) -> np.ndarray:
    """Log-probability in nats of each row's ids from its start on, float64 (N,).

    Rows are int (T,), no longer than the network sees, and each start is 1 at least: a first id follows
    nothing. Rows of like length share a batch of at most `batch_size`.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    scores = np.zeros(len(rows))
    for places in _batches(lengths, batch_size):
        scores[places] = _score_batch(base, [rows[i] for i in places], [starts[i] for i in places])
    return scores


def windows(length: int, start: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Where windows of at most `most` ids begin, where in each the first new id stands, and where they end.

    Together they hold every id from `start` on as new once; all but the first see half a window before it.
    """
    begin, new = (0, start) if start < most else (start - most // 2, start)
    while True:
        end = min(length, begin + most)
        yield begin, new, end
        if end == length:
            return
        begin, new = end - most // 2, end


def _score_batch(base: BaseModel, rows: list[np.ndarray], starts: list[int]) -> np.ndarray:
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), base.special.pad)
    tail = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
        ids[place, : len(row)] = torch.from_numpy(row)
        tail[place, start - 1 : len(row) - 1] = True
    head, device = head_of(base.network), base.network.device
    at_once = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    hidden = last_hidden(base.network, embedding_of(base.network)(ids.to(device)))
    pieces = hidden[tail.to(device)].split(at_once)
    wanted = torch.roll(ids, -1, dims=1)[tail].to(device).split(at_once)
    nats = torch.cat(
        [
            cross_entropy(head(piece).float(), targets, reduction="none")
            for piece, targets in zip(pieces, wanted, strict=True)
        ]
    )
    owner = torch.arange(len(rows)).unsqueeze(1).expand_as(tail)[tail]
    sums = torch.zeros(len(rows), dtype=torch.float64)
    sums.index_add_(0, owner, nats.double().cpu())
    return -sums.numpy()


def _batches(lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Places in the order of their lengths, (at most `most`,): one, or as many as TOKENS_AT_ONCE allows."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    for place in range(1, len(order) + 1):
        rows = place + 1 - first
        if place == len(order) or rows > most or rows * lengths[order[place]] > TOKENS_AT_ONCE:
            yield order[first:place]
            first = place
