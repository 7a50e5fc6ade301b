"""Scores and vectors of whole rows, batch by batch: whoever runs them decides what happens in between."""

from collections.abc import Generator, Iterator, Sequence

import numpy as np
import torch

from finetable.inference.live_request import TokenScore
from finetable.inference.live_sampling import token_scores
from finetable.inference.live_text import Spelling
from finetable.models.base_model import BaseModel, embedding_of, head_of, last_hidden

TOKENS_AT_ONCE = 4096
LOGITS_AT_ONCE = 4_000_000


def score_rows(
    base: BaseModel, spelling: Spelling, rows: Sequence[Sequence[int]], top: int
) -> Generator[None, None, list[list[TokenScore]]]:
    """Scores of the tokens of each row but its first, with the `top` likeliest; yields between batches."""
    scores: list[list[TokenScore]] = [[] for _ in rows]
    head = head_of(base.network)
    at_once = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    for places, hidden in _batches(base, rows):
        for place, states in zip(places, hidden, strict=True):
            wanted = list(rows[place][1:])
            for first in range(0, len(wanted), at_once):
                chosen = wanted[first : first + at_once]
                nats = head(states[first : first + len(chosen)]).float().log_softmax(dim=-1)
                scores[place] += token_scores(spelling, nats, chosen, [top] * len(chosen))
        yield
    return scores


def embed_rows(base: BaseModel, rows: Sequence[Sequence[int]]) -> Generator[None, None, np.ndarray]:
    """Vector of each row, float32 (N, D): the mean of its last hidden states, of length 1; yields between."""
    width = embedding_of(base.network).embedding_dim
    vectors = np.zeros((len(rows), width), np.float32)
    for places, hidden in _batches(base, rows):
        for place, states in zip(places, hidden, strict=True):
            mean = states[: len(rows[place])].float().mean(dim=0)
            vectors[place] = (mean / mean.norm().clamp(min=1e-12)).cpu().numpy()
        yield
    return vectors


def _batches(base: BaseModel, rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Rows of like length together: their places, and last hidden states (B, T, D) padded on the right."""
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]), reverse=True)
    while order:
        longest = len(rows[order[0]])
        count = max(1, TOKENS_AT_ONCE // longest)
        places, order = order[:count], order[count:]
        ids = torch.full((len(places), longest), base.special.pad)
        for number, place in enumerate(places):
            ids[number, : len(rows[place])] = torch.tensor(rows[place])
        embedded = embedding_of(base.network)(ids.to(base.network.device))
        yield places, last_hidden(base.network, embedded)
