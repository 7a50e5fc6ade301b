"""Keeps what a person would read of a job."""

from finetable.progress import Silent


class Listener(Silent):
    """Keeps every line, and each example with what carries no loss in brackets."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.lines.append(line)

    def example(self, masked: str, learnt: str) -> None:
        self.lines.append(f"[{masked}] {learnt}")
