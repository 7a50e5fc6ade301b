import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetable.atomic_files import load_tensors
from finetable.data.examples import Example
from finetable.training import loop
from finetable.training.checkpoint import Checkpoints, Position
from finetable.training.journal import Journal
from finetable.training.loop import Outcome, run
from finetable.training.trainer import NotFiniteError, Step, Trainer

MakeTrainer = Callable[..., Trainer]
ROOT = Path(__file__).parents[2]
STEPS = 10


def nothing(step: Step, position: Position) -> None:
    """For runs that are judged by how they end."""


def never() -> bool:
    return False


class StopAfter:
    """Asks for a stop once a step has been told."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._reached = False

    def on_step(self, step: Step, position: Position) -> None:
        del position
        self._reached = self._reached or step.number == self._step

    def stop_asked(self) -> bool:
        return self._reached


def stopped_after(step: int, trainer: Trainer, folder: Path) -> Outcome:
    stop = StopAfter(step)
    return run(trainer, Checkpoints(folder), stop.on_step, stop.stop_asked)


def whole_run(trainer: Trainer, folder: Path) -> Outcome:
    return run(trainer, Checkpoints(folder), nothing, never)


def assert_ended_alike(found: tuple[Trainer, Outcome], wanted: tuple[Trainer, Outcome]) -> None:
    trainer, outcome = found
    reference, expected = wanted
    assert outcome.finished
    assert expected.finished
    assert replace(outcome.position, seconds=0.0) == replace(expected.position, seconds=0.0)
    theirs = reference.masters.state()
    assert list(trainer.masters.state()) == list(theirs)
    assert all(torch.equal(weight, theirs[name]) for name, weight in trainer.masters.state().items())


@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_run_stopped_after_any_step_ends_as_one_that_was_not(
    step: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    unbroken = make_trainer()
    expected = whole_run(unbroken, tmp_path / "unbroken")
    stopped = stopped_after(step, make_trainer(), tmp_path / "stopped")
    assert not stopped.finished
    assert stopped.position.step == step == Checkpoints(tmp_path / "stopped").newest_step()
    resumed = make_trainer()
    outcome = whole_run(resumed, tmp_path / "stopped")
    assert_ended_alike((resumed, outcome), (unbroken, expected))


def test_a_run_stopped_after_every_step_in_bf16_ends_as_one_that_was_not(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    unbroken = make_trainer(precision="bf16")
    expected = whole_run(unbroken, tmp_path / "unbroken")
    for step in range(1, STEPS):
        assert not stopped_after(step, make_trainer(precision="bf16"), tmp_path / "stopped").finished
    resumed = make_trainer(precision="bf16")
    outcome = whole_run(resumed, tmp_path / "stopped")
    assert_ended_alike((resumed, outcome), (unbroken, expected))


def test_a_run_killed_at_any_moment_goes_on_to_the_same_bytes_and_a_whole_journal(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    unbroken = make_trainer()
    expected = whole_run(unbroken, tmp_path / "unbroken")
    wanted = (tmp_path / "unbroken" / f"best-{expected.position.best_step:09d}.safetensors").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.killed_runs", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    ends = dict(tuple(map(int, line.split())) for line in done.stdout.splitlines())
    assert set(ends.values()) == {signal.SIGKILL, 0}
    killed = [number for number, end in ends.items() if end == signal.SIGKILL]
    assert len(killed) > 3 * STEPS
    for number in killed:
        folder = tmp_path / str(number)
        checkpoints = Checkpoints(folder / "checkpoints")
        begun = checkpoints.newest_step()
        journal = Journal(folder, begun)
        resumed = make_trainer()
        outcome = run(resumed, checkpoints, lambda step, _, kept=journal: kept.step(step), never)
        assert_ended_alike((resumed, outcome), (unbroken, expected))
        best = folder / "checkpoints" / f"best-{outcome.position.best_step:09d}.safetensors"
        assert best.read_bytes() == wanted
        told = (folder / "steps.jsonl").read_text().splitlines()
        assert [f'{{"number": {step},' in line for step, line in enumerate(told, 1)] == [True] * STEPS


def test_every_step_is_told_once_in_order_and_validations_when_due(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    told: list[tuple[Step, Position]] = []
    outcome = run(make_trainer(), Checkpoints(tmp_path), lambda *step: told.append(step), never)
    assert [step.number for step, _ in told] == [position.step for _, position in told] == [*range(1, 11)]
    assert [step.number for step, _ in told if step.validation_nats is not None] == [4, 8, 10]
    assert told[-1][1] == outcome.position
    assert outcome.position.tokens == sum(step.tokens for step, _ in told)
    assert outcome.position.seconds > sum(step.seconds for step, _ in told)


def test_at_the_end_the_trainer_holds_the_weights_of_the_best_validation(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    told: list[Step] = []
    trainer = make_trainer(learning_rate=0.3, warmup=0.0, schedule="constant", steps=12)
    outcome = run(trainer, Checkpoints(tmp_path), lambda step, _: told.append(step), never)
    validations = {step.number: step.validation_nats for step in told if step.validation_nats is not None}
    best_step = min(validations, key=lambda number: validations[number])
    assert best_step < 12
    assert (outcome.position.best_step, outcome.position.best_nats) == (best_step, validations[best_step])
    assert trainer.validate(best_step) == outcome.position.best_nats
    kept = load_tensors(tmp_path / f"best-{best_step:09d}.safetensors")
    assert all(torch.equal(weight, kept[name]) for name, weight in trainer.masters.state().items())


UNLEARNABLE = [Example(1, "zz", "qqq xxx jjj"), Example(2, "yy", "kkk vvv")]


def hopeless(make_trainer: MakeTrainer, patience: int) -> Trainer:
    """What is learnt makes validation worse from the first one on."""
    return make_trainer(
        validation=UNLEARNABLE,
        validation_rows=2,
        validate_every=2,
        steps=14,
        learning_rate=0.03,
        dropout=0.0,
        patience=patience,
    )


@pytest.mark.parametrize(("patience", "last_step"), [(1, 4), (2, 6), (4, 10), (0, 14)])
def test_patience_counts_validations_without_progress(
    patience: int, last_step: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    trainer = hopeless(make_trainer, patience)
    outcome = whole_run(trainer, tmp_path)
    assert outcome.finished
    assert (outcome.position.step, outcome.position.best_step) == (last_step, 2)
    assert outcome.position.stale == last_step // 2 - 1
    assert trainer.validate(2) == outcome.position.best_nats


def test_patience_is_not_forgotten_by_a_stop(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    unbroken = hopeless(make_trainer, 2)
    expected = whole_run(unbroken, tmp_path / "unbroken")
    stopped_after(5, hopeless(make_trainer, 2), tmp_path / "stopped")
    resumed = hopeless(make_trainer, 2)
    outcome = whole_run(resumed, tmp_path / "stopped")
    assert_ended_alike((resumed, outcome), (unbroken, expected))


def test_a_run_that_has_ended_is_not_trained_further(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    first = hopeless(make_trainer, 2)
    expected = whole_run(first, tmp_path)
    told: list[Step] = []
    again = hopeless(make_trainer, 2)
    outcome = run(again, Checkpoints(tmp_path), lambda step, _: told.append(step), lambda: True)
    assert told == []
    assert_ended_alike((again, outcome), (first, expected))


def test_a_stop_at_the_last_step_is_the_end(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    assert stopped_after(STEPS, make_trainer(), tmp_path).finished


def test_between_validations_a_checkpoint_is_written_when_its_time_has_come(
    tmp_path: Path, make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest: list[int] = []
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    checkpoints = Checkpoints(tmp_path)
    run(make_trainer(), checkpoints, lambda *_: newest.append(checkpoints.newest_step()), never)
    assert newest == [*range(STEPS)]
    assert len(list(tmp_path.glob("step-*"))) == 2


def test_a_disk_that_lost_the_newest_checkpoint_costs_its_steps_only(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    unbroken = make_trainer()
    expected = whole_run(unbroken, tmp_path / "unbroken")
    stopped_after(9, make_trainer(), tmp_path / "stopped")
    (tmp_path / "stopped" / "step-000000009" / "optimizer.safetensors").write_bytes(b"")
    checkpoints = Checkpoints(tmp_path / "stopped")
    assert checkpoints.newest_step() == 8
    resumed = make_trainer()
    assert_ended_alike((resumed, run(resumed, checkpoints, nothing, never)), (unbroken, expected))


@pytest.mark.parametrize("step", [1, 3, 10])
def test_numbers_that_are_not_finite_stop_the_run(
    step: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    """Step 10 is the last: nothing but its validation can notice."""
    trainer = make_trainer()

    def poison(told: Step, position: Position) -> None:
        del position
        if told.number == step - 1:
            with torch.no_grad():
                trainer.masters.weights[0].fill_(torch.nan)

    with pytest.raises(NotFiniteError) as fault:
        if step == 1:
            poison(Step(0, 0.0, 0.0, 0.0, 0, 0.0), Position())
        run(trainer, Checkpoints(tmp_path), poison, never)
    assert fault.value.step == step
    assert fault.value.row_ids
    kept = Checkpoints(tmp_path).latest()
    assert kept is None or all(weight.isfinite().all() for weight in kept.weights.values())


def test_the_collector_works_again_after_a_run(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    frozen: list[int] = []
    before = gc.get_freeze_count()
    whole = make_trainer()
    run(whole, Checkpoints(tmp_path), lambda *_: frozen.append(gc.get_freeze_count()), never)
    assert min(frozen) > before
    assert gc.get_freeze_count() == 0
