"""From logits to token ids: pure functions, in which a row's result depends on that row alone.

Randomness comes from a counter and not from a generator with a state, so that the same seed gives
the same text whatever else is in the batch.
"""

from collections.abc import Sequence
from math import inf

import torch
from torch import Tensor

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
NUCLEUS_GUESS = 64
NUCLEUS_GROWTH = 8
ROOM_FOR_EQUALS = 64
"""Tokens beyond those asked for among which equals of the last one are looked for first."""
LARGEST_WEIGHT = 2**42
"""The weight of a row's likeliest token. Weights are whole numbers because their sums are then exact:
the same on every machine, in any order of adding, and equal at a token of weight zero. Sums of up to two
million tokens fit into int64; what is 4e12 times less likely than the likeliest token has weight zero."""


def uniforms(seed: int | Sequence[int], rows: Tensor, draws: Tensor, steps: Tensor) -> Tensor:
    """Give numbers in [0, 1), float64 (B,), each a function of the seed, its row, draw and step alone.

    Rows, draws and steps are int64 (B,); the seed is one for all, or B of them. Four SplitMix64 generators
    are chained (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators"): output number
    ``row`` of the generator seeded with ``seed`` seeds the next, whose output number ``draw`` seeds the
    third, whose output number ``step`` gives the upper 53 bits of the result. Outputs are counted from zero;
    whole numbers wrap at 64 bits.
    """
    assert rows.shape == draws.shape == steps.shape, "rows, draws and steps have one shape"
    assert rows.dtype == draws.dtype == steps.dtype == torch.int64, "rows, draws and steps are int64"
    seeds = [seed] * len(rows) if isinstance(seed, int) else seed
    state = torch.tensor([_signed(each) for each in seeds], dtype=torch.int64, device=rows.device)
    for output_number in (rows, draws, steps):
        state = _mixed(state + (output_number + 1) * _signed(GOLDEN_GAMMA))
    return _shifted_right(state, 11).to(torch.float64) * 2.0**-53


def sample(logits: Tensor, uniform: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Draw a token id for each row: logits (B, V) and uniform (B,) in [0, 1) give int64 (B,).

    The logits are divided by the temperature, of which 0 takes the likeliest token. Then only the
    ``top_k`` likeliest tokens stay (0: all), and of these the nucleus: the fewest likeliest ones whose
    share of the remaining probability reaches ``top_p`` (1: all; Holtzman et al. 2020, "The Curious Case
    of Neural Text Degeneration"). The uniform number picks among them by their cumulative probability,
    in falling order of probability, or in order of id if both limits are off.

    Of equal logits (as float32) the lower id comes first everywhere. A logit of minus infinity never
    comes out; a row of nothing else, or with NaN or plus infinity, is an assertion error.
    """
    assert logits.ndim == 2, "logits are (B, V)"
    assert uniform.shape == logits.shape[:1], "one uniform number per row"
    assert uniform.dtype == torch.float64, "uniform numbers are float64"
    assert 0 <= temperature < inf, "a temperature is finite and not negative"
    assert top_k >= 0, "top_k is not negative"
    assert 0 < top_p <= 1, "top_p is a share of the probability"
    logits = logits.float()
    highest = logits.amax(dim=-1, keepdim=True)
    assert bool(highest.isfinite().all()), "each row needs a finite logit, and none may be NaN or infinite"
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k == 0 and top_p == 1:
        return _pick(_weights(logits, highest, temperature), uniform).squeeze(-1)
    if top_k > 0:
        ids = _likeliest(logits, min(top_k, logits.shape[-1]))
        weights = _weights(logits.gather(-1, ids), highest, temperature)
        if top_p < 1:
            weights = _nucleus(weights, _share(weights, top_p))
    else:
        mass = _share(_weights(logits, highest, temperature), top_p)
        ids = _likeliest(logits, _nucleus_bound(logits, highest, temperature, mass))
        weights = _nucleus(_weights(logits.gather(-1, ids), highest, temperature), mass)
    return ids.gather(-1, _pick(weights, uniform)).squeeze(-1)


def _nucleus_bound(logits: Tensor, highest: Tensor, temperature: float, mass: Tensor) -> int:
    """Find a number of likeliest tokens whose weights reach the mass (B, 1) in every row."""
    vocabulary = logits.shape[-1]
    count = NUCLEUS_GUESS
    while count < vocabulary:
        largest = logits.topk(count, dim=-1, sorted=False).values
        if bool((_weights(largest, highest, temperature).sum(dim=-1, keepdim=True) >= mass).all()):
            return count
        count *= NUCLEUS_GROWTH
    return vocabulary


def _weights(logits: Tensor, highest: Tensor, temperature: float) -> Tensor:
    """Give what probabilities are proportional to, int64, up to LARGEST_WEIGHT; highest is (B, 1)."""
    exponents = logits.double().sub_(highest).div_(temperature)
    return exponents.exp_().mul_(LARGEST_WEIGHT).long()


def _share(weights: Tensor, top_p: float) -> Tensor:
    """Give the mass (B, 1), float64, that a nucleus of all these weights has to reach."""
    return weights.sum(dim=-1, keepdim=True).double() * top_p


def _nucleus(weights: Tensor, mass: Tensor) -> Tensor:
    """Zero the falling weights (B, C) that come after their sum has reached the mass (B, 1)."""
    sum_before = weights.cumsum(dim=-1) - weights
    return weights.masked_fill(sum_before >= mass, 0)


def _pick(weights: Tensor, uniform: Tensor) -> Tensor:
    """Invert the cumulative distribution: positions (B, 1) in weights (B, C), never one of weight zero."""
    sums = weights.cumsum(dim=-1)
    # Below the last sum even where float64 rounds that up: a uniform number is 1 - 2**-53 at most.
    target = (uniform[:, None] * sums[:, -1:]).long()
    return torch.searchsorted(sums, target, right=True)


def _likeliest(logits: Tensor, count: int) -> Tensor:
    """Give the ids (B, count) of the largest logits, largest first, of equal ones the lower id first."""
    room = min(count + ROOM_FOR_EQUALS, logits.shape[-1])
    values, ids = logits.topk(room, dim=-1, sorted=False)
    last = values.topk(count, dim=-1, sorted=False).values.amin(dim=-1, keepdim=True)
    # Which of the tokens equal to the last one topk takes is open, if it does not take them all.
    if room < logits.shape[-1] and bool((values.amin(dim=-1, keepdim=True) == last).any()):
        larger, equal = logits > last, logits == last
        places = count - larger.sum(dim=-1, keepdim=True)
        taken = larger | (equal & (equal.cumsum(dim=-1) <= places))
        ids = taken.nonzero()[:, 1].view(-1, count)
    ids = ids.sort(dim=-1).values
    order = logits.gather(-1, ids).sort(dim=-1, descending=True, stable=True).indices
    return ids.gather(-1, order[:, :count])


def _mixed(state: Tensor) -> Tensor:
    """Apply SplitMix64's finaliser (the paper's mix64 with Stafford's variant 13 constants)."""
    state = (state ^ _shifted_right(state, 30)) * _signed(0xBF58476D1CE4E5B9)
    state = (state ^ _shifted_right(state, 27)) * _signed(0x94D049BB133111EB)
    return state ^ _shifted_right(state, 31)


def _shifted_right(state: Tensor, bits: int) -> Tensor:
    """Shift as if int64 had no sign; torch's own shift copies the sign bit."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    """Give the int64 with the lowest 64 bits of a whole number."""
    return (number + 2**63) % 2**64 - 2**63
