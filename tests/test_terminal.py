"""Lines go to standard error, bars to terminals only."""

import os
import pty
import subprocess
import sys

import pytest

from finetable.terminal import Terminal

PROGRAM = (
    "from finetable.terminal import Terminal\n"
    "terminal = Terminal()\n"
    "terminal.say('a [bold]line[/bold]')\n"
    "with terminal.bar('training', 3) as bar:\n"
    "    bar.show('a sample')\n"
    "    bar.update(3, 'loss 1.0')\n"
)


def test_a_pipe_sees_lines_but_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say("a [bold]line[/bold]")
    with terminal.bar("training", 3) as bar:
        bar.show("a sample")
        bar.update(3)
    terminal.example("masked", "learnt")
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err == "a [bold]line[/bold]\n[masked] learnt\n"


def test_texts_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    for tell in (terminal.say, terminal.warn, terminal.fail):
        tell("a \x1b[31mred\x1b[0m\nline")
    assert capsys.readouterr().err == "a [31mred[0m line\n" * 3


def test_a_terminal_sees_the_bar() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, env=environment, check=False)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "training" in seen
    assert "a sample" in seen
    assert "3/3" in seen
