"""Everything that resuming needs, written so that a kill at any instant costs at most an interval."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from finetable.atomic_files import (
    is_whole,
    load_tensors,
    save_tensors,
    write_folder,
    write_json,
)

KEPT = 2
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Position:
    """How far a run has come.

    `step` steps are done; the best validation loss so far was `best_nats` after step `best_step`;
    `stale` validations have passed since; `seconds` were spent training; `copied_share` of the texts written
    at the last validation copied training rows, 0 where nobody asked.
    """

    step: int = 0
    best_step: int = 0
    best_nats: float = 1e30
    stale: int = 0
    seconds: float = 0.0
    tokens: int = 0
    copied_share: float = 0.0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A position with the weights and the optimizer's memory there, by name."""

    position: Position
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]


class Checkpoints:
    """The newest checkpoints of a run and its best weights, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Checkpoints that cannot be gone on from are taken away: they would pass for the newest two."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for step in self._steps():
            if not self._is_usable(step):
                shutil.rmtree(step)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; keep the newest two and the best weights they name."""

        def fill(partial: Path) -> None:
            save_tensors(partial / WEIGHTS, checkpoint.weights)
            save_tensors(partial / "optimizer.safetensors", checkpoint.optimizer)
            write_json(partial / "position.json", asdict(checkpoint.position))

        folder = self._folder / f"step-{checkpoint.position.step:09d}"
        if not (folder.exists() and is_whole(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            write_folder(folder, fill)
        self._forget_old()

    def save_best(self, step: int, weights: dict[str, torch.Tensor]) -> None:
        """Write the best weights so far; call before the checkpoint whose position names `step`."""
        folder = self._best(step)
        if not (folder.exists() and is_whole(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            write_folder(folder, lambda partial: save_tensors(partial / WEIGHTS, weights))

    def best(self, step: int) -> dict[str, torch.Tensor]:
        """The best weights, of step `step`."""
        return load_tensors(self._best(step) / WEIGHTS)

    def newest_step(self) -> int:
        """Steps done at the newest whole checkpoint; 0 before the first one."""
        newest = self._newest()
        return self._position(newest).step if newest else 0

    def latest(self) -> Checkpoint | None:
        """The newest whole checkpoint; None before the first one."""
        newest = self._newest()
        if newest is None:
            return None
        weights = load_tensors(newest / WEIGHTS)
        return Checkpoint(self._position(newest), weights, load_tensors(newest / "optimizer.safetensors"))

    def _newest(self) -> Path | None:
        return self._steps()[-1] if self._steps() else None

    def _is_usable(self, folder: Path) -> bool:
        """Whether its files are whole and the best weights that it names are there too."""
        if not is_whole(folder):
            return False
        best = self._position(folder).best_step
        return best == 0 or is_whole(self._best(best))

    def _steps(self) -> list[Path]:
        return sorted(self._folder.glob("step-*"))

    def _best(self, step: int) -> Path:
        return self._folder / f"best-{step:09d}"

    def _position(self, folder: Path) -> Position:
        return Position(**json.loads((folder / "position.json").read_text(encoding="utf-8")))

    def _forget_old(self) -> None:
        kept = self._steps()[-KEPT:]
        for folder in self._steps():
            if folder not in kept:
                shutil.rmtree(folder)
        named = {self._best(self._position(folder).best_step) for folder in kept}
        for folder in self._folder.glob("best-*"):
            if folder not in named:
                shutil.rmtree(folder)
