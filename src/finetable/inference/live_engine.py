"""One model in memory that serves many at once: asks join and leave while it runs (continuous batching)."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread, current_thread
from types import TracebackType
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from finetable.inference.live_batch import LiveBatch, OnPiece, Writing
from finetable.inference.live_request import Ask, Ticket, TokenScore, check_ask, check_ids
from finetable.inference.live_scores import embed_rows, score_rows
from finetable.inference.live_text import Spelling
from finetable.inference.quick_labels import QuickScores
from finetable.models.base_model import BaseModel, bytes_of_weights, head_of

LABELLED_AT_ONCE = 16

Result = TypeVar("Result")
Work = Generator[None, None, Result]


class EngineClosedError(RuntimeError):
    """The engine was closed before the work was done."""


@dataclass
class _Job(Generic[Result]):
    """Work on whole rows, done in parts between the steps of those who write."""

    work: Work[Result]
    future: Future[Result]

    def is_wanted(self) -> bool:
        """Whether nobody has cancelled the work; once begun, nobody can."""
        return self.future.running() or self.future.set_running_or_notify_cancel()

    def do_part(self) -> bool:
        """Whether anything is left to be done; where the work fails, its future holds the fault."""
        if not self.is_wanted():
            return False
        with _Caught(self.future.set_exception):
            try:
                next(self.work)
            except StopIteration as done:
                self.future.set_result(done.value)
            else:
                return True
        return False


class LiveEngine:
    """Serves asks in the order in which they come, so many together as have room, in a thread of its own.

    At most `most_lanes` texts are written together, and their keys and values take `most_bytes` at most
    (one text alone may take more). All callbacks come in the engine's thread. A fault reaches whom it
    concerns: in a step everyone whose text is under way or waiting, in a job its future; then the engine
    goes on.
    """

    def __init__(self, base: BaseModel, most_lanes: int = 64, most_bytes: int = 2**30) -> None:
        base.network.eval()
        self._base = base
        self._vocabulary = head_of(base.network).weight.shape[0]
        self._spelling = Spelling(base)
        self._quick_scores: QuickScores | None = None
        self._batch = LiveBatch(base, self._spelling, most_lanes, most_bytes)
        self._jobs: deque[_Job[Any]] = deque()
        self._came: list[Writing] = []
        self._closed = False
        self._change = Condition()
        self._thread = Thread(target=self._run, name="finetable live engine", daemon=True)
        self._thread.start()

    def submit(self, ask: Ask, on_piece: OnPiece) -> Ticket:
        """Take an ask; its pieces come to `on_piece`, the last with a finish, or one exception.

        Raises ValueError for an ask that cannot be followed, and EngineClosedError.
        """
        check_ask(ask, self._base.context, self._vocabulary)
        writing = Writing(ask, on_piece, self._base, self._spelling)
        with self._change:
            self._check_open()
            self._came.append(writing)
            self._change.notify()
        return writing.ticket

    def cancel(self, ticket: Ticket) -> None:
        """Let an ask go: its place is free at the next step, and no piece comes from there on."""
        ticket.cancelled = True

    def score(self, rows: Sequence[Sequence[int]], top: int) -> Future[list[list[TokenScore]]]:
        """Scores of each row's tokens but its first, which follows nothing, with the `top` likeliest."""
        self._check_rows(rows)
        return self._submit_job(score_rows(self._base, self._spelling, rows, top))

    def embed(self, rows: Sequence[Sequence[int]]) -> Future[np.ndarray]:
        """Vector of each row, float32 (N, D): the mean of its last hidden states, of length 1."""
        self._check_rows(rows)
        return self._submit_job(embed_rows(self._base, rows))

    def score_labels(
        self, prompts: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]
    ) -> Future[np.ndarray]:
        """Log-probability in nats of each label's tokens after each prompt, float64 (prompts, labels)."""
        self._check_rows(labels)
        room = self._base.context - max(map(len, labels), default=0)
        for prompt in prompts:
            check_ids(prompt, room, self._vocabulary)
        return self._submit_job(self._label_scores(prompts, labels))

    def close(self) -> None:
        """End the thread; whoever waits for anything is told EngineClosedError."""
        with self._change:
            self._closed = True
            self._change.notify()
        if current_thread() is not self._thread:
            self._thread.join()

    @property
    def memory_bytes(self) -> int:
        """What the weights take, with the copy that scores labels once any have been asked for."""
        copied = 0 if self._quick_scores is None else self._quick_scores.memory_bytes
        return copied + bytes_of_weights(self._base.network)

    def _label_scores(
        self, prompts: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]
    ) -> Work[np.ndarray]:
        if self._quick_scores is None:
            self._quick_scores = QuickScores(self._base)
        scores = np.zeros((len(prompts), len(labels)))
        asked, answers = [list(prompt) for prompt in prompts], [list(label) for label in labels]
        for first in range(0, len(asked), LABELLED_AT_ONCE):
            some = slice(first, first + LABELLED_AT_ONCE)
            scores[some] = self._quick_scores.score(asked[some], answers, LABELLED_AT_ONCE)
            yield
        return scores

    def _check_rows(self, rows: Sequence[Sequence[int]]) -> None:
        for row in rows:
            check_ids(row, self._base.context, self._vocabulary)

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError("The engine has been closed.")

    def _submit_job(self, work: Work[Result]) -> Future[Result]:
        job = _Job(work, Future())
        with self._change:
            self._check_open()
            self._jobs.append(job)
            self._change.notify()
        return job.future

    def _run(self) -> None:
        with torch.inference_mode():
            while self._take():
                with _Caught(self._batch.fail):
                    self._batch.step()
                self._do_jobs()
        closed = EngineClosedError("The engine was closed before this was done.")
        self._batch.fail(closed)
        for job in self._jobs:
            if job.is_wanted():
                job.future.set_exception(closed)
        self._jobs.clear()

    def _take(self) -> bool:
        """Wait for anything to do; False when there is nothing more to come."""
        with self._change:
            self._change.wait_for(lambda: self._closed or self._came or self._jobs or self._batch.busy)
            came, self._came = self._came, []
        for writing in came:
            self._batch.add(writing)
        return not self._closed

    def _do_jobs(self) -> None:
        """Do a part of the first job; if it was the last, the next one comes after the next step."""
        if self._jobs and not self._jobs[0].do_part():
            with self._change:
                self._jobs.popleft()


class _Caught:
    """Hands over whatever goes wrong inside, so that the thread lives on."""

    def __init__(self, tell: Callable[[Exception], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        del kind, trace
        if fault is not None:
            self._tell(fault if isinstance(fault, Exception) else RuntimeError(repr(fault)))
        return True
