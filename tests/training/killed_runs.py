"""Run as a script by test_loop.py: starts a run for each way of being killed, and prints what became of it.

Its only argument is a folder; run number n trains in the folder n inside it and is killed with SIGKILL at
the n-th moment of MOMENTS.
"""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from finetable import atomic_files
from finetable.training.checkpoint import Checkpoints, Position
from finetable.training.journal import Journal
from finetable.training.loop import run
from finetable.training.trainer import Step
from tests.training.conftest import small_trainer

STEPS = 10
FLUSHES = 50
"""More than one run makes, so that the last moments are never reached."""


@dataclass
class Killer:
    """Kills its own process when a step is told, or before the n-th time that a write reaches the disk."""

    step: int = 0
    flush: int = 0

    def on_flush(self, path: Path) -> None:
        self.flush -= 1
        if self.flush == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(path)

    def on_step(self, step: Step, position: Position) -> None:
        del position
        if step.number == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


flush = atomic_files.flush
MOMENTS = [
    *(Killer(step=step) for step in range(1, STEPS + 1)),
    *(Killer(flush=number) for number in range(1, FLUSHES)),
]


def train(folder: Path, killer: Killer) -> None:
    """Train until the end, or until the moment."""
    atomic_files.flush = killer.on_flush
    checkpoints = Checkpoints(folder / "checkpoints")
    journal = Journal(folder, checkpoints.newest_step())

    def on_step(step: Step, position: Position) -> None:
        journal.step(step)
        killer.on_step(step, position)

    run(small_trainer(), checkpoints, on_step, lambda: False)


def main(folder: Path) -> None:
    """A child for each moment, one after the other."""
    for number, killer in enumerate(MOMENTS):
        place = folder / str(number)
        place.mkdir()
        child = os.fork()
        if child == 0:
            train(place, killer)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(number, os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
