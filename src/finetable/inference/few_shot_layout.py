"""How a few-shot prompt is laid out.

    Label each text with its sentiment: negative, neutral or positive. Answer with the label alone.

    what a day
    sentiment: positive

    my train is late again
    sentiment:

The instruction, the examples and the question stand a blank line apart; several given columns are named, a
line each, as in `data/examples.py`. Where texts are to be written, the instruction is "Write a plot for each
title and genre.", and without given columns nothing stands before "plot:".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetable.errors import RecipeError
from finetable.settings import TaskSettings


@dataclass(frozen=True)
class Layout:
    """Words around examples and question; raises RecipeError for a label that cannot end with its line."""

    task: TaskSettings
    labels: tuple[str, ...]
    names_labels: bool

    def __post_init__(self) -> None:
        for label in self.labels:
            if len(label.splitlines()) != 1 or label != label.strip():
                raise RecipeError(
                    f"The label {label!r} does not fit a line of a prompt, in which a line break ends an "
                    f"answer; give it another name."
                )

    def prompt(self, examples: Sequence[tuple[str, str]], question: str) -> str:
        """The whole prompt, to be followed by a blank and a label."""
        target = _one_line(self.task.target)
        return _laid_out(
            self._instruction(bool(examples)), examples, question, lambda given: f"{given}\n{target}:"
        )

    def _instruction(self, has_examples: bool) -> str:
        names = f": {self._label_list()}" if self.names_labels or not has_examples else ""
        target = _one_line(self.task.target)
        return f"Label each {_given(self.task)} with its {target}{names}. Answer with the label alone."

    def _label_list(self) -> str:
        quoted = any("," in label for label in self.labels)
        return _listed([f'"{label}"' if quoted else label for label in self.labels], "or")


@dataclass(frozen=True)
class WritingLayout:
    """Words around texts and given columns, of which there may be none."""

    task: TaskSettings

    def prompt(self, examples: Sequence[tuple[str, str]], question: str) -> str:
        """The whole prompt, to be followed by a blank and a text."""
        target = _one_line(self.task.target)
        if not self.task.given:
            return _laid_out(f"Write a {target}.", examples, question, lambda _: f"{target}:")
        instruction = f"Write a {target} for each {_given(self.task)}."
        return _laid_out(instruction, examples, question, lambda given: f"{given}\n{target}:")


def _laid_out(
    instruction: str, examples: Sequence[tuple[str, str]], question: str, lead: Callable[[str], str]
) -> str:
    """Blocks a blank line apart, where `lead` makes of given columns what an answer follows."""
    blocks = [f"{lead(given)} {answer}" for given, answer in examples]
    return "\n\n".join([instruction, *blocks, lead(question)])


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _given(task: TaskSettings) -> str:
    return _listed([_one_line(name) for name in task.given], "and")


def _listed(names: Sequence[str], last: str) -> str:
    """Names in a sentence: a, b and c."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
