"""What answers a prompt with one of some labels: a model in memory, or one at an address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

NOT_ASKED = -1


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt that can be shortened: `text(m)` shows the m best of its `examples` examples."""

    examples: int
    text: Callable[[int], str]


@dataclass(frozen=True, eq=False)
class Answers:
    """What was said of N questions, in their order.

    `scores` (N, L): log-probability in nats of each label, up to a constant for each row; None where
    answers were read instead. `chosen` (N,): places in the list of labels, -1 for an answer outside it.
    `shown` (N,): how many examples stood in the prompt; NOT_ASKED where even none left room for the
    question. `cost` in US dollars, None where no price is known.
    """

    scores: npt.NDArray[np.float64] | None
    chosen: npt.NDArray[np.int64]
    shown: npt.NDArray[np.int64]
    cost: float | None
    notes: tuple[str, ...] = ()


class Answerer(Protocol):
    """Answers questions; a label follows a prompt behind a blank and is ended as examples are."""

    def answer(self, questions: Sequence[Question], labels: Sequence[str]) -> Answers:
        """Every question's answer; each shows as many of its examples as there is room for."""

    def shown(self, question: Question, labels: Sequence[str]) -> int:
        """How many examples there is room for, as far as can be told without asking; else NOT_ASKED."""

    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """A vector of length 1 for each text, (N, D); raises RecipeError where there are none to be had."""

    def close(self) -> None:
        """Let go of what it holds."""


def same_beginning(rows: Sequence[Sequence[object]]) -> int:
    """How many tokens all rows begin with."""
    columns = enumerate(zip(*rows, strict=False))
    return next((at for at, column in columns if len(set(column)) > 1), min(map(len, rows)))


def end_of_answer(tokens: Sequence[str]) -> str:
    """What ends an answer, for a model that reads the text SPELLED as these tokens.

    Examples stand a blank line apart. A model that reads the two line breaks as one token never saw a
    label that a single one ends.
    """
    return "\n\n" if any("\n\n" in token for token in tokens) else "\n"


SPELLED = "a\n\na"
"""Tells by its tokens how a model reads the blank line between two examples."""


def full_text(prompt: str, label: str, end: str) -> str:
    """A prompt with one of its answers."""
    return f"{prompt} {label}{end}"


def most_that_fit(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 0 to `most` that fits, where smaller ones fit if larger ones do.

    NOT_ASKED where not even 0 fits. The largest is tried first, then halves.
    """
    if fits(most):
        return most
    known, too_many = NOT_ASKED, most
    while too_many - known > 1:
        middle = (known + too_many) // 2
        if fits(middle):
            known = middle
        else:
            too_many = middle
    return known
