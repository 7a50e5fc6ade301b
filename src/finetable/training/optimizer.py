"""AdamW over fp32 master weights, and how the learning rate rises and falls."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from finetable.models.number_format import set_format
from finetable.settings import ScheduleName

BETAS = (0.9, 0.95)
EPSILON = 1e-8
LOWEST_SHARE = 0.01
"""Where the exponential schedule ends, as a share of the peak."""

WEIGHTS_AT_ONCE = 8_000_000
"""Weights that are updated together."""


class MasterWeights:
    """The trainable weights in fp32, beside the copies the network computes with where those are narrower.

    Sums of many small steps need fp32; products do not (Micikevicius et al. 2018, section 3.1). Until
    `widen` is called the network computes in `working`.
    """

    def __init__(self, network: nn.Module, working: torch.dtype = torch.float32) -> None:
        trained = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        self.names = [name for name, _ in trained]
        self._network = network
        self._dtype = working
        self._working = [weight for _, weight in trained]
        # Copied before the network is narrowed, which would round them.
        self.weights = [
            weight
            if weight.dtype == working == torch.float32
            else nn.Parameter(weight.detach().to(torch.float32, copy=True))
            for weight in self._working
        ]
        self._pieces = _pieces([weight.numel() for weight in self.weights])
        set_format(network, working)

    @torch.no_grad()
    def gradient_norm(self) -> float:
        """Euclidean norm of all gradients together; that of each is rounded to the network's format."""
        gradients = [working.grad for working in self._working if working.grad is not None]
        norms = [torch.linalg.vector_norm(each).float() for each in gradients]
        return float(torch.linalg.vector_norm(torch.stack(norms)))

    @torch.no_grad()
    def update(self, optimizer: torch.optim.AdamW, share: float) -> None:
        """Take a step with `share` of each gradient, publish what comes of it, and forget the gradients.

        A few weights at a time go all the way: gradients in fp32 never exist for the whole network.
        """
        gradients = [working.grad for working in self._working]
        for working in self._working:
            working.grad = None
        for piece in self._pieces:
            for place in piece:
                gradient, gradients[place] = gradients[place], None
                if gradient is not None:
                    wide = gradient.float()
                    self.weights[place].grad = wide.mul_(share) if share < 1 else wide
            optimizer.step()
            for place in piece:
                self.weights[place].grad = None
            self._publish(piece)

    @torch.no_grad()
    def publish(self) -> None:
        """Copy the masters into the network."""
        self._publish(range(len(self.weights)))

    def _publish(self, places: Iterable[int]) -> None:
        for place in places:
            if self.weights[place] is not self._working[place]:
                self._working[place].copy_(self.weights[place])

    def widen(self) -> None:
        """Give the network back in fp32, with the masters as its trained weights."""
        set_format(self._network, torch.float32)
        self.publish()

    @contextmanager
    def widened(self) -> Iterator[None]:
        """Lend the network in fp32, as `widen` gives it back; training goes on as if it had not been lent."""
        self.widen()
        try:
            yield
        finally:
            # The masters round as before, and weights that are not trained were narrow already.
            set_format(self._network, self._dtype)
            self.publish()

    def state(self) -> dict[str, torch.Tensor]:
        """The masters by name."""
        return {name: weight.detach() for name, weight in zip(self.names, self.weights, strict=True)}

    @torch.no_grad()
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Take the masters from `state` and publish them."""
        for name, weight in zip(self.names, self.weights, strict=True):
            weight.copy_(state[name])
        self.publish()


def _pieces(sizes: Sequence[int]) -> list[list[int]]:
    """Places of neighbours that have WEIGHTS_AT_ONCE together, or of one weight that has more."""
    pieces: list[list[int]] = []
    room = 0
    for place, size in enumerate(sizes):
        if not pieces or size > room:
            pieces.append([])
            room = WEIGHTS_AT_ONCE
        pieces[-1].append(place)
        room -= size
    return pieces


def build_optimizer(weights: Sequence[nn.Parameter], weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) in one fused pass; matrices decay, vectors do not."""
    matrices = [weight for weight in weights if weight.ndim >= 2]
    vectors = [weight for weight in weights if weight.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=0.0, betas=BETAS, eps=EPSILON, fused=True
    )


def optimizer_state(optimizer: torch.optim.AdamW, names: dict[int, str]) -> dict[str, torch.Tensor]:
    """Both moments and the step count of every weight, by `id` of the weight -> name."""
    return {
        f"{names[id(weight)]}:{key}": value
        for weight, state in optimizer.state.items()
        for key, value in state.items()
    }


def load_optimizer_state(
    optimizer: torch.optim.AdamW, names: dict[int, str], state: dict[str, torch.Tensor]
) -> None:
    """The reverse of `optimizer_state`."""
    for group in optimizer.param_groups:
        for weight in group["params"]:
            # The fused optimizer wants the step count, too, where the weight is.
            optimizer.state[weight] = {
                key: state[f"{names[id(weight)]}:{key}"].to(weight.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }


def learning_rate_share(step: int, steps: int, schedule: ScheduleName, warmup: float) -> float:
    """Share of the peak learning rate at a step counted from 0.

    Rises linearly over the first `warmup` of the steps, then falls to zero (linear, cosine), to
    LOWEST_SHARE (exponential), or stays.
    """
    warm = max(1, round(warmup * steps)) if warmup else 0
    if step < warm:
        return (step + 1) / warm
    gone = (step - warm) / max(1, steps - warm)
    match schedule:
        case "linear":
            return 1 - gone
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * gone))
        case "exponential":
            return float(LOWEST_SHARE**gone)
        case "constant":
            return 1.0
