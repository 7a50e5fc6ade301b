"""The format of the products of a run."""

import torch

from finetable.models.number_format import has_bf16_products
from finetable.settings import PrecisionName


def choose_precision(wanted: PrecisionName, device: torch.device) -> torch.dtype:
    """As wanted, or bf16 where the processor has products of its own for it.

    Not measured: which weights a seed gives depends on it, and must not change with a busy moment.
    """
    match wanted:
        case "fp32":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case "auto":
            return torch.bfloat16 if has_bf16_products(device) else torch.float32
