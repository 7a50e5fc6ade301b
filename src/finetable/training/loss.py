"""Cross-entropy of answer tokens, computed in pieces without ever keeping all logits."""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import cross_entropy

from finetable.data.tokens import IGNORED

LOGITS_AT_ONCE = 16_000_000
"""Entries of the logits that exist together: 64 MB in fp32, 32 MB in bf16."""

LOGITS_IN_CACHE = 2_000_000
"""Entries of the logits that are turned into their gradient together: 8 MB in fp32. Fewer are more pieces
for the threads to wait at, which costs much beside other programs."""


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradient is made in the forward pass, while a piece's logits are there (Hsu et al. 2024, Liger).

    Wijmans et al. 2024, "Cut Your Losses", section 4, argues why the logits need not be kept.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        targets: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.empty_like(weight if weight.requires_grad else weight[:0])
        bias_gradient = torch.zeros_like(bias if bias.requires_grad else bias[:0])
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        right = torch.zeros((), dtype=torch.int64, device=hidden.device)
        rows = min(len(targets), max(1, LOGITS_AT_ONCE // weight.shape[0]))
        # The same memory for every piece: fresh pages cost as much as what is written to them.
        room = hidden.new_empty(rows, weight.shape[0])
        for first in range(0, len(targets), rows):
            piece, wanted = hidden[first : first + rows], targets[first : first + rows]
            logits = room[: len(piece)]
            torch.mm(piece, weight.T, out=logits)
            nats, likeliest = _to_gradient(logits, bias, wanted)
            total += nats
            right += likeliest
            torch.mm(logits, weight, out=hidden_gradient[first : first + rows])
            if weight_gradient.numel():
                weight_gradient.addmm_(logits.T, piece, beta=1 if first else 0)
            if bias_gradient.numel():
                bias_gradient += logits.sum(dim=0)
        ctx.save_for_backward(hidden_gradient, weight_gradient, bias_gradient)
        ctx.mark_non_differentiable(right)
        return total, right

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scale, _ = gradients
        made = [_scaled(part, scale) if part.numel() else None for part in ctx.saved_tensors]
        return (*made, None)


def _to_gradient(
    logits: torch.Tensor, bias: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Exchange logits (N, V) for their gradient in place; nats and how many targets are the likeliest.

    A few rows at a time stay in the processor's cache from the first pass over them to the last.
    """
    total = torch.zeros((), dtype=torch.float32, device=logits.device)
    right = torch.zeros((), dtype=torch.int64, device=logits.device)
    rows = min(len(targets), max(1, LOGITS_IN_CACHE // logits.shape[1]))
    room = torch.empty(2, rows, logits.shape[1], device=logits.device)
    for narrow, wanted in zip(logits.split(rows), targets.split(rows), strict=True):
        wide, scores = room[:, : len(narrow)]
        wide.copy_(narrow)
        if bias.numel():
            wide += bias
        torch.log_softmax(wide, dim=1, out=scores)
        ignored = wanted == IGNORED
        places = (~ignored).nonzero().flatten()
        wanted = wanted[places]
        picked = scores[places, wanted]
        total -= picked.sum()
        # Of equal logits the first is the likeliest; only rows in which the target can be are searched.
        best = (picked == scores.amax(dim=1)[places]).nonzero().flatten()
        right += (scores[places[best]].argmax(dim=1) == wanted[best]).sum()
        scores.exp_()
        scores[places, wanted] -= 1
        scores[ignored] = 0
        narrow.copy_(scores)
    return total, right


def _scaled(gradient: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    # The sum itself has the scale one, and a pass over the head's gradient is not free.
    return gradient if scale == 1 else gradient * scale.to(gradient.dtype)


@torch.no_grad()
def answer_nats(hidden: torch.Tensor, head: nn.Linear, targets: torch.Tensor) -> tuple[float, int]:
    """The values of `answer_loss` alone, likewise without ever keeping all logits."""
    rows = max(1, LOGITS_AT_ONCE // head.out_features)
    total, right = 0.0, 0
    for piece, wanted in zip(hidden.split(rows), targets.split(rows), strict=True):
        logits = head(piece).float()
        total += float(cross_entropy(logits, wanted, reduction="sum", ignore_index=IGNORED))
        right += int((logits.argmax(dim=1) == wanted).sum())
    return total, right


def answer_loss(
    hidden: torch.Tensor, head: nn.Linear, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the negative log-likelihoods of `targets`, in nats, fp32 (); how many are likeliest, int64 ().

    `hidden` (N, D) are the last hidden states at the N positions that carry loss; `targets` int64 (N,), where
    IGNORED stands for a position that carries none after all.
    """
    bias = head.bias if head.bias is not None else hidden.new_empty(0)
    loss, right = _ChunkedCrossEntropy.apply(hidden, head.weight, bias, targets)  # type: ignore[no-untyped-call]
    assert isinstance(loss, torch.Tensor)
    assert isinstance(right, torch.Tensor)
    return loss, right
