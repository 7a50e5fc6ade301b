"""The loss layer beside a dense one: memory, time, and whether the numbers are the same."""

import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from finetable.freed_memory import give_back
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

    def measure(self) -> dict[str, float]:
        """Seconds of one forward and backward pass, and MB that it takes at its peak beyond the gradients.

        Gradients are made by the pass, as in a training step with one micro-batch.
        """
        self._forget()
        # What earlier passes freed must not pass for memory that this one does not need.
        give_back()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _resident("VmRSS")
        begun = time.perf_counter()
        self._run()
        seconds = time.perf_counter() - begun
        made = sum(tensor.nbytes for tensor in (self._head.weight, self._hidden)) / 2**20
        return {"seconds": seconds, "grown": _resident("VmHWM") - before - made}

    def numbers(self) -> dict[str, list[float]]:
        """The loss, and a sample of both gradients."""
        self._forget()
        loss = self._run()
        assert self._hidden.grad is not None
        assert self._head.weight.grad is not None
        return {
            "loss": [loss],
            "hidden": self._hidden.grad[::7, ::31].flatten().tolist(),
            "weight": self._head.weight.grad[::501, ::31].flatten().tolist(),
        }

    def _forget(self) -> None:
        self._hidden.grad = self._head.weight.grad = None

    def _run(self) -> float:
        if self._chunked:
            total, _ = answer_loss(self._hidden, self._head, self._targets)
        else:
            total = cross_entropy(self._head(self._hidden).float(), self._targets, reduction="sum")
        # The sum, as in training, which divides by the number of targets where gradients are scaled anyway.
        total.backward()
        return float(total.detach()) / len(self._targets)


def _resident(name: str) -> float:
    """MB that the system says of this process; VmHWM is the peak since it was reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:"))) / 1024
