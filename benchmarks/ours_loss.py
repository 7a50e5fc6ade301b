"""The loss layer beside a dense one: memory, time, and whether the numbers are the same."""

import resource
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from finetable.training.loss import answer_loss


class Loss:
    """One kind of loss on fixed hidden states, forward and backward."""

    def __init__(self, chunked: bool, positions: int, width: int, vocabulary: int, precision: str) -> None:
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        draw = torch.Generator().manual_seed(0)
        self._hidden = torch.randn(positions, width, generator=draw).to(dtype).requires_grad_()
        self._head = nn.Linear(width, vocabulary, bias=False)
        with torch.no_grad():
            self._head.weight.copy_(torch.randn(vocabulary, width, generator=draw) * 0.02)
        self._head.to(dtype)
        self._targets = torch.randint(vocabulary, (positions,), generator=draw)
        self._chunked = chunked
        # The gradient of the head is there in any case.
        self._head.weight.grad = torch.zeros_like(self._head.weight)
        self._hidden.grad = torch.zeros_like(self._hidden)
        self._before = _peak()

    def measure(self) -> dict[str, float]:
        """Seconds of one forward and backward pass, and MB that the process has grown by at its peak."""
        begun = time.perf_counter()
        self._run()
        return {"seconds": time.perf_counter() - begun, "grown": _peak() - self._before}

    def numbers(self) -> dict[str, list[float]]:
        """The loss, and a sample of both gradients."""
        assert self._hidden.grad is not None
        assert self._head.weight.grad is not None
        self._hidden.grad.zero_()
        self._head.weight.grad.zero_()
        loss = self._run()
        return {
            "loss": [loss],
            "hidden": self._hidden.grad[::7, ::31].flatten().tolist(),
            "weight": self._head.weight.grad[::501, ::31].flatten().tolist(),
        }

    def _run(self) -> float:
        if self._chunked:
            total, _ = answer_loss(self._hidden, self._head, self._targets)
        else:
            total = cross_entropy(self._head(self._hidden).float(), self._targets, reduction="sum")
        (total / len(self._targets)).backward()
        return float(total.detach()) / len(self._targets)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
