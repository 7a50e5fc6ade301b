"""The verbs that make files for fine-tuning APIs and drive such an API, as options in and lines out."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from finetable.exit_codes import DONE
from finetable.printed import print_lines, print_rows
from finetable.terminal import Terminal
from finetable.verb_settings import PrepareSettings

terminal = Terminal()

Flat = Parameter(name="*")


def prepare(
    table: str,
    /,
    *,
    out: Path,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    settings: Annotated[PrepareSettings, Flat] = PrepareSettings(),
) -> int:
    """Make JSON Lines for a fine-tuning API from a table: show what would change, write when told.

    Parameters
    ----------
    table
        CSV, TSV, JSON Lines or Parquet, each also .gz, or hf://owner/name.
    out
        The .jsonl file to make.
    json_output
        Print one JSON object.
    """
    from finetable.remote.prepare import check_preparing, prepare_table
    from finetable.remote.prepared_report import command_of, prepared_json, prepared_lines

    check_preparing(table, out, settings)
    found = prepare_table(table, out, settings, terminal)
    command = command_of(table, out, settings)
    if json_output:
        print_rows([prepared_json(found, command)])
    else:
        print_lines(prepared_lines(found, command))
    return DONE
