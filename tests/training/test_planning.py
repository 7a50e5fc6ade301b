import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.examples import Example
from finetable.data.tokens import TokenizedRows
from finetable.errors import RecipeError
from finetable.models.base_model import BaseModel
from finetable.settings import Recipe
from finetable.training.batches import BatchPlan
from finetable.training.plan import Plan, validation_rows
from finetable.training.planning import (
    FEWEST_STEPS,
    MOST_EPOCHS,
    default_epochs,
    draft_plan,
    memory_bytes,
    seconds_per_step,
    with_steps,
)
from finetable.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]
Draft = Callable[..., Plan]


@pytest.fixture(scope="module")
def base(make_base: Callable[[], BaseModel]) -> BaseModel:
    return make_base()


@pytest.fixture(scope="module")
def rows(
    base: BaseModel,
    make_rows: Callable[[BaseModel, Sequence[Example]], TokenizedRows],
    training: list[Example],
) -> TokenizedRows:
    return make_rows(base, training)


@pytest.fixture(scope="module")
def draft(base: BaseModel, rows: TokenizedRows) -> Draft:
    def made(**options: Any) -> Plan:
        recipe = Recipe.of(**{"write": "text", "precision": "fp32"} | options)
        return draft_plan(recipe, base, rows, rows)

    return made


def steps_per_epoch(rows: TokenizedRows, plan: Plan) -> int:
    return BatchPlan.of(rows.lengths, plan).steps_per_epoch


@pytest.mark.parametrize(("epochs", "wanted"), [(1.0, 1.0), (2.5, 2.5), (30, 30.0)])
def test_epochs_become_steps(epochs: float | None, wanted: float, draft: Draft, rows: TokenizedRows) -> None:
    plan = draft(epochs=epochs, batch_tokens=64)
    assert plan.steps == round(wanted * steps_per_epoch(rows, plan))


def test_without_epochs_a_network_gets_the_steps_it_needs_and_a_large_base_four_epochs(
    draft: Draft, rows: TokenizedRows
) -> None:
    fresh, large = (draft(batch_tokens=64, base=name) for name in ("scratch", "gpt2"))
    assert fresh.steps == MOST_EPOCHS * steps_per_epoch(rows, fresh) < FEWEST_STEPS["scratch"]
    assert large.steps == 4 * steps_per_epoch(rows, large)
    assert default_epochs(100, 4.0, "scratch") == FEWEST_STEPS["scratch"] / 100
    assert default_epochs(20, 4.0, "shipped") == FEWEST_STEPS["shipped"] / 20 > 4
    assert default_epochs(FEWEST_STEPS["scratch"], 4.0, "scratch") == 4.0


def test_the_smallest_share_of_an_epoch_is_one_step(draft: Draft) -> None:
    plan = draft(epochs=0.001, batch_tokens=100_000)
    assert (plan.steps, plan.validate_every) == (1, 1)


def test_what_the_recipe_says_is_what_the_plan_holds(draft: Draft) -> None:
    plan = draft(
        learning_rate=0.125,
        schedule="cosine",
        warmup=0.25,
        clip=0.5,
        weight_decay=0.25,
        dropout=0.375,
        batch_tokens=512,
        micro_batch_tokens=128,
        precision="bf16",
        patience=7,
        stop_when_copying=0.5,
        seed=9,
    )
    assert plan.model_dump(
        exclude={"steps", "validate_every", "validation_rows", "epochs", "batch_rows"}
    ) == {
        "patience": 7,
        "keeps_last": False,
        "stop_when_copying": 0.5,
        "learning_rate": 0.125,
        "schedule": "cosine",
        "warmup": 0.25,
        "clip": 0.5,
        "weight_decay": 0.25,
        "dropout": 0.375,
        "batch_tokens": 512,
        "micro_batch_tokens": 128,
        "precision": "bf16",
        "threads": torch.get_num_threads(),
        "seed": 9,
    }


LABEL = {"write": None, "label": "genre", "given": "title"}


def test_labels_learnt_from_nothing_are_held_back_more_than_texts_and_bases(draft: Draft) -> None:
    text, label = draft(base="scratch"), draft(**LABEL, base="scratch")
    shipped, base = draft(**LABEL), draft(**LABEL, base="gpt2")
    assert label.dropout >= shipped.dropout > text.dropout == base.dropout == 0.0
    assert label.weight_decay > text.weight_decay == base.weight_decay > 0.0
    assert label.learning_rate < draft(base="scratch", size="tiny").learning_rate


@pytest.mark.parametrize("source", ["small", "scratch", "gpt2"])
def test_labellers_go_to_their_end_and_keep_it_and_writers_what_was_best(draft: Draft, source: str) -> None:
    for patience in (None, 0):
        plan = draft(**LABEL, base=source, patience=patience)
        assert (plan.patience, plan.keeps_last) == (0, True)
    stopped = draft(**LABEL, base=source, patience=3)
    assert (stopped.patience, stopped.keeps_last) == (3, False)
    text, whole = draft(base=source), draft(base=source, patience=0)
    assert (text.patience, text.keeps_last, whole.keeps_last) == (5, False, False)


def test_nought_is_taken_at_its_word(draft: Draft) -> None:
    plan = draft(**LABEL, dropout=0.0, weight_decay=0.0)
    assert (plan.dropout, plan.weight_decay) == (0.0, 0.0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_batch_in_rows_holds_so_many_rows_of_average_length(
    precision: str, draft: Draft, rows: TokenizedRows
) -> None:
    plan = draft(batch_rows=3, epochs=2.0, precision=precision)
    lengths = [-(-length // plan.row_step) * plan.row_step for length in rows.lengths.tolist()]
    assert plan.batch_tokens == max(16, round(3 * sum(lengths) / len(lengths)))
    assert plan.epochs == pytest.approx(2.0, abs=0.5 / steps_per_epoch(rows, plan))
    assert plan.batch_rows == pytest.approx(len(rows) / steps_per_epoch(rows, plan), rel=1e-5)
    with pytest.raises(RecipeError, match="not both"):
        draft(batch_rows=3, batch_tokens=64)


def test_a_micro_batch_is_never_more_than_a_batch(draft: Draft) -> None:
    plan = draft(batch_tokens=64, micro_batch_tokens=4096)
    assert (plan.batch_tokens, plan.micro_batch_tokens) == (64, 64)


def test_smaller_networks_learn_faster_and_adapters_faster_than_whole_bases(draft: Draft) -> None:
    rates = [draft(base="scratch", size=size).learning_rate for size in ("tiny", "small", "medium", "large")]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4
    assert draft(base="gpt2", lora=8).learning_rate > draft(base="gpt2").learning_rate


@settings(max_examples=50, deadline=None)
@given(steps=st.integers(1, 5000), wanted=st.integers(1, 300))
def test_validations_are_spread_over_the_steps_and_no_more_than_asked(
    steps: int, wanted: int, draft: Draft, rows: TokenizedRows
) -> None:
    recipe = Recipe.of(write="text", validations=wanted)
    plan = with_steps(draft(), steps, recipe, rows, rows)
    happening = [step for step in range(1, steps + 1) if step % plan.validate_every == 0 or step == steps]
    assert plan.steps == steps
    assert 1 <= len(happening) <= wanted
    assert (
        plan.validate_every == 1 or len(range(0, steps, plan.validate_every - 1)) > wanted
    )  # any closer would be more of them than were asked for


def test_the_rows_judged_are_those_that_the_tokens_of_the_whole_run_pay_for(
    draft: Draft, rows: TokenizedRows
) -> None:
    many = rows.select(torch.arange(40).repeat(50).numpy())
    recipe = Recipe.of(write="text", validations=10)
    plan = with_steps(draft(), 400, recipe, rows, many)
    trained = round(int(rows.lengths.sum()) * 400 / steps_per_epoch(rows, plan))
    assert plan.validation_rows == validation_rows(trained, 10, int(many.lengths.sum()), 2000)
    assert 50 < plan.validation_rows < 2000


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_timing_leaves_the_trainer_as_it_was(precision: str, make_trainer: MakeTrainer) -> None:
    timed, fresh = make_trainer(precision=precision), make_trainer(precision=precision)
    assert seconds_per_step(timed) > 0
    assert timed.optimizer_state() == {}
    for name, weight in fresh.masters.state().items():
        assert torch.equal(timed.masters.state()[name], weight)
    assert [timed.step(number).loss_nats for number in range(3)] == [
        fresh.step(number).loss_nats for number in range(3)
    ]


def test_steps_are_timed_for_as_long_as_asked(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    before = {name: weight.clone() for name, weight in trainer.masters.state().items()}
    begun = time.perf_counter()
    assert 0 < seconds_per_step(trainer, at_least=0.3) < 0.3
    assert time.perf_counter() - begun >= 0.3
    assert all(torch.equal(before[name], weight) for name, weight in trainer.masters.state().items())


def test_timing_works_with_a_single_batch(make_trainer: MakeTrainer) -> None:
    assert seconds_per_step(make_trainer(batch_tokens=100_000)) > 0


def test_memory_is_that_of_weights_optimizer_and_activations(base: BaseModel, draft: Draft) -> None:
    weights = sum(weight.numel() for weight in base.network.parameters())
    small, large = draft(micro_batch_tokens=64), draft(micro_batch_tokens=128)
    activations = memory_bytes(base, large, weights) - memory_bytes(base, small, weights)
    assert activations > 64 * base.network.config.hidden_size * 4
    assert memory_bytes(base, small, weights) == 16 * weights + activations
    assert memory_bytes(base, small, trained=100) == 16 * 100 + 4 * (weights - 100) + activations
