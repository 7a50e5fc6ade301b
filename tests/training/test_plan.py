import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from finetable.training.plan import DROPOUT_RISE, FORWARD_SHARE, VALIDATION_SHARE, Plan, validation_rows

FEWEST = 50
NUMBERS = {
    "steps": 10,
    "validate_every": 4,
    "validation_rows": 5,
    "patience": 0,
    "learning_rate": 1 / 3000,
    "schedule": "cosine",
    "warmup": 0.1,
    "clip": 1.0,
    "weight_decay": 0.1,
    "dropout": 0.1,
    "batch_tokens": 256,
    "micro_batch_tokens": 96,
    "precision": "bf16",
    "threads": 1,
    "seed": 2**63 - 1,
}


def test_a_plan_comes_back_from_a_record_as_it_was() -> None:
    plan = Plan.model_validate(NUMBERS)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@given(steps=st.integers(1, 10_000), dropout=st.floats(0, 0.99))
def test_dropout_rises_from_nothing_to_its_full_share_and_stays_there(steps: int, dropout: float) -> None:
    plan = Plan.model_validate({**NUMBERS, "steps": steps, "dropout": dropout})
    shares = [plan.dropout_at(step) for step in range(0, steps, max(1, steps // 100))]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert plan.dropout_at(steps) == dropout
    assert plan.dropout_at(int(DROPOUT_RISE * steps) + 1) == dropout


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 0), ("validate_every", 0), ("dropout", 1.0), ("unknown", 1)]
)
def test_a_plan_refuses_what_could_not_be_trained(name: str, value: float) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate({**NUMBERS, name: value})


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 10_000_000))
def test_the_seed_of_every_step_is_one_that_torch_takes(seed: int, step: int) -> None:
    assert 0 <= Plan.model_validate({**NUMBERS, "seed": seed}).step_seed_base + step < 2**63


def test_neighbouring_seeds_share_no_step_seeds_within_a_million_steps() -> None:
    bases = [Plan.model_validate({**NUMBERS, "seed": seed}).step_seed_base for seed in range(5)]
    assert min(abs(one - other) for one in bases for other in bases if one != other) > 1_000_000


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10_000), st.integers(1, 10**7), st.integers(1, 10**5))
def test_validating_stays_within_its_share_of_the_time_or_takes_the_fewest_rows(
    training_tokens: int, validations: int, lengths_total: int, rows: int
) -> None:
    judged = validation_rows(training_tokens, validations, lengths_total, rows)
    assert 1 <= judged <= rows
    tokens_judged = (judged - 1) * lengths_total / rows * validations
    within = tokens_judged * FORWARD_SHARE <= training_tokens * VALIDATION_SHARE * (1 + 1e-9)
    assert within or judged <= FEWEST


def test_all_rows_are_judged_where_the_time_allows_it() -> None:
    assert validation_rows(10_000_000, 20, 5_000, 400) == 400


def test_half_of_the_rows_are_judged_where_the_time_allows_half() -> None:
    tokens_for_half = 20 * 50_000 / 2 * FORWARD_SHARE / VALIDATION_SHARE
    assert validation_rows(round(tokens_for_half), 20, 50_000, 1000) == 500


def test_few_rows_are_judged_even_where_time_is_short() -> None:
    assert validation_rows(100, 20, 1_000_000, 10_000) == FEWEST
    assert validation_rows(100, 20, 1_000_000, 7) == 7
