import math
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from finetable.atomic_files import load_tensors, save_tensors
from finetable.settings import ScheduleName
from finetable.training.optimizer import (
    BETAS,
    EPSILON,
    LOWEST_SHARE,
    MasterWeights,
    build_optimizer,
    learning_rate_share,
    load_optimizer_state,
    optimizer_state,
)

SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)
WEIGHT_DECAY = 0.3


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2))


def names_of(masters: MasterWeights) -> dict[int, str]:
    return {id(weight): name for name, weight in zip(masters.names, masters.weights, strict=True)}


def take_steps(
    masters: MasterWeights, optimizer: torch.optim.AdamW, seeds: range, rate: float = 0.01
) -> None:
    for seed in seeds:
        random = torch.Generator().manual_seed(seed)
        for weight in masters.weights:
            weight.grad = torch.randn(weight.shape, generator=random)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()


def assert_identical(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(wanted)
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


def test_a_state_that_went_through_a_file_goes_on_bit_by_bit(tmp_path: Path) -> None:
    masters = MasterWeights(network())
    optimizer = build_optimizer(masters.weights, WEIGHT_DECAY)
    take_steps(masters, optimizer, range(3))
    save_tensors(tmp_path / "weights", masters.state())
    save_tensors(tmp_path / "state", optimizer_state(optimizer, names_of(masters)))

    others = MasterWeights(network(seed=1))
    others.load(load_tensors(tmp_path / "weights"))
    resumed = build_optimizer(others.weights, WEIGHT_DECAY)
    load_optimizer_state(resumed, names_of(others), load_tensors(tmp_path / "state"))
    assert_identical(
        optimizer_state(resumed, names_of(others)), optimizer_state(optimizer, names_of(masters))
    )

    take_steps(masters, optimizer, range(3, 6))
    take_steps(others, resumed, range(3, 6))
    assert_identical(others.state(), masters.state())
    assert_identical(
        optimizer_state(resumed, names_of(others)), optimizer_state(optimizer, names_of(masters))
    )


def test_the_state_names_both_moments_and_the_count_of_every_weight() -> None:
    masters = MasterWeights(network())
    optimizer = build_optimizer(masters.weights, WEIGHT_DECAY)
    assert optimizer_state(optimizer, names_of(masters)) == {}
    take_steps(masters, optimizer, range(2))
    state = optimizer_state(optimizer, names_of(masters))
    wanted = {f"{name}:{key}" for name in masters.names for key in ("step", "exp_avg", "exp_avg_sq")}
    assert set(state) == wanted
    assert {float(state[name]) for name in wanted if name.endswith(":step")} == {2.0}


def test_steps_follow_the_formula_of_adamw_and_only_matrices_decay() -> None:
    masters = MasterWeights(network())
    optimizer = build_optimizer(masters.weights, WEIGHT_DECAY)
    weights = {name: weight.double() for name, weight in masters.state().items()}
    first = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    second = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    rate = 0.01
    for turn in range(1, 5):
        take_steps(masters, optimizer, range(turn, turn + 1), rate)
        for name, master in zip(masters.names, masters.weights, strict=True):
            assert master.grad is not None
            gradient = master.grad.double()
            first[name] = BETAS[0] * first[name] + (1 - BETAS[0]) * gradient
            second[name] = BETAS[1] * second[name] + (1 - BETAS[1]) * gradient**2
            decay = WEIGHT_DECAY if weights[name].ndim == 2 else 0.0
            move = first[name] / (1 - BETAS[0] ** turn)
            move /= (second[name] / (1 - BETAS[1] ** turn)).sqrt() + EPSILON
            weights[name] = weights[name] - rate * decay * weights[name] - rate * move
    for name, weight in masters.state().items():
        torch.testing.assert_close(weight.double(), weights[name], rtol=1e-5, atol=1e-6)


def test_masters_of_an_fp32_network_are_its_own_weights() -> None:
    made = network()
    masters = MasterWeights(made)
    assert all(mine is its for mine, its in zip(masters.weights, made.parameters(), strict=True))


def test_frozen_weights_have_no_master() -> None:
    made = network()
    made[0].requires_grad_(False)
    assert MasterWeights(made).names == ["1.weight", "1.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("working", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("at_once", [1, 30, 1_000])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_step_is_that_of_all_gradients_in_fp32_however_many_are_taken_at_once(
    working: torch.dtype, at_once: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetable.training.optimizer.WEIGHTS_AT_ONCE", at_once)
    made = network()
    masters = MasterWeights(made, working)
    optimizer = build_optimizer(masters.weights, WEIGHT_DECAY)
    wanted = [nn.Parameter(weight.detach().clone()) for weight in masters.weights]
    reference = build_optimizer(wanted, WEIGHT_DECAY)
    for group in (*optimizer.param_groups, *reference.param_groups):
        group["lr"] = 0.01
    draw = torch.Generator().manual_seed(0)
    for _ in range(3):
        # The last weight had no part in the loss.
        for weight, copy in list(zip(made.parameters(), wanted, strict=True))[:-1]:
            weight.grad = torch.randn(weight.shape, generator=draw).to(working)
            copy.grad = weight.grad.float() * share
        masters.update(optimizer, share)
        reference.step()
    assert all(torch.equal(mine, other) for mine, other in zip(masters.weights, wanted, strict=True))
    assert all(
        torch.equal(mine, other.to(working)) for mine, other in zip(made.parameters(), wanted, strict=True)
    )
    assert all(weight.grad is None for weight in (*made.parameters(), *masters.weights))
    assert not torch.equal(wanted[0], next(network().parameters()))


@pytest.mark.parametrize(("working", "rounding"), [(torch.float32, 1e-6), (torch.bfloat16, 2**-9)])
def test_the_norm_is_that_of_all_gradients_together(working: torch.dtype, rounding: float) -> None:
    made = network()
    masters = MasterWeights(made, working)
    gradients = [torch.randn(weight.shape).to(working) for weight in list(made.parameters())[:-1]]
    # The last weight had no part in the loss.
    for weight, gradient in zip(made.parameters(), gradients, strict=False):
        weight.grad = gradient
    wanted = torch.cat([gradient.flatten() for gradient in gradients]).double().norm()
    assert masters.gradient_norm() == pytest.approx(float(wanted), rel=rounding)


def test_a_narrow_network_rounds_neither_its_masters_nor_what_it_is_in_the_end() -> None:
    made = network()
    before = {name: weight.clone() for name, weight in made.named_parameters()}
    masters = MasterWeights(made, torch.bfloat16)
    assert {weight.dtype for weight in made.parameters()} == {torch.bfloat16}
    assert_identical(masters.state(), before)
    masters.widen()
    assert_identical(dict(made.named_parameters()), before)


def test_buffers_are_never_narrowed() -> None:
    made = network()
    frequencies = torch.rand(5)
    made.register_buffer("frequencies", frequencies.clone())
    MasterWeights(made, torch.bfloat16)
    kept = made.get_buffer("frequencies")
    assert kept.dtype == torch.float32
    assert torch.equal(kept, frequencies)


def test_steps_too_small_for_bf16_add_up_in_the_masters() -> None:
    made = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        made.weight.fill_(1.0)
    masters = MasterWeights(made, torch.bfloat16)
    for _ in range(100):
        with torch.no_grad():
            masters.weights[0].sub_(0.001)
        masters.publish()
    assert masters.weights[0].item() == pytest.approx(0.9, abs=1e-4)
    assert made.weight.item() == pytest.approx(0.9, abs=0.004)
    assert made.weight.dtype == torch.bfloat16
    assert float(torch.tensor(1.0, dtype=torch.bfloat16) - 0.001) == 1.0


def test_loading_puts_a_state_into_masters_and_network() -> None:
    wanted = MasterWeights(network(seed=1)).state()
    made = network()
    masters = MasterWeights(made, torch.bfloat16)
    masters.load(wanted)
    assert_identical(masters.state(), wanted)
    assert_identical(dict(made.state_dict()), {name: weight.bfloat16() for name, weight in wanted.items()})


@pytest.mark.parametrize("working", [torch.float32, torch.bfloat16])
def test_lent_in_fp32_the_network_has_the_masters_and_comes_back_as_it_was(working: torch.dtype) -> None:
    made = network()
    made[0].requires_grad_(False)
    masters = MasterWeights(made, working)
    take_steps(masters, build_optimizer(masters.weights, 0.1), range(3))
    masters.publish()
    before = {name: weight.detach().clone() for name, weight in made.named_parameters()}
    with masters.widened():
        assert {weight.dtype for weight in made.parameters()} == {torch.float32}
        for name, weight in masters.state().items():
            assert torch.equal(made.get_parameter(name), weight)
    assert_identical(dict(made.named_parameters()), before)
    assert {weight.dtype for weight in made.parameters()} == {working}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2000), st.sampled_from(SCHEDULES), st.floats(0, 0.99))
def test_the_rate_rises_to_its_peak_and_then_never_rises_again(
    steps: int, schedule: ScheduleName, warmup: float
) -> None:
    shares = [learning_rate_share(step, steps, schedule, warmup) for step in range(steps)]
    peak = shares.index(max(shares))
    assert all(0 < share <= 1 for share in shares)
    assert shares[peak] == 1
    assert all(before < after for before, after in pairwise(shares[: peak + 1]))
    assert all(before >= after for before, after in pairwise(shares[peak:]))
    assert peak <= max(1, round(warmup * steps))


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 500), st.sampled_from(SCHEDULES), st.floats(0, 0.5))
def test_the_rate_falls_as_the_schedule_says(steps: int, schedule: ScheduleName, warmup: float) -> None:
    warm = max(1, round(warmup * steps)) if warmup else 0
    assume((steps - warm) % 2 == 0)
    middle = learning_rate_share(warm + (steps - warm) // 2, steps, schedule, warmup)
    end = learning_rate_share(steps, steps, schedule, warmup)
    halves = {"linear": 0.5, "cosine": 0.5, "exponential": math.sqrt(LOWEST_SHARE), "constant": 1.0}
    ends = {"linear": 0.0, "cosine": 0.0, "exponential": LOWEST_SHARE, "constant": 1.0}
    assert middle == pytest.approx(halves[schedule])
    assert end == pytest.approx(ends[schedule], abs=1e-12)


def test_linear_and_cosine_part_between_their_common_points() -> None:
    linear, cosine = (learning_rate_share(25, 100, name, 0) for name in ("linear", "cosine"))
    assert linear == pytest.approx(0.75)
    assert cosine == pytest.approx(0.5 + math.sqrt(0.125))


def test_warming_up_takes_its_share_of_the_steps() -> None:
    assert [learning_rate_share(step, 20, "constant", 0.2) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert learning_rate_share(0, 20, "linear", 0) == 1
