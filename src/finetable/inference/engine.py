"""What runs a model: texts written from prompts, and log-probabilities of answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finetable.verb_settings import SamplingSettings


@dataclass(frozen=True)
class Request:
    """One text to write.

    `row` and `draw` name the stream of random numbers: the same seed, row and draw give the same text,
    whatever else is asked for beside it.
    """

    row: int
    prompt: str | None
    prefix: str = ""
    draw: int = 0


@dataclass(frozen=True)
class Text:
    """One text written; `ended` is False where it was cut at the most tokens allowed.

    `text` does not contain the prefix.
    """

    request: Request
    text: str
    ended: bool


def usual_most_tokens(longest_answer: int) -> int:
    """Most tokens of a text where nobody says: a quarter more than the longest answer learnt from."""
    return longest_answer * 5 // 4


class LabelEngine(Protocol):
    """Runs one model that chooses among labels."""

    def score_labels(
        self, prompts: Sequence[str | None], labels: Sequence[str], batch_size: int
    ) -> np.ndarray:
        """Log-probability in nats of every label after every prompt, float64 (N, K)."""

    def too_long(self, prompts: Sequence[str | None], answers: Sequence[str]) -> list[int]:
        """Places of prompts that leave no room for the longest of the answers: their end is not read."""


class Engine(LabelEngine, Protocol):
    """Runs one model, for whatever it was trained to do."""

    def stream(
        self, requests: Sequence[Request], sampling: SamplingSettings, batch_size: int
    ) -> Iterator[Text]:
        """Write every request's text; they come in the order in which they end."""

    def score(self, prompts: Sequence[str | None], answers: Sequence[str], batch_size: int) -> np.ndarray:
        """Log-probability in nats of each prompt's own answer with its end token, float64 (N,)."""
