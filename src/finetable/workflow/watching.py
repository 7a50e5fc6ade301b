"""What a person sees of a run while it goes on, and what the model folder keeps of it."""

import time
from collections.abc import Sequence

from finetable.inference.engine import Engine, Request
from finetable.progress import Bar
from finetable.settings import SamplingSettings
from finetable.training.checkpoint import Position
from finetable.training.journal import Journal, StepWriter
from finetable.training.plan import Plan
from finetable.training.trainer import Step

SAMPLES = 3
SMOOTHING = 0.9


class Watcher:
    """Takes every step of a run: bar, journal, step writer, and samples from the same seeds each time."""

    def __init__(self, plan: Plan, bar: Bar, journal: Journal, writer: StepWriter) -> None:
        self._plan = plan
        self._bar = bar
        self._journal = journal
        self._writer = writer
        self._sampler: tuple[Engine, list[Request], int] | None = None
        self._loss: float | None = None
        self._validation = ""
        self._begun = time.monotonic()
        self._tokens = 0

    def sample_with(self, engine: Engine, prompts: Sequence[str | None], every: int) -> None:
        """Write a sample for each prompt every so many steps; at each validation where `every` is 0."""
        self._sampler = (engine, [Request(row, prompt) for row, prompt in enumerate(prompts)], every)

    def on_step(self, step: Step, position: Position) -> None:
        """Take one step."""
        self._journal.step(step)
        self._writer.step(step)
        self._tokens += step.tokens
        smoothed = self._loss if self._loss is not None else step.loss_nats
        self._loss = SMOOTHING * smoothed + (1 - SMOOTHING) * step.loss_nats
        if step.validation_nats is not None:
            best = " (best)" if position.best_step == step.number else ""
            self._validation = f" · validation {step.validation_nats:.3f}{best}"
            self._bar.show(f"step {step.number:,}: loss {self._loss:.3f}{self._validation}")
        rate = self._tokens / (time.monotonic() - self._begun)
        self._bar.update(step.number, f"loss {self._loss:.3f}{self._validation} · {rate:,.0f} tokens/s")
        if self._sampler is not None and self._sample_due(step, self._sampler[2]):
            self._write_samples(step.number, *self._sampler[:2])

    def _sample_due(self, step: Step, every: int) -> bool:
        return step.number % every == 0 if every else step.validation_nats is not None

    def _write_samples(self, number: int, engine: Engine, requests: list[Request]) -> None:
        written = sorted(
            engine.stream(requests, SamplingSettings(), len(requests)), key=lambda text: text.request.row
        )
        self._journal.samples(number, [text.text for text in written])
        for text in written:
            self._bar.show(f"  “{text.text}”")
