"""Training a base: one pass over its mix, in as many sittings as it takes."""

import shutil
import signal
from pathlib import Path

import pytest
import torch
from bases.judging import bits_per_byte
from bases.mix import make_mix
from bases.passages import held_out_passages
from bases.recipe import BaseRecipe
from bases.training import BaseRun

from bases import training
from finetable.training.checkpoint import Position
from finetable.training.trainer import Step, Trainer


@pytest.fixture
def mix(data: Path, recipe: BaseRecipe, tmp_path: Path) -> Path:
    make_mix(recipe, data, tmp_path / "mix")
    return tmp_path / "mix"


def weights(run: BaseRun) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in run.base.network.named_parameters()}


def keep_quiet(step: Step, position: Position) -> None:
    del step, position


def press_ctrl_c_after_the_third_step(step: Step, position: Position) -> None:
    del position
    if step.number == 3:
        signal.raise_signal(signal.SIGINT)


def test_a_base_trained_in_two_sittings_is_the_one_trained_in_one(
    mix: Path, recipe: BaseRecipe, tmp_path: Path
) -> None:
    whole = BaseRun(recipe, mix, tmp_path / "whole")
    assert whole.train(None, keep_quiet).finished

    first = BaseRun(recipe, mix, tmp_path / "sittings").train(None, press_ctrl_c_after_the_third_step)
    assert not first.finished
    assert first.position.step == 3
    again = BaseRun(recipe, mix, tmp_path / "sittings")
    assert again.train(None, keep_quiet).finished
    expected, found = weights(whole), weights(again)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_timing_a_trial_changes_nothing_of_it(
    mix: Path, recipe: BaseRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_TIMED", 0.2)
    timed = BaseRun(recipe, mix, tmp_path / "timed")
    assert timed.train(0.001, keep_quiet).finished
    (tmp_path / "known").mkdir()
    shutil.copy(tmp_path / "timed" / "plan.json", tmp_path / "known")
    known = BaseRun(recipe, mix, tmp_path / "known")
    assert known.train(0.001, keep_quiet).finished
    expected, found = weights(known), weights(timed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_rates_of_timed_steps_stay_on_their_schedule(
    mix: Path, recipe: BaseRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    class Telling(Trainer):
        def step(self, number: int) -> Step:
            found = super().step(number)
            rates.append(found.learning_rate)
            return found

    monkeypatch.setattr(training, "SECONDS_TIMED", 0.2)
    monkeypatch.setattr(training, "Trainer", Telling)
    BaseRun(recipe, mix, tmp_path / "trial").train(0.001, keep_quiet)
    assert len(rates) > 6
    assert all(0 <= rate <= recipe.training.learning_rate for rate in rates)


def test_bits_per_byte_are_those_of_plain_transformers(
    data: Path, mix: Path, recipe: BaseRecipe, tmp_path: Path
) -> None:
    base = BaseRun(recipe, mix, tmp_path / "run").base
    passages = list(held_out_passages(data, frozenset()))
    found = bits_per_byte(base, passages)
    nats, size = 0.0, 0
    for passage in passages:
        if passage.kind == "fiction":
            ids = [base.special.start, *base.tokenizer.encode(passage.text), base.special.end]
            row = torch.tensor([ids])
            with torch.no_grad():
                nats += float(base.network(row, labels=row).loss) * (len(ids) - 1)
            size += len(passage.text.encode())
    assert found["fiction"] == pytest.approx(nats / torch.log(torch.tensor(2.0)).item() / size, rel=1e-4)
    assert found["all"] == pytest.approx(
        sum(found[kind] for kind in found if kind != "all") / (len(found) - 1)
    )
