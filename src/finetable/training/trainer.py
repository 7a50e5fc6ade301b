"""One training step and one validation of a base on tokenized rows."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import pad

from finetable.data.tokens import IGNORED, TokenizedRows
from finetable.models.base_model import BaseModel, embedding_of, head_of, last_hidden
from finetable.models.fast_training import speed_up
from finetable.training.batches import Batch, BatchPlan, in_length_order
from finetable.training.loss import answer_loss, answer_nats
from finetable.training.optimizer import (
    MasterWeights,
    build_optimizer,
    learning_rate_share,
    load_optimizer_state,
    optimizer_state,
)
from finetable.training.plan import Plan

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Step:
    """What a step did; `number` counts from 1, `loss_nats` is per answer token.

    `accuracy` is the share of answer tokens that were the likeliest, each after the right ones before it;
    of the step's rows it was measured under dropout.
    """

    number: int
    loss_nats: float
    accuracy: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    validation_nats: float | None = None
    validation_accuracy: float | None = None


class NotFiniteError(Exception):
    """The loss or the gradient of a step is not a finite number; `row_ids` are the rows of its batch."""

    def __init__(self, step: int, row_ids: list[int]) -> None:
        super().__init__(f"step {step} is not finite")
        self.step = step
        self.row_ids = row_ids


class Trainer:
    """A base under training.

    The network stays in evaluation mode, so that its own dropout (a mixture of habits of its makers)
    never draws from hidden global state; the one dropout is ours, drawn from seed and step.
    """

    def __init__(
        self,
        base: BaseModel,
        rows: TokenizedRows,
        validation: TokenizedRows,
        plan: Plan,
    ) -> None:
        self.plan = plan
        self._rows = rows
        self._validation = validation
        self._base = base
        self._network = base.network
        self._network.eval()
        speed_up(self._network)
        self._head = head_of(base.network)
        self._device = next(base.network.parameters()).device
        self._batches = BatchPlan.of(rows.lengths, plan)
        self._epoch: tuple[int, list[Batch]] = (-1, [])
        self._random = torch.Generator(device=self._device)
        self.masters = MasterWeights(base.network, DTYPES[plan.precision])
        self._optimizer = build_optimizer(self.masters.weights, plan.weight_decay)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every training row is seen once."""
        return self._batches.steps_per_epoch

    def step(self, number: int) -> Step:
        """Train on the batch of step `number`, counted from 0; raises NotFiniteError."""
        begun = time.perf_counter()
        batch = self._batch(number)
        rows = np.concatenate(batch)
        answers = int(self._rows.answer_lengths[rows].sum())
        self._random.manual_seed(self.plan.step_seed_base + number)
        hidden_share = self.plan.dropout_at(number)
        done = [self._backward(indices, hidden_share) for indices in batch]
        total, right = sum(nats for nats, _ in done), sum(likeliest for _, likeliest in done)
        norm = self.masters.gradient_norm() / answers
        if not (np.isfinite(total) and np.isfinite(norm)):
            raise NotFiniteError(number + 1, self._row_ids(rows))
        share = learning_rate_share(number, self.plan.steps, self.plan.schedule, self.plan.warmup)
        rate = self.plan.learning_rate * share
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.masters.update(self._optimizer, self.plan.clip / max(norm, self.plan.clip) / answers)
        tokens = int(self._rows.lengths[rows].sum())
        seconds = time.perf_counter() - begun
        return Step(number + 1, total / answers, right / answers, rate, norm, tokens, seconds)

    @torch.no_grad()
    def validate(self, step: int) -> tuple[float, float]:
        """Cross-entropy per answer token on the validation rows, in nats, and accuracy, after `step` steps.

        Raises NotFiniteError where the last of these steps broke the weights.
        """
        known, judged = len(self._validation), self.plan.validation_rows
        # Evenly from the whole table, which may be sorted by what the rows are about.
        chosen = np.arange(judged) * known // judged
        total, right, answers = 0.0, 0, 0
        for places in in_length_order(self._validation.lengths[chosen], self.plan.micro_batch_tokens):
            hidden, targets = self._hidden(self._validation, chosen[places], dropout=0.0)
            nats, likeliest = answer_nats(hidden, self._head, targets)
            total += nats
            right += likeliest
            answers += int((targets != IGNORED).sum())
        if not np.isfinite(total):
            raise NotFiniteError(step, self._row_ids(np.concatenate(self._batch(step - 1))))
        return total / answers, right / answers

    def optimizer_state(self) -> dict[str, torch.Tensor]:
        """Everything the optimizer remembers, by name."""
        return optimizer_state(self._optimizer, self._names())

    def load_state(self, weights: dict[str, torch.Tensor], optimizer: dict[str, torch.Tensor]) -> None:
        """Go back to weights and an optimizer state saved earlier."""
        self.masters.load(weights)
        self._optimizer = build_optimizer(self.masters.weights, self.plan.weight_decay)
        if optimizer:
            load_optimizer_state(self._optimizer, self._names(), optimizer)

    def _names(self) -> dict[int, str]:
        return {
            id(weight): name for name, weight in zip(self.masters.names, self.masters.weights, strict=True)
        }

    def _row_ids(self, rows: np.ndarray) -> list[int]:
        return sorted(self._rows.row_ids[rows].tolist())

    def _batch(self, number: int) -> Batch:
        epoch, place = divmod(number, self.steps_per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._batches.epoch(epoch))
        return self._epoch[1][place]

    def _backward(self, indices: np.ndarray, dropout: float) -> tuple[float, int]:
        hidden, targets = self._hidden(self._rows, indices, dropout)
        loss, right = answer_loss(self._drop(hidden, dropout), self._head, targets)
        # Not yet divided by the number of answers: that is done when gradients are scaled anyway.
        loss.backward()
        return float(loss.detach()), int(right)

    def _hidden(
        self, rows: TokenizedRows, indices: np.ndarray, dropout: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden states (N, D) at the positions of a micro-batch that carry loss, and targets (N,).

        N is a multiple of the plan's step; what that takes stands at the end, with the target IGNORED.
        """
        ids, targets = rows.batch(indices.tolist(), self._base.special.pad, self._width(rows, indices))
        ids, targets = ids.to(self._device), targets.to(self._device).flatten()
        embedded = self._drop(embedding_of(self._network)(ids), dropout)
        places = (targets != IGNORED).nonzero().flatten()
        hidden = last_hidden(self._network, embedded).flatten(0, 1)[places]
        missing = -len(places) % self.plan.answer_step
        return pad(hidden, (0, 0, 0, missing)), pad(targets[places], (0, missing), value=IGNORED)

    def _width(self, rows: TokenizedRows, indices: np.ndarray) -> int:
        """Tokens of the longest of some rows, up to the next step, but no more than the network sees."""
        longest = int(rows.lengths[indices].max())
        step = self.plan.row_step
        return max(longest, min(-(-longest // step) * step, self._base.context))

    def _drop(self, values: torch.Tensor, share: float) -> torch.Tensor:
        """Dropout: whole tokens of embedded rows (B, T, D), single entries of hidden states (N, D).

        A row's meaning must not hang on one word (Gal and Ghahramani 2016, section 4.2: the same mask for
        every entry of a word's embedding).
        """
        if not share:
            return values
        shape = (*values.shape[:2], 1) if values.ndim == 3 else values.shape
        kept = torch.rand(shape, generator=self._random, device=values.device) >= share
        return values * kept / (1 - share)
