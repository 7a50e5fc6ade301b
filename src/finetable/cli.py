"""Options in, workflow called, lines out."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from finetable.cli_compare import bench, compare, without_bars_of_libraries
from finetable.cli_options import AsJson, Flat, terminal
from finetable.cli_remote import jobs, prepare
from finetable.errors import UserError
from finetable.exit_codes import DONE, INTERRUPTED
from finetable.printed import print_lines, print_pieces, print_rows
from finetable.settings import Recipe
from finetable.verb_settings import (
    ClassifySettings,
    EvaluateSettings,
    GenerateSettings,
    ProfileSettings,
    ServeSettings,
    WatchSettings,
)

app = App(name="finetable", help="Fine-tune a GPT on your own table, on your own machine.")

app.command(compare)
app.command(bench)
app.command(prepare)
app.command(jobs)


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
        CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also .gz, or hf://owner/name.
    out
        The model folder to make.
    recipe_file
        A TOML file with any of these options but --out, spelled the same; the command line wins.
    """
    del recipe_file  # its options stand in the command line by now
    from finetable.reporting.summary import summary, what_next
    from finetable.workflow.first_checks import check_training

    # What can be refused is refused before the seconds that loading torch takes; so in each verb.
    check_training(table, out, recipe)
    from finetable.workflow.train import train_table

    without_bars_of_libraries()
    trained = train_table(table, out, recipe, watch, terminal)
    if not trained.finished:
        return INTERRUPTED
    print_lines(summary(trained.record.figures))
    for line in what_next(out, recipe.task.name):
        terminal.say(line)
    return DONE


@app.command
def profile(
    table: str,
    /,
    *,
    out: Path | None = None,
    json_output: AsJson = False,
    settings: Annotated[ProfileSettings, Flat] = ProfileSettings(),
) -> int:
    """Look at a table before training: what is in it, and what would go wrong.

    Parameters
    ----------
    table
        CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also .gz, or hf://owner/name.
    out
        An HTML page with everything that was found, and pictures.
    """
    from finetable.workflow.first_checks import check_profiling

    check_profiling(table, out, settings)
    from finetable.reporting.profile_report import profile_json, profile_lines
    from finetable.workflow.profile import profile_of

    without_bars_of_libraries()
    found = profile_of(table, out, settings, terminal)
    if json_output:
        print_rows([profile_json(found)])
    else:
        print_lines(profile_lines(found))
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
    from finetable.workflow.first_checks import check_generating

    check_generating(folder, out, settings)
    from finetable.workflow.generate import generate_rows, stream_rows

    without_bars_of_libraries()
    if out is not None:
        generate_rows(folder, out, settings, terminal)
        return DONE
    # Whoever reads a pipe gets rows as they come, and stops the writing by reading no more.
    at_once = settings.n if sys.stdout.isatty() else settings.batch_size
    pieces = (rows.to_pylist() for rows in stream_rows(folder, settings, terminal, at_once))
    return DONE if print_pieces(pieces, terminal) else INTERRUPTED


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
        The table to label: CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also .gz, or
        hf://owner/name.
    out
        CSV, TSV, JSON Lines or Parquet by its ending, each also .gz; without it rows are printed.
    """
    from finetable.workflow.first_checks import check_classifying

    check_classifying(folder, table, out)
    from finetable.data.table_writer import json_objects
    from finetable.workflow.classify import classify_table

    without_bars_of_libraries()
    rows = classify_table(folder, table, out, settings, terminal)
    if out is None:
        print_rows(json_objects(rows))
    return DONE


@app.command
def evaluate(
    folder: Path,
    table: str | None = None,
    /,
    *,
    json_output: AsJson = False,
    settings: Annotated[EvaluateSettings, Flat] = EvaluateSettings(),
) -> int:
    """Say how good a model is, beside simple baselines.

    Parameters
    ----------
    folder
        A model folder.
    table
        A labelled table to judge on; without it the test rows frozen in the folder.
    """
    from finetable.record import read_finished
    from finetable.reporting.summary import summary
    from finetable.workflow.first_checks import check_evaluating

    figures = read_finished(folder).figures
    check_evaluating(table, settings)
    if table is not None:
        from finetable.workflow.evaluate import evaluate_model

        without_bars_of_libraries()
        figures = evaluate_model(folder, table, settings, terminal)
    if json_output:
        print_rows([figures])
    else:
        print_lines(summary(figures))
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
    from finetable.record import read_finished
    from finetable.workflow.first_checks import refuse_existing

    refuse_existing(out)
    read_finished(folder)
    from finetable.workflow.report import report_run

    without_bars_of_libraries()
    report_run(folder, out, terminal)
    return DONE


@app.command
def serve(*folders: Path, settings: Annotated[ServeSettings, Flat] = ServeSettings()) -> int:
    """Answer programs that speak the OpenAI API, fine-tuning included, and show a page.

    Parameters
    ----------
    folders
        Model folders to serve beside those that jobs make.
    """
    try:
        from finetable.serving.server import serve as answer
    except ModuleNotFoundError as fault:
        if fault.name not in ("fastapi", "uvicorn", "starlette"):
            raise
        raise UserError("serve needs the extra of that name: pip install 'finetable[serve]'.") from fault

    without_bars_of_libraries()
    answer(folders, settings, terminal)
    return DONE
