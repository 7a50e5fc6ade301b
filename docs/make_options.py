"""Print docs/options.md from the command line itself: `python docs/make_options.py > docs/options.md`."""

import sys
from functools import reduce

from cyclopts import App, Argument

from finetable.cli import app

VERBS = (
    *(
        "profile",
        "train",
        "generate",
        "classify",
        "evaluate",
        "report",
        "compare",
        "bench",
        "serve",
        "prepare",
    ),
    *("jobs models", "jobs create", "jobs list", "jobs watch", "jobs cancel", "jobs pause", "jobs resume"),
    "jobs use",
)


def options_page() -> str:
    """Every option of every verb, with its default."""
    lines = ["# Options", "", "Made from the command line by `docs/make_options.py`.", ""]
    for verb in VERBS:
        lines += [f"## finetable {verb}", "", "| option | default | meaning |", "|---|---|---|"]
        for argument in reduce(App.__getitem__, verb.split(), app).assemble_argument_collection(
            parse_docstring=True
        ):
            if argument.show and argument.names[0].startswith("-"):
                lines.append(row(argument))
        lines.append("")
    return "\n".join(lines)


def row(argument: Argument) -> str:
    """One line: spelling, default, meaning."""
    default = argument.field_info.default
    shown = "" if default in (None, (), "", argument.field_info.empty) else f"{default}"
    return f"| `{argument.names[0]}` | {shown} | {argument.parameter.help} |"


if __name__ == "__main__":
    sys.stdout.write(options_page())
