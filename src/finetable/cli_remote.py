"""The verbs that make files for fine-tuning APIs and drive such an API, as options in and lines out."""

from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from cyclopts import App

from finetable.cli_options import AsJson, Flat, terminal
from finetable.errors import UserError
from finetable.exit_codes import DONE, INTERRUPTED
from finetable.printed import print_lines, print_rows
from finetable.verb_settings import (
    ApiSettings,
    CreateJobSettings,
    FollowSettings,
    PrepareSettings,
    UseSettings,
)

jobs = App(name="jobs", help="Fine-tune at any server that speaks the OpenAI API, by default our own.")

NEXT = {"succeeded": "use", "paused": "resume"}


def prepare(
    table: str,
    /,
    *,
    out: Path,
    json_output: AsJson = False,
    settings: Annotated[PrepareSettings, Flat] = PrepareSettings(),
) -> int:
    """Make JSON Lines for a fine-tuning API from a table: show what would change, write when told.

    Parameters
    ----------
    table
        CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also .gz, or hf://owner/name.
    out
        The .jsonl file to make.
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


@jobs.command
def models(*, json_output: AsJson = False, settings: Annotated[ApiSettings, Flat] = ApiSettings()) -> int:
    """List what can be trained from and what can be asked."""
    remote = _jobs()
    found = remote.models(settings, terminal)
    if json_output:
        print_rows([remote.list_json(found)])
    else:
        print_lines(remote.model_lines(found))
    return DONE


@jobs.command
def create(
    file: Path,
    /,
    *,
    json_output: AsJson = False,
    settings: Annotated[CreateJobSettings, Flat] = CreateJobSettings(),
) -> int:
    """Upload a training file and create a job, after saying what it would take.

    Parameters
    ----------
    file
        JSON Lines that `finetable prepare` made.
    """
    remote = _jobs()
    job = remote.create(file, settings, terminal)
    _print_job(remote, job, json_output)
    terminal.say(f"Next: {remote.next_command('watch', job.id, settings.api)}")
    return DONE


@jobs.command(name="list")
def list_jobs(*, json_output: AsJson = False, settings: Annotated[ApiSettings, Flat] = ApiSettings()) -> int:
    """List the newest jobs."""
    remote = _jobs()
    found = remote.jobs(settings, terminal)
    if json_output:
        print_rows([remote.list_json(found)])
    else:
        print_lines(remote.job_lines(found))
    return DONE


@jobs.command
def watch(
    job: str,
    /,
    *,
    out: Path | None = None,
    json_output: AsJson = False,
    settings: Annotated[FollowSettings, Flat] = FollowSettings(),
) -> int:
    """Follow a job to its end, with the curve of its loss.

    Parameters
    ----------
    job
        The job's name, ftjob-…
    out
        The .csv file to make of the job's result file: losses and accuracies, step by step.
    """
    remote = _jobs()
    from finetable.remote.following import check_following, follow, save_results

    check_following(out)
    try:
        found = follow(job, settings, terminal)
    except KeyboardInterrupt:
        terminal.warn(f"Stopped watching; the job goes on. {remote.next_command('watch', job, settings.api)}")
        return INTERRUPTED
    if json_output:
        print_rows([remote.object_json(found.job)])
    else:
        print_lines(found.lines())
    if out is not None:
        save_results(found, out, terminal)
    if found.job.status in NEXT:
        terminal.say(f"Next: {remote.next_command(NEXT[found.job.status], job, settings.api)}")
    return DONE


@jobs.command
def cancel(
    job: str, /, *, json_output: AsJson = False, settings: Annotated[ApiSettings, Flat] = ApiSettings()
) -> int:
    """End a job.

    Parameters
    ----------
    job
        The job's name, ftjob-…
    """
    return _change(job, "cancel", settings, json_output)


@jobs.command
def pause(
    job: str, /, *, json_output: AsJson = False, settings: Annotated[ApiSettings, Flat] = ApiSettings()
) -> int:
    """Stop a job so that it can go on later.

    Parameters
    ----------
    job
        The job's name, ftjob-…
    """
    return _change(job, "pause", settings, json_output)


@jobs.command
def resume(
    job: str, /, *, json_output: AsJson = False, settings: Annotated[ApiSettings, Flat] = ApiSettings()
) -> int:
    """Go on with a paused job.

    Parameters
    ----------
    job
        The job's name, ftjob-…
    """
    return _change(job, "resume", settings, json_output)


@jobs.command
def use(
    model: str,
    table: str | None = None,
    /,
    *,
    out: Path | None = None,
    settings: Annotated[UseSettings, Flat] = UseSettings(),
) -> int:
    """Ask a fine-tuned model: it answers prompts, writes for the rows of a table, or labels them.

    Parameters
    ----------
    model
        A job, ftjob-…, or a model, ft:…
    table
        Rows with the columns that the model is given.
    out
        CSV, TSV, JSON Lines or Parquet by its ending, each also .gz; without it rows are printed.
    """
    _jobs()
    from finetable.remote.asking import use as ask

    rows = ask(model, table, out, settings, terminal)
    if out is None:
        print_rows(rows.to_pylist())
    return DONE


def _change(
    job: str, wish: Literal["cancel", "pause", "resume"], settings: ApiSettings, json_output: bool
) -> int:
    remote = _jobs()
    _print_job(remote, remote.change(job, wish, settings, terminal), json_output)
    return DONE


def _print_job(remote: ModuleType, job: object, json_output: bool) -> None:
    if json_output:
        print_rows([remote.object_json(job)])
    else:
        print_lines(remote.job_lines([job]))


def _jobs() -> ModuleType:
    """What drives jobs; raises UserError where the official client is not installed."""
    try:
        from finetable.remote import jobs as remote
    except ModuleNotFoundError as fault:
        if fault.name != "openai":
            raise
        raise UserError("jobs needs the extra `remote`: pip install 'finetable[remote]'.") from fault
    return remote
