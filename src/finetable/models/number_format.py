"""The format of a network's weights, and with it of its products."""

import torch
from torch import nn


def set_format(network: nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights in another format from now on.

    Weights only: the frequencies of rotary positions are buffers, not saved, and must not be rounded.
    """
    for weight in network.parameters():
        weight.data = weight.data.to(dtype)


def has_bf16_products(device: torch.device) -> bool:
    """Whether a processor has instructions of its own for products in bf16.

    Asked of the processor rather than measured: what a model writes depends on it, and must not change
    with a busy moment of the machine.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = torch.cpu.get_capabilities()
    return bool(known.get("amx_bf16") or known.get("avx512_bf16"))
