"""What a person sees of a run while it goes on, and what the model folder keeps of it."""

import time
from collections.abc import Sequence

from finetable.data.copies import CopyIndex
from finetable.inference.engine import Engine, Request
from finetable.progress import Bar
from finetable.training.checkpoint import Position
from finetable.training.journal import Journal, StepWriter
from finetable.training.plan import Plan
from finetable.training.trainer import Step
from finetable.verb_settings import SamplingSettings

SAMPLES = 3
SMOOTHING = 0.9
WRITTEN_TO_SEE_COPYING = 32
"""Texts written at each validation where a run is to stop when it copies."""


class CopyWatch:
    """Writes texts with the weights of the moment, and tells how many of them copy training texts."""

    def __init__(self, engine: Engine, index: CopyIndex, prompts: Sequence[str | None]) -> None:
        self._engine = engine
        self._index = index
        self._requests = [Request(row, prompts[row % len(prompts)]) for row in range(WRITTEN_TO_SEE_COPYING)]

    def share(self) -> float:
        """Share of the texts that are a training text or hold COPIED_RUN words of one."""
        sampling = SamplingSettings()
        texts = [text.text for text in self._engine.stream(self._requests, sampling, len(self._requests))]
        return sum(copy.is_copied for copy in self._index.look_up(texts)) / len(texts)


class Watcher:
    """Takes every step of a run: bar, journal, step writer, and samples from the same seeds each time."""

    def __init__(self, plan: Plan, bar: Bar, journal: Journal, writer: StepWriter) -> None:
        self._plan = plan
        self._bar = bar
        self._journal = journal
        self._writer = writer
        self._sampler: tuple[Engine, CopyIndex, list[Request], int] | None = None
        self._loss: float | None = None
        self._validation = ""
        self._begun = time.monotonic()
        self._tokens = 0

    def sample_with(
        self, engine: Engine, index: CopyIndex, prompts: Sequence[str | None], every: int
    ) -> None:
        """Write a sample for each prompt every so many steps; at each validation where `every` is 0."""
        requests = [Request(row, prompt) for row, prompt in enumerate(prompts)]
        self._sampler = (engine, index, requests, every)

    def on_step(self, step: Step, position: Position) -> None:
        """Take one step."""
        self._journal.step(step)
        self._writer.step(step)
        self._tokens += step.tokens
        smoothed = self._loss if self._loss is not None else step.loss_nats
        self._loss = SMOOTHING * smoothed + (1 - SMOOTHING) * step.loss_nats
        if step.validation_nats is not None:
            # Where the last weights are kept, nothing hangs on the best.
            is_best = position.best_step == step.number and not self._plan.keeps_last
            best = " (best)" if is_best else ""
            self._validation = f" · validation {step.validation_nats:.3f}{best}"
            self._bar.show(f"step {step.number:,}: loss {self._loss:.3f}{self._validation}")
        rate = self._tokens / (time.monotonic() - self._begun)
        self._bar.update(step.number, f"loss {self._loss:.3f}{self._validation} · {rate:,.0f} tokens/s")
        if self._sampler is not None and self._sample_due(step, self._sampler[3]):
            self._write_samples(step.number, *self._sampler[:3])

    def _sample_due(self, step: Step, every: int) -> bool:
        return step.number % every == 0 if every else step.validation_nats is not None

    def _write_samples(self, number: int, engine: Engine, index: CopyIndex, requests: list[Request]) -> None:
        written = sorted(
            engine.stream(requests, SamplingSettings(), len(requests)), key=lambda text: text.request.row
        )
        texts = [text.text for text in written]
        copied_words = [copy.words for copy in index.look_up(texts)]
        self._journal.samples(number, texts, copied_words)
        for text, words in zip(texts, copied_words, strict=True):
            self._bar.show(f"  “{text}” ({words} copied words)")
