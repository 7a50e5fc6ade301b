"""Progress on a terminal: lines and a bar on standard error, so that standard output stays clean."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from finetable.progress import Bar, SilentBar
from finetable.wording import printable

REFRESH_SECONDS = 0.1


class TerminalBar:
    """One task under way on a terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._shown = 0.0

    def update(self, done: float, note: str = "") -> None:
        """Move the bar; drawn a few times a second at most."""
        now = time.monotonic()
        if now - self._shown >= REFRESH_SECONDS:
            self._shown = now
            self._progress.update(self._task, completed=done, note=note)

    def show(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(_text(line, "dim"))


class Terminal:
    """Tells a person how a job goes; bars and what they show appear on a terminal only."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """One line that stays."""
        self._console.print(_text(line))

    def warn(self, line: str) -> None:
        """One line that stays and asks for attention."""
        self._console.print(_text(line, "yellow"))

    def fail(self, line: str) -> None:
        """The sentence a job ends with when it cannot go on."""
        self._console.print(_text(line, "bold red"))

    def example(self, masked: str, learnt: str) -> None:
        """One example: tokens without loss dimmed, in brackets where there is no colour."""
        if self._console.is_terminal:
            self._console.print(Text(masked, style="dim"), Text(learnt, style="bold"))
        else:
            self._console.print(Text(f"[{masked}] {learnt}"))

    @contextmanager
    def bar(self, name: str, total: float) -> Iterator[Bar]:
        """A bar with the time left; silent in a pipe."""
        if not self._console.is_terminal:
            yield SilentBar()
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
        )
        # Rows printed while the bar is shown belong on standard output, where rich would take them from.
        bar = Progress(*columns, console=self._console, refresh_per_second=4, redirect_stdout=False)
        with bar as progress:
            yield TerminalBar(progress, progress.add_task(name, total=total, note=""))


def _text(line: str, style: str = "") -> Text:
    """A line without what a terminal would obey: names of columns and texts of models may hold anything."""
    return Text(line if line.isprintable() else printable(line), style=style)
