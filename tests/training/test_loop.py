import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from finetable import atomic_files
from finetable.data.examples import Example
from finetable.training import loop
from finetable.training.checkpoint import Checkpoint, Checkpoints, Position
from finetable.training.journal import Journal
from finetable.training.loop import Outcome, run
from finetable.training.trainer import NotFiniteError, Step, Trainer

MakeTrainer = Callable[..., Trainer]
OnStep = Callable[[Step, Position], None]
ROOT = Path(__file__).parents[2]
STEPS = 10


def nothing(step: Step, position: Position) -> None:
    """For runs that are judged by how they end."""


class Ended(NamedTuple):
    """How a run ended: its outcome and the weights the trainer holds."""

    outcome: Outcome
    weights: dict[str, torch.Tensor]


def stopped_after(step: int, trainer: Trainer, folder: Path) -> Outcome:
    told: list[int] = []
    return run(trainer, Checkpoints(folder), lambda done, _: told.append(done.number), lambda: step in told)


def to_the_end(trainer: Trainer, folder: Path, on_step: OnStep = nothing) -> Ended:
    return Ended(run(trainer, Checkpoints(folder), on_step, lambda: False), trainer.masters.state())


def assert_same_tensors(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(wanted)
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


def assert_ended_alike(found: Ended, wanted: Ended) -> None:
    position = replace(found.outcome.position, seconds=wanted.outcome.position.seconds)
    assert replace(found.outcome, position=position) == wanted.outcome
    assert_same_tensors(found.weights, wanted.weights)


@pytest.fixture(scope="module")
def unbroken(make_trainer: MakeTrainer, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    ended = to_the_end(make_trainer(), tmp_path_factory.mktemp("unbroken"))
    assert ended.outcome.finished
    assert ended.outcome.position.best_step == STEPS, "else later weights would go uncompared"
    return ended


@pytest.mark.parametrize("step", [1, 4, 5, 6, 9])
def test_a_run_stopped_after_any_step_ends_as_one_that_was_not(
    step: int, tmp_path: Path, make_trainer: MakeTrainer, unbroken: Ended
) -> None:
    """The third and sixth step end an epoch, the fourth and eighth are validated."""
    stopped = stopped_after(step, make_trainer(), tmp_path)
    assert not stopped.finished
    assert stopped.position.step == step == Checkpoints(tmp_path).newest_step()
    assert_ended_alike(to_the_end(make_trainer(), tmp_path), unbroken)


def test_a_run_stopped_after_every_step_in_bf16_ends_as_one_that_was_not(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    plan = {"precision": "bf16", "steps": 6}
    wanted = to_the_end(make_trainer(**plan), tmp_path / "unbroken")
    for step in range(1, 6):
        assert not stopped_after(step, make_trainer(**plan), tmp_path / "stopped").finished
    assert_ended_alike(to_the_end(make_trainer(**plan), tmp_path / "stopped"), wanted)


WAITING_TO_BE_KILLED = """
import sys
from pathlib import Path
from finetable.training.checkpoint import Checkpoints
from finetable.training.journal import Journal
from finetable.training.loop import run
from tests.training.conftest import small_trainer
folder, last = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal(folder, 0)
def on_step(step, position):
    journal.step(step)
    if step.number == last:
        print("ready", flush=True)
        sys.stdin.read()

run(small_trainer(), Checkpoints(folder), on_step, lambda: False)
"""


def test_a_run_killed_with_kill_9_goes_on_to_the_same_weights(
    tmp_path: Path, make_trainer: MakeTrainer, unbroken: Ended
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING_TO_BE_KILLED, str(tmp_path), "7"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert told_steps(tmp_path) == [*range(1, 8)]
    journal = Journal(tmp_path, Checkpoints(tmp_path).newest_step())
    assert told_steps(tmp_path) == [*range(1, 5)]
    resumed = to_the_end(make_trainer(), tmp_path, lambda step, _: journal.step(step))
    assert_ended_alike(resumed, unbroken)
    assert told_steps(tmp_path) == [*range(1, STEPS + 1)]


def told_steps(folder: Path) -> list[int]:
    return [json.loads(line)["number"] for line in (folder / "steps.jsonl").read_text().splitlines()]


def test_whenever_a_kill_comes_the_disk_holds_a_point_to_go_on_from(
    tmp_path: Path, make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch, unbroken: Ended
) -> None:
    """What a kill leaves is what stands in the folder, so it is copied each time that a write is flushed."""
    folder = tmp_path / "run"
    left: list[Path] = []

    def copy_then_flush(path: Path) -> None:
        left.append(shutil.copytree(folder, tmp_path / str(len(left))))
        flush(path)

    trainer = make_trainer()
    passed: list[tuple[dict[str, torch.Tensor], Position]] = [({}, Position())]

    def on_step(step: Step, position: Position) -> None:
        journal.step(step)
        passed.append(({name: weight.clone() for name, weight in trainer.masters.state().items()}, position))

    checkpoints, journal = Checkpoints(folder), Journal(folder, 0)
    flush = atomic_files.flush
    monkeypatch.setattr(atomic_files, "flush", copy_then_flush)
    run(trainer, checkpoints, on_step, lambda: False)
    monkeypatch.undo()

    begun = [Checkpoints(copy).newest_step() for copy in left]
    assert begun == sorted(begun)
    assert set(begun) == {0, 4, 8, 10}
    for copy, step in zip(left, begun, strict=True):
        Journal(copy, step)
        assert told_steps(copy) == [*range(1, step + 1)]
        if step:
            checkpoints = Checkpoints(copy)
            kept = checkpoints.latest()
            weights, position = passed[step]
            assert kept is not None
            assert kept.position == position
            assert_same_tensors(kept.weights, weights)
            assert_same_tensors(checkpoints.best(position.best_step), passed[position.best_step][0])
    for copy in (left[1], left[begun.index(8) - 1], left[begun.index(10) - 3]):
        assert_ended_alike(to_the_end(make_trainer(), copy), unbroken)


def test_every_step_is_told_once_in_order_and_validations_when_due(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    told: list[tuple[Step, Position]] = []
    outcome = run(
        make_trainer(), Checkpoints(tmp_path), lambda *step: told.append(step), lambda: len(told) == STEPS
    )
    assert outcome.finished, "a stop asked for at the last step is the end"
    assert [step.number for step, _ in told] == [position.step for _, position in told] == [*range(1, 11)]
    for judged in ("validation_nats", "validation_accuracy"):
        assert [step.number for step, _ in told if getattr(step, judged) is not None] == [4, 8, 10]
    assert told[-1][1] == outcome.position
    assert outcome.position.tokens == sum(step.tokens for step, _ in told)
    assert outcome.position.seconds > sum(step.seconds for step, _ in told)


def hopeless(make_trainer: MakeTrainer, patience: int, keeps_last: bool = False) -> Trainer:
    """What is learnt makes validation worse from the first one on."""
    return make_trainer(
        validation=[Example(1, "zz", "qqq xxx jjj"), Example(2, "yy", "kkk vvv")],
        validation_rows=2,
        validate_every=2,
        steps=14,
        learning_rate=0.03,
        dropout=0.0,
        patience=patience,
        keeps_last=keeps_last,
    )


def test_at_the_end_the_trainer_holds_the_weights_of_the_best_validation(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    told: list[Step] = []
    trainer = hopeless(make_trainer, patience=0)
    outcome = run(trainer, Checkpoints(tmp_path), lambda step, _: told.append(step), lambda: False)
    validations = {step.number: step.validation_nats for step in told if step.validation_nats is not None}
    best_step = min(validations, key=lambda number: validations[number])
    assert best_step < 14
    assert (outcome.position.best_step, outcome.position.best_nats) == (best_step, validations[best_step])
    assert trainer.validate(best_step)[0] == outcome.position.best_nats
    assert_same_tensors(trainer.masters.state(), Checkpoints(tmp_path).best(best_step))


def test_a_plan_that_keeps_the_last_weights_ends_in_them_however_well_they_predict(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    last: list[dict[str, torch.Tensor]] = []

    def take(*_: object) -> None:
        last[:] = [{name: weight.clone() for name, weight in trainer.masters.state().items()}]

    trainer = hopeless(make_trainer, patience=0, keeps_last=True)
    outcome = run(trainer, Checkpoints(tmp_path), take, lambda: False)
    assert outcome.position.best_step < outcome.position.step == 14
    assert_same_tensors(trainer.masters.state(), last[0])
    again = hopeless(make_trainer, patience=0, keeps_last=True)
    assert run(again, Checkpoints(tmp_path), take, lambda: False) == outcome
    assert_same_tensors(again.masters.state(), last[0])


@pytest.mark.parametrize(("patience", "last_step"), [(1, 4), (2, 6), (4, 10), (0, 14)])
def test_patience_counts_validations_without_progress(
    patience: int, last_step: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    trainer = hopeless(make_trainer, patience)
    outcome = to_the_end(trainer, tmp_path).outcome
    assert (outcome.position.step, outcome.position.best_step) == (last_step, 2)
    assert outcome.position.stale == last_step // 2 - 1
    assert trainer.validate(2)[0] == outcome.position.best_nats


def test_progress_restores_patience(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer.step(0)
    impatient = Position(step=1, stale=1, best_nats=1e9)
    Checkpoints(tmp_path).save(Checkpoint(impatient, trainer.masters.state(), trainer.optimizer_state()))
    position = to_the_end(make_trainer(patience=2), tmp_path).outcome.position
    assert (position.step, position.best_step, position.stale) == (STEPS, STEPS, 0)


def test_patience_is_not_forgotten_by_a_stop(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    wanted = to_the_end(hopeless(make_trainer, 2), tmp_path / "unbroken")
    stopped_after(5, hopeless(make_trainer, 2), tmp_path / "stopped")
    assert_ended_alike(to_the_end(hopeless(make_trainer, 2), tmp_path / "stopped"), wanted)


def test_a_run_that_has_ended_is_not_trained_further(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    wanted = to_the_end(hopeless(make_trainer, 2), tmp_path)
    told: list[Step] = []
    again = to_the_end(hopeless(make_trainer, 2), tmp_path, lambda step, _: told.append(step))
    assert told == []
    assert_ended_alike(again, wanted)


def test_between_validations_a_checkpoint_is_written_when_its_time_has_come(
    tmp_path: Path, make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest: list[int] = []
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    checkpoints = Checkpoints(tmp_path)
    run(make_trainer(), checkpoints, lambda *_: newest.append(checkpoints.newest_step()), lambda: False)
    assert newest == [*range(STEPS)]
    assert len(list(tmp_path.glob("step-*"))) == 2


def test_a_disk_that_lost_the_newest_checkpoint_costs_its_steps_only(
    tmp_path: Path, make_trainer: MakeTrainer, unbroken: Ended
) -> None:
    stopped_after(9, make_trainer(), tmp_path)
    (tmp_path / "step-000000009" / "optimizer.safetensors").write_bytes(b"")
    assert Checkpoints(tmp_path).newest_step() == 8
    assert_ended_alike(to_the_end(make_trainer(), tmp_path), unbroken)


@pytest.mark.parametrize("step", [1, 3, 10])
def test_numbers_that_are_not_finite_stop_the_run(
    step: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    """Step 10 is the last: nothing but its validation can notice."""
    trainer = make_trainer()

    def poison_after(number: int) -> None:
        if number == step - 1:
            with torch.no_grad():
                trainer.masters.weights[0].fill_(torch.nan)

    poison_after(0)
    with pytest.raises(NotFiniteError) as fault:
        to_the_end(trainer, tmp_path, lambda told, _: poison_after(told.number))
    assert fault.value.step == step
    assert fault.value.row_ids
    kept = Checkpoints(tmp_path).latest()
    assert kept is None or all(weight.isfinite().all() for weight in kept.weights.values())


def test_the_collector_works_again_after_a_run(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    frozen: list[int] = []
    assert gc.get_freeze_count() == 0
    to_the_end(make_trainer(steps=1), tmp_path, lambda *_: frozen.append(gc.get_freeze_count()))
    assert min(frozen) > 0
    assert gc.get_freeze_count() == 0


def shares(*values: float) -> Callable[[], float]:
    """Tells these shares of copied texts, one for each validation."""
    told = iter(values)
    return lambda: next(told)


def test_a_run_that_copies_too_much_stops_and_keeps_the_weights_from_before(
    tmp_path: Path, make_trainer: MakeTrainer, unbroken: Ended
) -> None:
    seen: dict[int, dict[str, torch.Tensor]] = {}
    trainer = make_trainer(stop_when_copying=0.5)

    def keep(step: Step, _: Position) -> None:
        seen[step.number] = {name: weight.clone() for name, weight in trainer.masters.state().items()}

    outcome = run(trainer, Checkpoints(tmp_path), keep, lambda: False, shares(0.4, 0.5))
    assert outcome.finished
    assert outcome.position.step == 8 < unbroken.outcome.position.step
    assert (outcome.position.best_step, outcome.position.copied_share) == (4, 0.5)
    assert_same_tensors(trainer.masters.state(), seen[4])
    again = make_trainer(stop_when_copying=0.5)
    assert run(again, Checkpoints(tmp_path), nothing, lambda: False, shares()).position == outcome.position


def test_a_run_that_copies_at_its_first_validation_has_no_other_weights_to_give(
    tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    trainer = make_trainer(stop_when_copying=0.5)
    outcome = run(trainer, Checkpoints(tmp_path), nothing, lambda: False, shares(1.0))
    assert (outcome.position.step, outcome.position.best_step) == (4, 4)


def test_shares_below_the_limit_or_without_one_change_nothing(
    tmp_path: Path, make_trainer: MakeTrainer, unbroken: Ended
) -> None:
    for name, limit, told in (("below", 0.5, (0.1, 0.2, 0.4)), ("none", None, (1.0, 1.0, 1.0))):
        trainer = make_trainer(stop_when_copying=limit)
        outcome = run(trainer, Checkpoints(tmp_path / name), nothing, lambda: False, shares(*told))
        assert outcome.position.step == STEPS
        assert_same_tensors(trainer.masters.state(), unbroken.weights)


@pytest.mark.parametrize("stopped", [3, 4, 9])
def test_weights_are_kept_after_each_epoch_and_the_last_step_of_a_run_stopped_anywhere(
    stopped: int, tmp_path: Path, make_trainer: MakeTrainer
) -> None:
    kept: list[int] = []
    told: list[int] = []
    run(
        make_trainer(),
        Checkpoints(tmp_path),
        lambda step, _: told.append(step.number),
        lambda: stopped in told,
        keep_epoch=kept.append,
    )
    run(make_trainer(), Checkpoints(tmp_path), nothing, lambda: False, keep_epoch=kept.append)
    assert kept == [3, 6, 9, 10]


def test_a_run_that_ends_early_keeps_its_last_weights(tmp_path: Path, make_trainer: MakeTrainer) -> None:
    kept: list[int] = []
    trainer = hopeless(make_trainer, patience=1)
    assert trainer.steps_per_epoch == 3
    run(trainer, Checkpoints(tmp_path), nothing, lambda: False, keep_epoch=kept.append)
    assert kept == [3, 4]


def test_what_is_kept_stands_on_the_disk_before_the_checkpoint_that_goes_on_after_it(
    tmp_path: Path, make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    checkpoints = Checkpoints(tmp_path)
    newest: list[tuple[int, int]] = []
    run(
        make_trainer(),
        checkpoints,
        nothing,
        lambda: False,
        keep_epoch=lambda step: newest.append((step, checkpoints.newest_step())),
    )
    assert newest == [(3, 2), (6, 5), (9, 8), (10, 9)]
