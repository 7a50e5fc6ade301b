"""What happened while training, kept in the model folder: a line for each step, and samples."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from finetable.atomic_files import disk_faults, write_text
from finetable.training.trainer import Step


class Journal:
    """Appends steps and samples to JSON Lines files; what an earlier run wrote past `step` is forgotten."""

    def __init__(self, folder: Path, step: int) -> None:
        self._steps = folder / "steps.jsonl"
        self._samples = folder / "samples.jsonl"
        for file in (self._steps, self._samples):
            # Bytes: a kill may cut a character in two, and a sample may hold what str takes for a line's end.
            lines = file.read_bytes().split(b"\n") if file.exists() else []
            kept = [line.decode() for line in lines if _number(line) <= step]
            write_text(file, "".join(f"{line}\n" for line in kept))

    def step(self, step: Step) -> None:
        """Keep what a step did."""
        self._append(self._steps, asdict(step))

    def samples(self, step: int, texts: Sequence[str], copied_words: Sequence[int]) -> None:
        """Keep what the model wrote after a step, and the longest run of words each text copies."""
        content = {"number": step, "texts": list(texts), "copied_words": list(copied_words)}
        self._append(self._samples, content)

    def _append(self, file: Path, content: dict[str, object]) -> None:
        with disk_faults(file), file.open("a", encoding="utf-8", newline="\n") as out:
            out.write(json.dumps(content, ensure_ascii=False) + "\n")


class StepWriter(Protocol):
    """Takes steps, such as a TensorBoard log."""

    def step(self, step: Step) -> None:
        """Keep what a step did."""

    def close(self) -> None:
        """Write what is left."""


class NoWriter:
    """A step writer for those who want none."""

    def step(self, step: Step) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _number(line: bytes) -> int:
    """The step a line tells of; a line that a kill cut short belongs to no step that was kept."""
    try:
        return int(json.loads(line)["number"])
    except (json.JSONDecodeError, UnicodeDecodeError):
        return 2**62
