"""What a network computes with where rounding may differ from transformers': the same in fewer passes."""

import math
from typing import Any

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import softmax
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.activations import NewGELUActivation
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "finetable_products"

LONGEST_ROW = 256
"""Tokens of rows whose attention weights may be kept for the backward pass; memory grows with the square."""

CHANGING = ("position_bias", "softcap", "s_aux")
"""What some networks give their attention beside a mask, and what makes it another function."""


RMS_NORMS = ("LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm")
"""Modules that compute what `RootMeanSquareNorm` does; Gemma's adds one to its weights."""


def speed_up(network: PreTrainedModel) -> None:
    """Exchange what a CPU is slow with; what is saved of the network does not change."""
    for module in list(network.modules()):
        for name, part in module.named_children():
            if isinstance(part, NewGELUActivation):
                # The same function in one kernel instead of eight.
                setattr(module, name, nn.GELU(approximate="tanh"))
            if type(part).__name__ in RMS_NORMS:
                assert isinstance(part.weight, nn.Parameter)
                setattr(module, name, RootMeanSquareNorm(part.weight, vars(part)["variance_epsilon"]))
    if network.config._attn_implementation == "sdpa":
        network.set_attn_implementation(ATTENTION)


class RootMeanSquareNorm(nn.Module):
    """States divided by the root of their mean square, times `weight` (Zhang and Sennrich 2019, equation 4).

    With its gradient in a few passes over states in their own format; step by step and with a wide copy of
    each, as torch does it by itself, it takes three times as long in bf16.
    """

    def __init__(self, weight: nn.Parameter, epsilon: float) -> None:
        super().__init__()
        self.weight = weight
        self.epsilon = epsilon

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """States (..., D), normed, in the format they came in."""
        rows = states.flatten(0, -2)
        normed: torch.Tensor = _RootMeanSquareNorm.apply(rows, self.weight, self.epsilon)  # type: ignore[no-untyped-call]
        return normed.reshape(states.shape)


class _RootMeanSquareNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, states: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        wide = states.float()
        length = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
        scale = (length.square_() / states.shape[1] + epsilon).rsqrt_()
        normed: torch.Tensor = (wide * scale).to(states.dtype)
        ctx.save_for_backward(normed, scale.to(states.dtype), weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        above = gradients[0]
        normed, scale, weight = ctx.saved_tensors
        weight_gradient = (above * normed).sum(dim=0) if ctx.needs_input_grad[1] else None
        inner = above * weight
        # What would only lengthen the states does not change them: it is taken out of the gradient.
        along = (inner * normed).mean(dim=1, keepdim=True, dtype=torch.float32).to(inner.dtype)
        return torch.addcmul(inner, normed, along, value=-1).mul_(scale), weight_gradient, None


def attention_by_products(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of queries (B, H, T, D) as two matrix products, and weights that are never given.

    torch's own kernel takes six times as long in bf16, backward pass included; all else is left to it.
    """
    length = query.shape[2]
    is_slow = query.device.type == "cpu" and query.dtype == torch.bfloat16 and torch.is_grad_enabled()
    is_plain = attention_mask is None and all(others.get(name) is None for name in CHANGING)
    if not is_slow or not is_plain or length > LONGEST_ROW or length != key.shape[2]:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    groups = query.shape[1] // key.shape[1]
    rows = (query, repeat_kv(key, groups), repeat_kv(value, groups))
    queries, keys, values = (each.flatten(0, 1) for each in rows)
    hidden = torch.full((length, length), -math.inf, dtype=query.dtype).triu_(1)
    scale = scaling if scaling is not None else query.shape[3] ** -0.5
    scores = torch.baddbmm(hidden.expand(len(queries), -1, -1), queries, keys.transpose(1, 2), alpha=scale)
    output = torch.bmm(softmax(scores, dim=2), values).unflatten(0, query.shape[:2])
    return output.transpose(1, 2), None


AttentionInterface.register(ATTENTION, attention_by_products)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
