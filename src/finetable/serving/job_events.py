"""What training writes down becomes the events, checkpoints and result file of a job."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finetable.serving.job_store import Event

METRICS = {
    "loss_nats": "train_loss",
    "accuracy": "train_mean_token_accuracy",
    "validation_nats": "valid_loss",
    "validation_accuracy": "valid_mean_token_accuracy",
}
RESULT_COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
MORE_COLUMNS = ("learning_rate", "tokens", "seconds")

Line = Mapping[str, Any]


class StepReader:
    """Reads steps as they are written; a run that goes on replaces its file, which is then read anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._inode = 0
        self._read = 0

    def new_lines(self) -> Iterator[Line]:
        """The steps since the last call, or all of them where the file is another one."""
        try:
            with self._file.open("rb") as content:
                inode = self._file.stat().st_ino
                if inode != self._inode:
                    self._inode, self._read = inode, 0
                content.seek(self._read)
                found = content.read()
        except FileNotFoundError:
            return
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            yield json.loads(line)


def metrics_of(line: Line) -> dict[str, float]:
    """What a checkpoint or event tells of a step; what was not measured is left out."""
    found = {name: line[key] for key, name in METRICS.items() if line.get(key) is not None}
    return {"step": line["number"], **{name: round(value, 6) for name, value in found.items()}}


def step_event(line: Line, steps: int, judges_all: bool) -> Event:
    """The event of a step; `judges_all` where validations judge every validation row."""
    number, metrics = line["number"], metrics_of(line)
    message = f"Step {number}/{steps}: training loss={metrics['train_loss']:.2f}"
    if "valid_loss" in metrics:
        message += f", validation loss={metrics['valid_loss']:.2f}"
        if judges_all:
            message += f", full validation loss={metrics['valid_loss']:.2f}"
            metrics["full_valid_loss"] = metrics["valid_loss"]
            if "valid_mean_token_accuracy" in metrics:
                metrics["full_valid_mean_token_accuracy"] = metrics["valid_mean_token_accuracy"]
    return Event(f"step:{number}", message, data={**metrics, "total_steps": steps})


def result_file(lines: Sequence[Line]) -> bytes:
    """The metrics of every step as CSV: the documented columns first, then ours."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*RESULT_COLUMNS, *MORE_COLUMNS])
    for line in lines:
        metrics = metrics_of(line)
        names = ("step", "train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")
        writer.writerow([*(metrics.get(name, "") for name in names), *(line[name] for name in MORE_COLUMNS)])
    return out.getvalue().encode()
