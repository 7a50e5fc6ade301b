"""How a job tells its progress: a protocol that the terminal fulfils, and a silent one for Python callers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Bar(Protocol):
    """One task under way."""

    def update(self, done: float, note: str = "") -> None:
        """Say how much of the total is done, with a short note such as a loss or a rate."""

    def show(self, line: str) -> None:
        """One line for who watches; not kept where nobody does."""


class Progress(Protocol):
    """What a job needs to tell a person."""

    def say(self, line: str) -> None:
        """One line that stays."""

    def warn(self, line: str) -> None:
        """One line that stays and asks for attention."""

    def example(self, masked: str, learnt: str) -> None:
        """One example as the model sees it: tokens without loss, tokens with loss."""

    def bar(self, name: str, total: float) -> AbstractContextManager[Bar]:
        """A bar with the time left, shown on a terminal only."""


class SilentBar:
    """A bar nobody sees."""

    def update(self, done: float, note: str = "") -> None:
        """Do nothing."""

    def show(self, line: str) -> None:
        """Do nothing."""


class Silent:
    """Progress for callers who want none."""

    def say(self, line: str) -> None:
        """Do nothing."""

    def warn(self, line: str) -> None:
        """Do nothing."""

    def example(self, masked: str, learnt: str) -> None:
        """Do nothing."""

    @contextmanager
    def bar(self, name: str, total: float) -> Iterator[Bar]:
        """Give a bar nobody sees."""
        del name, total
        yield SilentBar()
