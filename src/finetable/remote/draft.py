"""A training file in the making: its lines, what they teach, and what has been decided about their form."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from finetable.remote.style import Style

Kind = Literal["open-ended", "conditional", "classification"]


@dataclass(frozen=True)
class Line:
    """One example. `number` is the line of the person's file on which it begins, from 1.

    `lead` is the JSON text of the messages of a chat that come before the last question; "" for none.
    """

    number: int
    prompt: str
    completion: str
    lead: str = ""


@dataclass(frozen=True)
class Context:
    """What a base can see, in tokens, and how many of them an example has."""

    base: str
    most: int
    tokens_of: Callable[[Iterable[Line]], Iterator[int]]


@dataclass(frozen=True)
class Beside:
    """What the lines are held against.

    `validation` are the lines of a validation table, `context` that of a base; `settled` says that this
    file was made by prepare, so that its form is not asked about again.
    """

    validation: tuple[Line, ...] = ()
    context: Context | None = None
    settled: bool = False


@dataclass(frozen=True)
class Draft:
    """The lines as they would be written; `valid` are the numbers of those that a split holds back."""

    lines: tuple[Line, ...]
    kind: Kind
    chat: bool = False
    style: Style = field(default=Style())
    beside: Beside = field(default=Beside(), repr=False)
    valid: frozenset[int] | None = None

    @property
    def prompts(self) -> list[str]:
        """The prompt of each line."""
        return [line.prompt for line in self.lines]

    @property
    def completions(self) -> list[str]:
        """The completion of each line."""
        return [line.completion for line in self.lines]

    def key(self, line: Line) -> str:
        """The text by which examples are compared: what a label is read from, or what is written."""
        return line.prompt if self.kind == "classification" else line.completion

    def styled(self, **changes: str | bool) -> Style:
        """The style with some of it decided otherwise."""
        return self.style.model_copy(update=changes)

    def without(self, numbers: Iterable[int]) -> "Draft":
        """The draft without the lines of these numbers."""
        gone = frozenset(numbers)
        return replace(self, lines=tuple(line for line in self.lines if line.number not in gone))

    def with_prompts(self, new: Mapping[int, str], style: Style) -> "Draft":
        """The draft with other prompts by line number, and the style that they follow."""
        changed = (replace(line, prompt=new.get(line.number, line.prompt)) for line in self.lines)
        return replace(self, lines=tuple(changed), style=style)

    def with_completions(self, new: Mapping[int, str], style: Style) -> "Draft":
        """The draft with other completions by line number, and the style that they follow."""
        changed = (replace(line, completion=new.get(line.number, line.completion)) for line in self.lines)
        return replace(self, lines=tuple(changed), style=style)


@dataclass(frozen=True)
class Proposal:
    """Something to change: in one sentence, with the lines it concerns, and the pure change itself.

    `necessary` changes are made whenever a file is written, the others where a person accepts them.
    """

    name: str
    sentence: str
    lines: tuple[int, ...]
    apply: Callable[[Draft], Draft]
    necessary: bool = False


@dataclass(frozen=True)
class Notice:
    """Something to know that no change of this file mends by itself."""

    name: str
    sentence: str
    lines: tuple[int, ...] = ()


Check = Callable[[Draft], Proposal | Notice | None]
