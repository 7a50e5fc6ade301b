import math
from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetable.inference.sampling import sample, uniforms

INT64 = st.integers(-(2**63), 2**63 - 1)
LARGEST_UNIFORM = 1 - 2**-53
UNIFORM = st.sampled_from([0.0, LARGEST_UNIFORM]) | st.floats(0, LARGEST_UNIFORM)
LOGIT = (
    st.sampled_from([-math.inf, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0])
    | st.floats(-60, 60, width=32)
    | st.just(-math.inf)
)
TEMPERATURE = st.sampled_from([0.0, 0.5, 1.0, 2.0]) | st.floats(0.01, 5)
TOP_K = st.integers(0, 12)
TOP_P = st.sampled_from([1.0, 0.5, 0.9]) | st.floats(0.001, 1)


@st.composite
def logit_rows(draw: st.DrawFn) -> list[list[float]]:
    vocabulary = draw(st.integers(1, 10))
    row = st.lists(LOGIT, min_size=vocabulary, max_size=vocabulary).filter(lambda row: max(row) > -math.inf)
    return draw(st.lists(row, min_size=1, max_size=4))


class SplitMix64:
    """The generator as published, in whole numbers without a limit."""

    def __init__(self, seed: int) -> None:
        self.state = seed % 2**64

    def next(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        mixed = ((self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
        return mixed ^ (mixed >> 31)

    def output(self, number: int) -> int:
        skipped = SplitMix64(self.state + number * 0x9E3779B97F4A7C15)
        return skipped.next()


def slow_uniform(seed: int, row: int, draw: int, step: int) -> float:
    for number in (row, draw, step):
        seed = SplitMix64(seed).output(number)
    return (seed >> 11) / 2**53


def grid(rows: int, draws: int, steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    axes = torch.meshgrid(*(torch.arange(count) for count in (rows, draws, steps)), indexing="ij")
    return axes[0].reshape(-1), axes[1].reshape(-1), axes[2].reshape(-1)


def test_the_reference_gives_the_published_outputs_of_splitmix64() -> None:
    generator = SplitMix64(1234567)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [generator.next() for _ in published] == published
    assert [SplitMix64(1234567).output(number) for number in range(4)] == published


@settings(deadline=None)
@given(st.integers(), st.lists(st.tuples(INT64, INT64, INT64), min_size=1, max_size=5))
def test_uniforms_agree_with_plain_whole_numbers(seed: int, places: list[tuple[int, int, int]]) -> None:
    rows, draws, steps = torch.tensor(places).T
    found = uniforms(seed, rows, draws, steps)
    assert found.dtype == torch.float64
    assert found.tolist() == [slow_uniform(seed, *place) for place in places]
    assert all(0 <= number < 1 for number in found.tolist())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(), INT64, INT64, INT64), min_size=1, max_size=5))
def test_each_row_may_have_a_seed_of_its_own(places: list[tuple[int, int, int, int]]) -> None:
    rows, draws, steps = torch.tensor([place[1:] for place in places]).T
    found = uniforms([place[0] for place in places], rows, draws, steps)
    assert found.tolist() == [slow_uniform(*place) for place in places]


@settings(deadline=None)
@given(st.permutations(range(60)), st.integers(1, 60))
def test_cutting_and_mixing_the_batch_changes_no_uniform(order: list[int], size: int) -> None:
    rows, draws, steps = grid(5, 3, 4)
    everything = uniforms(9, rows, draws, steps)
    part = torch.tensor(order[:size])
    assert torch.equal(uniforms(9, rows[part], draws[part], steps[part]), everything[part])


@pytest.mark.parametrize("shape", [(4096, 1, 16), (1, 4096, 16), (16, 1, 4096), (16, 16, 256)])
def test_uniforms_are_uniform_and_neighbours_independent(shape: tuple[int, int, int]) -> None:
    found = uniforms(0, *grid(*shape))
    assert found.unique().numel() == found.numel()
    for values in (
        found.view(-1, 1),
        found.view(-1, 2),
        found.view(shape[0] * shape[1], -1).T.reshape(-1, 2),
    ):
        cells = ((values * 16).long() * torch.tensor([1, 16])[: values.shape[1]]).sum(dim=1)
        possible = 16 ** values.shape[1]
        counts, expected = cells.bincount(minlength=possible), len(cells) / possible
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        assert abs(chi_square - (possible - 1)) < 4 * math.sqrt(2 * (possible - 1))


def test_seeds_give_unrelated_uniforms() -> None:
    places = grid(20, 5, 20)
    first, second = uniforms(0, *places), uniforms(1, *places)
    correlation = torch.corrcoef(torch.stack([first, second]))[0, 1]
    assert abs(float(correlation)) < 4 / math.sqrt(len(first))


def slow_kept(row: list[float], temperature: float, top_k: int, top_p: float) -> list[tuple[int, float]]:
    """The tokens that stay, in the order in which a uniform number picks them, with their weights."""
    ids = sorted((i for i, logit in enumerate(row) if logit > -math.inf), key=lambda i: (-row[i], i))
    if temperature == 0:
        return [(ids[0], 1.0)]
    ids = ids[:top_k] if top_k else ids
    weight = {i: math.exp((row[i] - row[ids[0]]) / temperature) for i in ids}
    if top_p < 1:
        needed, kept, reached = top_p * sum(weight.values()), [], 0.0
        for i in ids:
            if reached < needed:
                kept.append(i)
            reached += weight[i]
        ids = kept
    elif top_k == 0:
        ids = sorted(ids)
    return [(i, weight[i]) for i in ids]


def slow_place(kept: list[tuple[int, float]], uniform: float) -> int:
    reached, target = 0.0, uniform * sum(weight for _, weight in kept)
    for place, (_, weight) in enumerate(kept):
        reached += weight
        if reached > target:
            return place
    return len(kept) - 1


def slow_sample(row: list[float], uniform: float, temperature: float, top_k: int, top_p: float) -> int:
    kept = slow_kept(row, temperature, top_k, top_p)
    return kept[slow_place(kept, uniform)][0]


def nearly_equal_answers(
    row: list[float], uniform: float, temperature: float, top_k: int, top_p: float
) -> set[int]:
    """What the reference gives with any of the numbers that rounding cannot tell from those asked for."""
    close = 1e-11
    shares = [top_p] if top_p == 1 else [top_p * (1 - close), top_p, min(top_p * (1 + close), 1 - 2**-53)]
    answers: set[int] = set()
    for share in shares:
        kept = slow_kept(row, temperature, top_k, share)
        first = slow_place(kept, max(uniform - close, 0.0))
        last = slow_place(kept, min(uniform + close, LARGEST_UNIFORM))
        answers.update(token for token, _ in kept[first : last + 1])
    return answers


@settings(max_examples=300, deadline=None)
@example([[-1.0, -0.5, 14.0]], [0.0] * 4, 0.5, 0, 1.0)
@given(logit_rows(), st.lists(UNIFORM, min_size=4, max_size=4), TEMPERATURE, TOP_K, TOP_P)
def test_sample_agrees_with_the_obvious_way(
    rows: list[list[float]], numbers: list[float], temperature: float, top_k: int, top_p: float
) -> None:
    numbers = numbers[: len(rows)]
    drawn = sample(torch.tensor(rows), torch.tensor(numbers, dtype=torch.float64), temperature, top_k, top_p)
    assert drawn.dtype == torch.int64
    for row, number, token in zip(rows, numbers, drawn.tolist(), strict=True):
        assert row[token] > -math.inf
        assert token in nearly_equal_answers(row, number, temperature, top_k, top_p)


@settings(deadline=None)
@given(logit_rows(), st.lists(UNIFORM, min_size=4, max_size=4), TEMPERATURE, TOP_K, TOP_P)
def test_a_row_does_not_depend_on_the_others(
    rows: list[list[float]], numbers: list[float], temperature: float, top_k: int, top_p: float
) -> None:
    logits, uniform = torch.tensor(rows), torch.tensor(numbers[: len(rows)], dtype=torch.float64)
    together = sample(logits, uniform, temperature, top_k, top_p)
    alone = [sample(logits[[i]], uniform[[i]], temperature, top_k, top_p) for i in range(len(rows))]
    assert torch.equal(together, torch.cat(alone))
    assert torch.equal(together.flip(0), sample(logits.flip(0), uniform.flip(0), temperature, top_k, top_p))


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (5, 1.0), (0, 0.8), (6, 0.8)])
def test_draws_are_as_frequent_as_they_are_probable(top_k: int, top_p: float) -> None:
    row = [0.3, -math.inf, 2.0, 1.0, 1.0, -1.0, 0.0, 0.7]
    draws = 20_000
    uniform = uniforms(3, torch.arange(draws), *(torch.zeros(draws, dtype=torch.int64),) * 2)
    drawn = sample(torch.tensor([row]).expand(draws, -1), uniform, 0.7, top_k, top_p)
    evenly = [slow_sample(row, (i + 0.5) / 5_000, 0.7, top_k, top_p) for i in range(5_000)]
    for token in range(len(row)):
        expected = evenly.count(token) / 5_000
        found = int((drawn == token).sum()) / draws
        assert abs(found - expected) <= 4 * math.sqrt(expected * (1 - expected) / draws) + 2 / 5_000
        assert (found > 0) == (expected > 0)


def everything_drawn(row: torch.Tensor, top_k: int, top_p: float) -> list[int]:
    uniform = torch.arange(2_000, dtype=torch.float64) / 2_000
    drawn = sample(row.expand(2_000, -1), uniform, 1.0, top_k, top_p)
    return [int(token) for token in drawn.unique_consecutive()]


@pytest.mark.parametrize("top_p", [1.0, 0.999_999])
def test_of_many_equal_logits_top_k_takes_the_lowest_ids(top_p: float) -> None:
    row = torch.zeros(1, 3_000)
    row[0, [2_500, 700]] = 1.0
    row[0, :50] = -3.0
    assert everything_drawn(row, top_k=40, top_p=top_p) == [700, 2_500, *range(50, 88)]


@pytest.mark.parametrize("equals", [2, 10, 63, 64, 65, 66, 200])
def test_of_equal_logits_at_the_end_of_top_k_the_lowest_ids_are_taken(equals: int) -> None:
    """As many as are looked at beyond those asked for, some fewer, and more."""
    row = torch.full((1, 1_000), -1.0)
    row[0, [900, 5]] = 2.0
    places = torch.randperm(800, generator=torch.Generator().manual_seed(equals))[:equals] + 100
    row[0, places] = 1.0
    assert everything_drawn(row, top_k=3, top_p=1.0) == [5, 900, int(places.min())]


def test_zeros_of_either_sign_are_equal() -> None:
    row = torch.zeros(1, 100)
    row[0, ::2] = -0.0
    assert everything_drawn(row, top_k=7, top_p=1.0) == list(range(7))
    assert int(sample(row, torch.zeros(1, dtype=torch.float64), 0.0, 0, 1.0)) == 0


@pytest.mark.parametrize("size", [5, 70, 700, 1_400])
def test_the_nucleus_is_exact_however_large(size: int) -> None:
    """Of equal tokens each reaches its share alone, so the nucleus ends in the middle of equals."""
    row = torch.full((1, 1_500), -30.0)
    row[0, 100:1_500] = 2.0
    nucleus = everything_drawn(row, top_k=0, top_p=(size - 0.5) / 1_400)
    assert nucleus == list(range(100, 100 + size))


def test_rows_with_nuclei_of_all_sizes_stand_together() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 1_000, generator=generator) * torch.logspace(-2, 1, 12)[:, None]
    uniform = torch.rand(12, generator=generator, dtype=torch.float64)
    drawn = sample(logits, uniform, 0.9, 0, 0.97).tolist()
    for row, number, token in zip(logits.tolist(), uniform.tolist(), drawn, strict=True):
        assert token in nearly_equal_answers(row, number, 0.9, 0, 0.97)


@pytest.mark.parametrize("where", [0, 1, 17, 4_000, 4_998])
def test_greedy_takes_the_lowest_of_the_likeliest_ids(where: int) -> None:
    logits = torch.zeros(3, 5_000)
    logits[:, [where, 4_999]] = 1.5
    assert sample(logits, torch.full((3,), 0.9, dtype=torch.float64), 0.0, 3, 0.5).tolist() == [where] * 3


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (4, 1.0), (0, 0.99), (4, 0.99)])
@pytest.mark.parametrize("uniform", [0.0, LARGEST_UNIFORM])
def test_masked_tokens_at_both_ends_never_come_out(top_k: int, top_p: float, uniform: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(200, 300, generator=generator)
    logits[:, :100] = logits[:, -100:] = -math.inf
    drawn = sample(logits, torch.full((200,), uniform, dtype=torch.float64), 1.0, top_k, top_p)
    assert bool(((drawn >= 100) & (drawn < 200)).all())


@pytest.mark.parametrize("vocabulary", [2_049, 3_001, 4_096, 4_097, 99_999])
def test_the_largest_uniform_takes_the_last_token_where_sums_exceed_float64(vocabulary: int) -> None:
    """The sum of the weights is past 2**53 here, where float64 holds only every second whole number."""
    logits = torch.zeros(3, vocabulary)
    logits[1, 0] = logits[2, :-1] = 1e-4
    drawn = sample(logits, torch.full((3,), LARGEST_UNIFORM, dtype=torch.float64), 1.0, 0, 1.0)
    assert drawn.tolist() == [vocabulary - 1] * 3


def test_a_higher_temperature_flattens() -> None:
    row = torch.tensor([[0.0, 2.0]])
    uniform = torch.arange(10_000, dtype=torch.float64) / 10_000
    shares = [
        float((sample(row.expand(10_000, -1), uniform, temperature, 0, 1.0) == 0).double().mean())
        for temperature in (0.25, 0.5, 1.0, 2.0, 8.0)
    ]
    assert all(one < next_one for one, next_one in pairwise(shares))
    assert shares[2] == pytest.approx(1 / (1 + math.exp(2)), abs=2e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (20, 0.9), (0, 0.9)])
def test_half_precision_is_taken_as_it_is(dtype: torch.dtype, top_k: int, top_p: float) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(50, 500, generator=generator).to(dtype)
    uniform = torch.rand(50, generator=generator, dtype=torch.float64)
    assert torch.equal(
        sample(logits, uniform, 0.8, top_k, top_p), sample(logits.float(), uniform, 0.8, top_k, top_p)
    )


@pytest.mark.parametrize("bad", [[-math.inf, -math.inf], [0.0, math.nan], [0.0, math.inf]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_without_a_likeliest_token_is_refused(bad: list[float], temperature: float) -> None:
    with pytest.raises(AssertionError, match="finite logit"):
        sample(torch.tensor([[0.0, 1.0], bad]), torch.zeros(2, dtype=torch.float64), temperature, 0, 1.0)


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(-1.0, 0, 1.0), (math.nan, 0, 1.0), (math.inf, 0, 1.0), (1.0, -1, 1.0), (1.0, 0, 0.0), (1.0, 0, 1.1)],
)
def test_settings_without_a_meaning_are_refused(temperature: float, top_k: int, top_p: float) -> None:
    with pytest.raises(AssertionError):
        sample(torch.zeros(1, 2), torch.zeros(1, dtype=torch.float64), temperature, top_k, top_p)


def test_the_logits_are_left_as_they_were() -> None:
    logits = torch.tensor([[0.5, -math.inf, 2.0]])
    before = logits.clone()
    for top_k, top_p in ((0, 1.0), (2, 0.5), (0, 0.5)):
        sample(logits, torch.zeros(1, dtype=torch.float64), 0.5, top_k, top_p)
    assert torch.equal(logits, before)
