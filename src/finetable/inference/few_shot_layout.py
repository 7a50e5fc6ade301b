"""How a few-shot prompt is laid out.

    Label each text with its sentiment: negative, neutral or positive. Answer with the label alone.

    what a day
    sentiment: positive

    my train is late again
    sentiment:

The instruction, the examples and the question stand a blank line apart; several given columns are named, a
line each, as in `data/examples.py`.
"""

from collections.abc import Sequence
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
        blocks = [self._instruction(bool(examples))]
        blocks += [f"{given}\n{self._target}: {label}" for given, label in examples]
        return "\n\n".join([*blocks, f"{question}\n{self._target}:"])

    @property
    def _target(self) -> str:
        return " ".join(self.task.target.split())

    def _instruction(self, has_examples: bool) -> str:
        given = _listed([" ".join(name.split()) for name in self.task.given], "and")
        names = f": {self._label_list()}" if self.names_labels or not has_examples else ""
        return f"Label each {given} with its {self._target}{names}. Answer with the label alone."

    def _label_list(self) -> str:
        quoted = any("," in label for label in self.labels)
        return _listed([f'"{label}"' if quoted else label for label in self.labels], "or")


def _listed(names: Sequence[str], last: str) -> str:
    """Names in a sentence: a, b and c."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
