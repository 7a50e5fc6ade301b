"""Cross-entropy of answer tokens, computed in pieces without ever keeping all logits."""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import cross_entropy

from finetable.data.tokens import IGNORED

LOGITS_AT_ONCE = 4_000_000
"""Entries of the logits that exist together: 16 MB in fp32."""


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
        weight_gradient = torch.zeros_like(weight if weight.requires_grad else weight[:0])
        bias_gradient = torch.zeros_like(bias if bias.requires_grad else bias[:0])
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        right = torch.zeros((), dtype=torch.int64, device=hidden.device)
        rows = max(1, LOGITS_AT_ONCE // weight.shape[0])
        for first in range(0, len(targets), rows):
            piece, wanted = hidden[first : first + rows], targets[first : first + rows]
            logits = (piece @ weight.T).float()
            if bias.numel():
                logits += bias
            right += (logits.argmax(dim=1) == wanted).sum()
            logits -= logits.logsumexp(dim=1, keepdim=True)
            places = (wanted != IGNORED).nonzero().flatten()
            total -= logits[places, wanted[places]].sum()
            gradient = logits.exp_()
            gradient[places, wanted[places]] -= 1
            gradient[wanted == IGNORED] = 0
            narrow = gradient.to(hidden.dtype)
            torch.mm(narrow, weight, out=hidden_gradient[first : first + rows])
            if weight_gradient.numel():
                weight_gradient.addmm_(narrow.T, piece)
            if bias_gradient.numel():
                bias_gradient += narrow.sum(dim=0)
        ctx.save_for_backward(hidden_gradient, weight_gradient, bias_gradient)
        ctx.mark_non_differentiable(right)
        return total, right

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scale, _ = gradients
        made = [part * scale.to(part.dtype) if part.numel() else None for part in ctx.saved_tensors]
        return (*made, None)


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
