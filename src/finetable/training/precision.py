"""What this machine computes fastest in, decided by a probe."""

import time

import torch

from finetable.settings import PrecisionName

PROBE_PRODUCTS = 10
WORTH_IT = 1.3
"""How much faster bf16 has to be; below it the casts eat the gain."""


def choose_precision(wanted: PrecisionName, device: torch.device, tokens: int, width: int) -> torch.dtype:
    """The format of the products: as wanted, or bf16 where a probe shows that it pays on `device`.

    The probe is a product of a step itself, (tokens, width) by (width, 4 x width): what is much faster for
    large matrices can gain nothing for small ones.
    """
    match wanted:
        case "fp32":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case "auto":
            narrow, wide = (
                _seconds(dtype, device, tokens, width) for dtype in (torch.bfloat16, torch.float32)
            )
            return torch.bfloat16 if narrow * WORTH_IT < wide else torch.float32


def _seconds(dtype: torch.dtype, device: torch.device, tokens: int, width: int) -> float:
    """Fastest of a few matrix products, so that a busy moment does not decide."""
    left = torch.ones(tokens, width, dtype=dtype, device=device)
    right = torch.ones(width, 4 * width, dtype=dtype, device=device)
    fastest = float("inf")
    for _ in range(PROBE_PRODUCTS):
        begun = time.perf_counter()
        product = left @ right
        float(product[0, 0])  # waits for the device
        fastest = min(fastest, time.perf_counter() - begun)
    return fastest
