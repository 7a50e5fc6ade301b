"""Labels scored in bf16 where the processor has it, and again exactly where two of them are nearly tied."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from finetable.inference.engine import LabelEngine
from finetable.inference.label_scores import score_labels, score_labels_in_fixed_shapes
from finetable.models.base_model import BaseModel, bytes_of_weights, window_of
from finetable.models.fast_training import speed_up
from finetable.models.number_format import has_bf16_products

NEARLY_TIED_NATS, NEARLY_TIED_SHARE = 0.1, 0.01
"""Labels might change places by rounding where they are nearer than this and this share of the largest
logit, with which rounding grows (benchmarks/NOTES.md)."""


class QuickScores:
    """Scores labels after prompts as `score_labels` does, but for rounding, which is kept from the winners.

    Where two labels are nearly tied the scores are those of `score_labels`; elsewhere they are the same to
    the last bit whatever is asked beside. Keeps a copy of the weights in bf16, unless the processor has no
    such products, or a layer counts places in a row, as GPT-Neo's do: then every score is exact.
    """

    def __init__(self, base: BaseModel) -> None:
        self._base = base
        self._narrow = _narrowed(base) if _pays(base.network) else None

    @property
    def memory_bytes(self) -> int:
        """What the copy of the weights takes."""
        return 0 if self._narrow is None else bytes_of_weights(self._narrow.network)

    @torch.inference_mode()
    def score(self, prompts: Sequence[list[int]], labels: Sequence[list[int]], batch_size: int) -> np.ndarray:
        """Log-probability in nats of each label's tokens after each prompt, float64 (prompts, labels)."""
        if self._narrow is None:
            return score_labels(self._base, prompts, labels, batch_size)
        scores, largest = score_labels_in_fixed_shapes(self._narrow, prompts, labels)
        tied = np.flatnonzero(nearly_tied(scores, largest)).tolist()
        if tied:
            scores[tied] = score_labels(self._base, [prompts[place] for place in tied], labels, batch_size)
        return scores


class QuickLabels:
    """An engine for labels over `QuickScores`; what it does not know of is asked of `exact`."""

    def __init__(self, base: BaseModel, exact: LabelEngine) -> None:
        self._exact = exact
        self._base = base
        self._scores = QuickScores(base)

    def score_labels(
        self, prompts: Sequence[str | None], labels: Sequence[str], batch_size: int
    ) -> np.ndarray:
        """Log-probability in nats of every label after every prompt, float64 (N, K)."""
        encoder = self._base.encoder()
        answers = encoder.answers(labels)
        room = self._base.context - max(map(len, answers))
        return self._scores.score(encoder.prompts(prompts, room), answers, batch_size)

    def too_long(self, prompts: Sequence[str | None], answers: Sequence[str]) -> list[int]:
        """Places of prompts that leave no room for the longest of the answers: their end is not read."""
        return self._exact.too_long(prompts, answers)


def _pays(network: PreTrainedModel) -> bool:
    return has_bf16_products(network.device) and window_of(network) is None


def _as_bf16(weight: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(weight.detach().to(torch.bfloat16), requires_grad=False)


def _narrowed(base: BaseModel) -> BaseModel:
    # Copied weight by weight: two wide copies never exist.
    narrow = {id(weight): _as_bf16(weight) for weight in base.network.parameters()}
    network = deepcopy(base.network, narrow)
    speed_up(network)
    return replace(base, network=network)


def nearly_tied(scores: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Rows of scores (N, K) whose two best labels are so near that rounding may decide, bool (N,).

    `largest` float64 (N,) is the largest absolute logit that a row's scores came from.
    """
    if scores.shape[1] < 2:
        return np.zeros(len(scores), dtype=bool)
    best = np.partition(scores, -2, axis=1)
    # Scores that are no numbers are told by the exact way, too.
    return ~(best[:, -1] - best[:, -2] >= NEARLY_TIED_NATS + NEARLY_TIED_SHARE * largest)
