"""The format of the products of a run."""

import torch

from finetable.models.number_format import has_bf16_products
from finetable.settings import FormatName, PrecisionName


def choose_precision(wanted: PrecisionName, device: torch.device) -> FormatName:
    """As wanted, or bf16 where the processor has products of its own for it.

    Not measured: which weights a seed gives depends on it, and must not change with a busy moment.
    """
    if wanted == "auto":
        return "bf16" if has_bf16_products(device) else "fp32"
    return wanted
