"""Print docs/options.md from the command line itself: `python docs/make_options.py > docs/options.md`."""

import sys
from functools import reduce

from cyclopts import App, Argument

from finetable.cli import app
from finetable.exit_codes import DONE, INTERRUPTED, MENDABLE, USAGE

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


EXIT_CODES = f"""Every verb ends with {DONE} when it is done, {MENDABLE} for what you can mend (the sentence
says how), {USAGE} for options that do not exist, {INTERRUPTED} after Ctrl-C."""


def options_page() -> str:
    """Every option of every verb, with its default."""
    lines = ["# Options", "", "Made from the command line by `docs/make_options.py`.", "", EXIT_CODES, ""]
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
    names = [argument.names[0]]
    if default is None:  # neither yes nor no: both can be said
        names += [name for name in argument.names if name.startswith("--no-")]
    choices = ", ".join(argument.get_choices() or ())
    meaning = f"{argument.parameter.help} One of {choices}." if choices else argument.parameter.help
    return f"| {', '.join(f'`{name}`' for name in names)} | {shown} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(options_page())
