"""The loop: steps, validations, checkpoints, early stopping; reports each Step to a function it is given."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from finetable.training.checkpoint import Checkpoint, Checkpoints, Position
from finetable.training.trainer import Step, Trainer

SECONDS_BETWEEN_CHECKPOINTS = 120.0


@dataclass(frozen=True)
class Outcome:
    """How a call of `run` ended: `finished` is False where it was asked to stop before the last step."""

    position: Position
    finished: bool


def run(
    trainer: Trainer,
    checkpoints: Checkpoints,
    on_step: Callable[[Step, Position], None],
    stop_asked: Callable[[], bool],
    copied_share: Callable[[], float] | None = None,
    keep_epoch: Callable[[int], None] | None = None,
) -> Outcome:
    """Train from the newest checkpoint to the last step, or to the first step after which a stop is asked.

    `copied_share` writes texts and tells how many of them copy; asked at each validation where it is given.
    `keep_epoch` keeps the weights after a step; called after the last one of each epoch and of the run.

    What follows a step depends on the seed and the step's number alone, so a run that was stopped or
    killed ends in the same weights as one that was not. At the end the network has the best weights, or
    the last where the plan keeps those, in fp32.
    """
    position = _resume(trainer, checkpoints)
    saved = time.monotonic()
    with _collector_frozen():
        while not _ended(position, trainer):
            step = trainer.step(position.step)
            position = _after(position, step)
            due = _validation_due(step.number, trainer)
            if due:
                share = 0.0 if copied_share is None else copied_share()
                step, position = _validate(trainer, checkpoints, step, replace(position, copied_share=share))
            # Before saving: after a kill in between, the step is taken again and told again.
            on_step(step, position)
            if keep_epoch is not None and _ends_epoch(position, trainer):
                keep_epoch(step.number)
            stopping = stop_asked()
            if due or stopping or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                checkpoints.save(Checkpoint(position, trainer.masters.state(), trainer.optimizer_state()))
                saved = time.monotonic()
            if stopping and not _ended(position, trainer):
                return Outcome(position, finished=False)
    if not trainer.plan.keeps_last:
        trainer.masters.load(checkpoints.best(position.best_step))
    trainer.masters.widen()
    return Outcome(position, finished=True)


def _after(position: Position, step: Step) -> Position:
    return replace(
        position,
        step=step.number,
        seconds=position.seconds + step.seconds,
        tokens=position.tokens + step.tokens,
    )


def _resume(trainer: Trainer, checkpoints: Checkpoints) -> Position:
    newest = checkpoints.latest()
    if newest is None:
        return Position()
    trainer.load_state(newest.weights, newest.optimizer)
    return newest.position


def _ended(position: Position, trainer: Trainer) -> bool:
    plan = trainer.plan
    stale = plan.patience > 0 and position.stale >= plan.patience
    return position.step >= plan.steps or stale or _copies(position, trainer)


def _ends_epoch(position: Position, trainer: Trainer) -> bool:
    return position.step % trainer.steps_per_epoch == 0 or _ended(position, trainer)


def _copies(position: Position, trainer: Trainer) -> bool:
    limit = trainer.plan.stop_when_copying
    return limit is not None and position.copied_share >= limit


def _validation_due(number: int, trainer: Trainer) -> bool:
    return number % trainer.plan.validate_every == 0 or number == trainer.plan.steps


def _validate(
    trainer: Trainer, checkpoints: Checkpoints, step: Step, position: Position
) -> tuple[Step, Position]:
    begun = time.perf_counter()
    nats, accuracy = trainer.validate(step.number)
    position = replace(position, seconds=position.seconds + time.perf_counter() - begun)
    # Weights that copy are not what the person wants back, however well they predict.
    if nats < position.best_nats and not (position.best_step and _copies(position, trainer)):
        checkpoints.save_best(step.number, trainer.masters.state())
        position = replace(position, best_step=step.number, best_nats=nats, stale=0)
    else:
        position = replace(position, stale=position.stale + 1)
    return replace(step, validation_nats=nats, validation_accuracy=accuracy), position


@contextmanager
def _collector_frozen() -> Iterator[None]:
    """Keep the garbage collector from walking over the model between steps."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
