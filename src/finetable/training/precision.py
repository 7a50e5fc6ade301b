"""What this machine computes fastest in, decided by a probe."""

import time

import torch

from finetable.settings import PrecisionName

PROBE_SIDE = 512
PROBE_PRODUCTS = 3
WORTH_IT = 1.3
"""How much faster bf16 has to be; below it the casts eat the gain."""


def choose_precision(wanted: PrecisionName, device: torch.device) -> torch.dtype:
    """The format of the products: as wanted, or bf16 where a probe shows that it pays on `device`."""
    match wanted:
        case "fp32":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case "auto":
            narrow = _seconds(torch.bfloat16, device)
            return torch.bfloat16 if narrow * WORTH_IT < _seconds(torch.float32, device) else torch.float32


def _seconds(dtype: torch.dtype, device: torch.device) -> float:
    """Fastest of a few matrix products, so that a busy moment does not decide."""
    left = torch.ones(PROBE_SIDE, PROBE_SIDE, dtype=dtype, device=device)
    fastest = float("inf")
    for _ in range(PROBE_PRODUCTS):
        begun = time.perf_counter()
        product = left @ left
        float(product[0, 0])  # waits for the device
        fastest = min(fastest, time.perf_counter() - begun)
    return fastest
