"""Options in, workflow called, lines out."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from finetable.errors import UserError
from finetable.recipe_file import with_recipe_file
from finetable.settings import Recipe, WatchSettings, wrong_value
from finetable.terminal import Terminal
from finetable.verb_settings import ClassifySettings, EvaluateSettings, GenerateSettings, ProfileSettings

DONE, MENDABLE, USAGE, INTERRUPTED = 0, 1, 2, 130

app = App(name="finetable", help="Fine-tune a GPT on your own table, on your own machine.")
terminal = Terminal()

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

# Arrow's own pool keeps what a table no longer needs; it reads this once, when it is loaded.
SPARING = {"ARROW_DEFAULT_MEMORY_POOL": "system"}

Flat = Parameter(name="*")


@app.command
def train(
    table: str,
    /,
    *,
    out: Path,
    recipe: Annotated[Recipe, Flat] = Recipe(),
    watch: Annotated[WatchSettings, Flat] = WatchSettings(),
    recipe_file: Annotated[Path | None, Parameter(name="--recipe")] = None,
) -> int:
    """Learn from a table to write rows or to label them.

    The same command goes on where an earlier one was stopped.

    Parameters
    ----------
    table
        CSV, TSV, JSON Lines or Parquet, each also .gz, or hf://owner/name.
    out
        The model folder to make.
    recipe_file
        A TOML file with any of these options, spelled the same; the command line wins.
    """
    del recipe_file  # its options stand in the command line by now
    from finetable.reporting.summary import summary
    from finetable.workflow.train import train_table

    _without_bars_of_libraries()
    trained = train_table(table, out, recipe, watch, terminal)
    if not trained.finished:
        return INTERRUPTED
    _print(summary(trained.record.figures))
    return DONE


@app.command
def profile(
    table: str,
    /,
    *,
    out: Path | None = None,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    settings: Annotated[ProfileSettings, Flat] = ProfileSettings(),
) -> int:
    """Look at a table before training: what is in it, and what would go wrong.

    Parameters
    ----------
    table
        CSV, TSV, JSON Lines or Parquet, each also .gz, or hf://owner/name.
    out
        An HTML page with everything that was found, and pictures.
    json_output
        Print one JSON object.
    """
    from finetable.reporting.profile_report import profile_json, profile_lines
    from finetable.workflow.profile import profile_of

    _without_bars_of_libraries()
    found = profile_of(table, out, settings, terminal)
    _print([json.dumps(profile_json(found), ensure_ascii=False)] if json_output else profile_lines(found))
    return DONE


@app.command
def generate(
    folder: Path,
    /,
    *,
    out: Path | None = None,
    settings: Annotated[GenerateSettings, Flat] = GenerateSettings(),
) -> int:
    """Write new rows.

    Parameters
    ----------
    folder
        A model folder that `train --write` made.
    out
        CSV, TSV, JSON Lines or Parquet by its ending, each also .gz; without it rows are printed.
    """
    from finetable.workflow.generate import generate_rows

    _without_bars_of_libraries()
    rows = generate_rows(folder, out, settings, terminal)
    if out is None:
        _print(json.dumps(row, ensure_ascii=False) for row in rows.to_pylist())
    return DONE


@app.command
def classify(
    folder: Path,
    table: str,
    /,
    *,
    out: Path | None = None,
    settings: Annotated[ClassifySettings, Flat] = ClassifySettings(),
) -> int:
    """Label every row of a table, with probabilities.

    Parameters
    ----------
    folder
        A model folder that `train --label` made.
    table
        The table to label: CSV, TSV, JSON Lines or Parquet, each also .gz, or hf://owner/name.
    out
        CSV, TSV, JSON Lines or Parquet by its ending, each also .gz; without it rows are printed.
    """
    from finetable.workflow.classify import classify_table

    _without_bars_of_libraries()
    rows = classify_table(folder, table, out, settings, terminal)
    if out is None:
        _print(json.dumps(row, ensure_ascii=False, default=str) for row in rows.to_pylist())
    return DONE


@app.command
def evaluate(
    folder: Path,
    table: str | None = None,
    /,
    *,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    settings: Annotated[EvaluateSettings, Flat] = EvaluateSettings(),
) -> int:
    """Say how good a model is, beside simple baselines.

    Parameters
    ----------
    folder
        A model folder.
    table
        A labelled table to judge on; without it the test rows frozen in the folder.
    json_output
        Print one JSON object.
    """
    from finetable.reporting.summary import summary
    from finetable.workflow.evaluate import evaluate_model

    _without_bars_of_libraries()
    figures = evaluate_model(folder, table, settings, terminal)
    _print([json.dumps(figures, ensure_ascii=False)] if json_output else summary(figures))
    return DONE


@app.command
def report(folder: Path, /, *, out: Path | None = None) -> int:
    """Write the report of a model: one page with the verdict, the pictures and the recipe.

    Parameters
    ----------
    folder
        A model folder.
    out
        The HTML file to make; without it the report in the model folder is made anew.
    """
    from finetable.workflow.report import report_run

    _without_bars_of_libraries()
    report_run(folder, out, terminal)
    return DONE


@app.command
def compare(*folders: Path, out: Path | None = None) -> int:
    """Put models side by side: where their recipes differ, and which is best.

    Parameters
    ----------
    folders
        Two model folders or more, of one job.
    out
        An HTML page that shows them side by side.
    """
    from finetable.workflow.report import compare_runs

    _without_bars_of_libraries()
    _print(compare_runs(folders, out, terminal))
    return DONE


def main() -> None:
    """Run the command line and exit: 0 done, 1 the person can mend it, 2 usage, 130 interrupted."""
    for name, value in (QUIET | SPARING).items():
        os.environ.setdefault(name, value)
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """The exit code of a command line."""
    try:
        code = app(
            with_recipe_file(words), exit_on_error=False, print_error=False, result_action="return_value"
        )
        return code if isinstance(code, int) else DONE
    except UserError as fault:
        terminal.fail(str(fault))
        return MENDABLE
    except CycloptsError as fault:
        terminal.fail(_usage(fault))
        return USAGE
    except KeyboardInterrupt:
        terminal.warn("Stopped. The same command starts again, or goes on where training was saved.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; what Python would still flush must go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _without_bars_of_libraries() -> None:
    """Keep transformers from drawing bars of its own between ours."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


def _usage(fault: CycloptsError) -> str:
    """A usage fault in one sentence, ours where pydantic found it."""
    cause = fault.__cause__
    if isinstance(cause, ValidationError):
        return wrong_value(cause)
    return str(fault)


def _print(lines: object) -> None:
    for line in lines:  # type: ignore[attr-defined]
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
