"""A job followed to its end: its events as lines, its losses as a curve that grows."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import OpenAI
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from finetable.data.table_writer import write_new
from finetable.errors import RecipeError, RemoteError
from finetable.progress import Bar, Progress
from finetable.remote.connection import connect, faults_told
from finetable.remote.curve import sparkline
from finetable.remote.result_file import csv_of, losses_of
from finetable.verb_settings import FollowSettings
from finetable.workflow.first_checks import refuse_existing

ENDED = ("succeeded", "failed", "cancelled", "paused")
EVENTS_AT_ONCE = 100
KIND = ".csv"


@dataclass(frozen=True)
class Followed:
    """A job that goes on no more by itself, and its result file as CSV, "" where there is none."""

    job: FineTuningJob
    results: str

    def lines(self) -> list[str]:
        """What came out."""
        job = self.job
        lines = [f"{job.id} {job.status}" + (f": {job.fine_tuned_model}" if job.fine_tuned_model else "")]
        if job.trained_tokens:
            lines.append(f"trained on {job.trained_tokens:,} tokens")
        losses = losses_of(self.results)
        if losses:
            lines.append(f"training loss {losses[0]:.2f} {sparkline(losses)} {losses[-1]:.2f}")
        return lines


def check_following(out: Path | None) -> None:
    """Raise RecipeError where the results cannot be written to `out`."""
    refuse_existing(out)
    if out is not None and out.suffix.lower() != KIND:
        raise RecipeError(f"Results are a table of numbers: let --out end in {KIND}, not in {out.name!r}.")


def save_results(found: Followed, out: Path, progress: Progress) -> None:
    """Write the result file as CSV; raises RemoteError where the job left none."""
    if not found.results:
        raise RemoteError(f"The job {found.job.id} is {found.job.status} and has no results yet.")
    write_new(out, lambda stream: stream.write(found.results.encode()))
    progress.say(f"Wrote {out}")


def follow(job_id: str, settings: FollowSettings, progress: Progress) -> Followed:
    """Tell what happens to a job until it ends or is paused; raises RemoteError where it fails."""
    address = settings.api.base_url
    with connect(settings.api, progress) as client, faults_told(address):
        job = _followed(client, job_id, settings.every, progress)
        results = ""
        if job.result_files:
            results = csv_of(client.files.content(job.result_files[0]).read())
    if job.status == "failed":
        reason = job.error.message if job.error and job.error.message else "its server does not say why."
        raise RemoteError(f"The job {job.id} failed: {reason}")
    return Followed(job, results)


def _followed(client: OpenAI, job_id: str, every: float, progress: Progress) -> FineTuningJob:
    last: str | None = None
    with ExitStack() as stack:
        curve = _Curve(progress, stack)
        while True:
            # Before its events: those of a job that has ended are all there.
            job = client.fine_tuning.jobs.retrieve(job_id)
            for event in _new_events(client, job_id, last):
                curve.tell(event)
                last = event.id
            curve.draw()
            if job.status in ENDED:
                return job
            time.sleep(every)


def _new_events(client: OpenAI, job_id: str, last: str | None) -> Iterator[FineTuningJobEvent]:
    """The events after the last one seen, the oldest first; the API gives the newest first."""
    new = []
    for event in client.fine_tuning.jobs.list_events(job_id, limit=EVENTS_AT_ONCE):
        if event.id == last:
            break
        new.append(event)
    yield from reversed(new)


class _Curve:
    """Messages as lines, and the steps of training as a bar with the curve of their losses."""

    def __init__(self, progress: Progress, stack: ExitStack) -> None:
        self._progress = progress
        self._stack = stack
        self._bar: Bar | None = None
        self._losses: list[float] = []
        self._step = 0

    def tell(self, event: FineTuningJobEvent) -> None:
        data = event.data if isinstance(event.data, dict) else {}
        if "train_loss" in data:
            self._take(data)
        elif event.level == "info":
            self._progress.say(event.message)
        else:
            self._progress.warn(event.message)

    def draw(self) -> None:
        if self._bar is not None:
            self._bar.update(self._step, f"loss {self._losses[-1]:.2f} {sparkline(self._losses)}")

    def _take(self, data: dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = self._stack.enter_context(self._progress.bar("training", data.get("total_steps", 0)))
        self._losses.append(data["train_loss"])
        self._step = data.get("step", len(self._losses))
        if "valid_loss" in data:
            self._bar.show(f"step {self._step}: validation loss {data['valid_loss']:.2f}")
