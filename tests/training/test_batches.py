from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.training.batches import Batch, BatchPlan, in_length_order

LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=80).map(np.array)
BUDGET = st.integers(2, 300)
SEED = st.integers(0, 2**63 - 1)
EPOCH = st.integers(0, 20)


@st.composite
def plans(draw: st.DrawFn) -> BatchPlan:
    budget = draw(BUDGET)
    return BatchPlan(draw(LENGTHS), budget, draw(st.integers(2, budget)), draw(SEED))


def rows_of(batch: Batch) -> np.ndarray:
    return np.concatenate(batch)


def as_lists(batches: list[Batch]) -> list[list[list[int]]]:
    return [[part.tolist() for part in batch] for batch in batches]


def assert_within_budget(rows: np.ndarray, lengths: np.ndarray, budget: int) -> None:
    assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget


def assert_neighbours_in_length(parts: list[np.ndarray], lengths: np.ndarray, budget: int) -> None:
    """Lengths of two parts never interleave, and no part had room for the row that comes next."""
    for part, following in pairwise(sorted(parts, key=lambda rows: lengths[rows].max())):
        shortest_left = int(lengths[following].min())
        assert lengths[part].max() <= shortest_left
        assert (len(part) + 1) * shortest_left > budget


@settings(max_examples=60, deadline=None)
@given(plans(), EPOCH)
def test_an_epoch_holds_every_row_exactly_once(plan: BatchPlan, epoch: int) -> None:
    rows = np.concatenate([rows_of(batch) for batch in plan.epoch(epoch)])
    assert sorted(rows.tolist()) == list(range(len(plan.lengths)))


@settings(max_examples=60, deadline=None)
@given(plans(), EPOCH)
def test_padded_tokens_stay_within_both_budgets_unless_a_row_stands_alone(
    plan: BatchPlan, epoch: int
) -> None:
    for batch in plan.epoch(epoch):
        assert_within_budget(rows_of(batch), plan.lengths, plan.batch_tokens)
        for part in batch:
            assert_within_budget(part, plan.lengths, plan.micro_batch_tokens)


@settings(max_examples=60, deadline=None)
@given(plans(), EPOCH)
def test_rows_that_stand_together_are_neighbours_in_length(plan: BatchPlan, epoch: int) -> None:
    batches = plan.epoch(epoch)
    lengths = plan.lengths
    by_length = sorted((rows_of(batch) for batch in batches), key=lambda rows: tuple(sorted(lengths[rows])))
    for shorter, longer in pairwise(by_length):
        assert lengths[shorter].max() <= lengths[longer].min()
    for batch in batches:
        assert_neighbours_in_length(batch, lengths, plan.micro_batch_tokens)


@settings(max_examples=60, deadline=None)
@given(plans(), EPOCH)
def test_every_epoch_has_the_same_number_of_steps(plan: BatchPlan, epoch: int) -> None:
    assert len(plan.epoch(epoch)) == plan.steps_per_epoch


@settings(max_examples=60, deadline=None)
@given(plans(), EPOCH)
def test_batches_depend_on_seed_and_epoch_alone(plan: BatchPlan, epoch: int) -> None:
    again = BatchPlan(plan.lengths.copy(), plan.batch_tokens, plan.micro_batch_tokens, plan.seed)
    again.epoch(epoch + 1)
    assert as_lists(plan.epoch(epoch)) == as_lists(again.epoch(epoch))


def test_other_seeds_and_epochs_mix_the_rows_of_batches_and_their_order_anew() -> None:
    lengths = np.repeat([5, 6, 7, 8, 9], 20)
    epochs = [
        BatchPlan(lengths, 50, 25, seed).epoch(epoch) for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]
    members = [{frozenset(rows_of(batch).tolist()) for batch in batches} for batches in epochs]
    orders = [tuple(int(lengths[rows_of(batch)].max()) for batch in batches) for batches in epochs]
    assert len({frozenset(sets) for sets in members}) == 4
    assert len(set(orders)) == 4
    assert all(list(order) != sorted(order) for order in orders)


def test_micro_batches_smaller_than_a_batch_really_cut_it() -> None:
    plan = BatchPlan(np.full(12, 10), 60, 20, 0)
    assert [[len(part) for part in batch] for batch in plan.epoch(0)] == [[2, 2, 2], [2, 2, 2]]


def test_rows_are_counted_as_long_as_they_are_padded_to() -> None:
    lengths = np.array([3, 8, 9, 10, 11, 16])
    plan = BatchPlan(lengths, 32, 32, 0, row_step=8)
    batches = sorted(sorted(lengths[rows_of(batch)].tolist()) for batch in plan.epoch(0))
    assert batches == [[3, 8], [9, 10], [11, 16]]
    assert plan.steps_per_epoch == 3
    assert BatchPlan(lengths, 32, 32, 0).steps_per_epoch == 2 + 1


def test_a_row_longer_than_the_budget_stands_alone() -> None:
    plan = BatchPlan(np.array([5, 500, 5, 400]), 20, 20, 0)
    assert sorted(sorted(rows_of(batch).tolist()) for batch in plan.epoch(0)) == [[0, 2], [1], [3]]


@settings(max_examples=60, deadline=None)
@given(LENGTHS, BUDGET)
def test_rows_in_length_order_are_whole_and_within_budget(lengths: np.ndarray, budget: int) -> None:
    batches = in_length_order(lengths, budget)
    rows = np.concatenate(batches)
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[rows]) >= 0).all()
    for batch in batches:
        assert_within_budget(batch, lengths, budget)
    assert_neighbours_in_length(batches, lengths, budget)
