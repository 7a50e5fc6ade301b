"""What the verbs of the command line share: options spread flat, --json, and the terminal they speak on."""

from typing import Annotated

from cyclopts import Parameter

from finetable.terminal import Terminal

terminal = Terminal()

Flat = Parameter(name="*")

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object.")]
