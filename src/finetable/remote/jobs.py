"""`finetable jobs`: files uploaded, jobs created, listed, stopped and resumed at any server of the API."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from openai import OpenAI
from openai.types import Model
from openai.types.fine_tuning import FineTuningJob

from finetable.errors import RemoteError
from finetable.progress import Progress
from finetable.remote.connection import connect, described, faults_told, is_here
from finetable.remote.estimate import estimate_of
from finetable.remote.plan import Plan, metadata_of, plan_of
from finetable.verb_settings import ApiSettings, CreateJobSettings
from finetable.wording import counted

Wish = Literal["cancel", "pause", "resume"]
LIST_LENGTH = 100
NUMBERS = ("n_epochs", "batch_size", "learning_rate_multiplier")


def models(settings: ApiSettings, progress: Progress) -> list[Model]:
    """The models of a server."""
    with connect(settings, progress) as client, faults_told(settings.base_url):
        return list(client.models.list())


def jobs(settings: ApiSettings, progress: Progress, most: int = LIST_LENGTH) -> list[FineTuningJob]:
    """The newest jobs of a server."""
    with connect(settings, progress) as client, faults_told(settings.base_url):
        return list(client.fine_tuning.jobs.list(limit=most).data)


def create(file: Path, settings: CreateJobSettings, progress: Progress) -> FineTuningJob:
    """Say what a job would take, upload its files, and create it.

    Raises TableError for a file that is none, RemoteError where the server refuses, or where nobody agrees to
    send data away from this machine.
    """
    address = settings.api.base_url
    estimate = estimate_of(file, settings.n_epochs, hosted=not is_here(address))
    if settings.validation is not None and not settings.validation.is_file():
        raise RemoteError(f"There is no validation file {settings.validation}: check the path.")
    progress.say(f"{file}: {estimate.told(settings.model)}")
    _ask(file, settings)
    plan = plan_of(file)
    if plan is None:
        progress.warn(f"{file} has no plan beside it that fits it: `jobs use` will send prompts as they are")
    with connect(settings.api, progress) as client, faults_told(address, creates=True):
        _warn_of_shutdown(client, settings.model, progress)
        metadata = _metadata(client, plan, settings.model, progress)
        options = _options(client, settings, metadata, progress)
        training = _upload(client, file, progress)
        return client.fine_tuning.jobs.create(model=settings.model, training_file=training, **options)


def change(job_id: str, wish: Wish, settings: ApiSettings, progress: Progress) -> FineTuningJob:
    """Cancel, pause or resume a job."""
    with connect(settings, progress) as client, faults_told(settings.base_url):
        asked = client.fine_tuning.jobs
        match wish:
            case "cancel":
                return asked.cancel(job_id)
            case "pause":
                return asked.pause(job_id)
            case "resume":
                return asked.resume(job_id)


def job_lines(found: Sequence[FineTuningJob]) -> list[str]:
    """A line for each job."""
    if not found:
        return ["No jobs."]
    return [f"{job.id}  {job.status:<16}  {job.model} -> {job.fine_tuned_model or '-'}" for job in found]


def model_lines(found: Sequence[Model]) -> list[str]:
    """A line for each model; the day on which one is shut down, where its server tells."""
    lines = []
    for model in found:
        day = _shutdown(model)
        lines.append(f"{model.id}  {model.owned_by}" + (f"  shut down on {day}" if day else ""))
    return lines or ["No models."]


def object_json(found: Model | FineTuningJob) -> dict[str, Any]:
    """A model or a job with the keys that its server gave it."""
    return found.to_dict(mode="json")


def list_json(found: Sequence[Model] | Sequence[FineTuningJob]) -> dict[str, Any]:
    """Models or jobs as one object, as the API lists them."""
    return {"object": "list", "data": [object_json(one) for one in found]}


def next_command(verb: str, name: str, settings: ApiSettings) -> str:
    """A command that goes on with a job at the same server."""
    words = ["finetable", "jobs", verb, name]
    if settings.base_url != ApiSettings().base_url:
        words += ["--base-url", settings.base_url]
    return shlex.join(words)


def _shutdown(model: Model) -> str | None:
    """The day on which a model is shut down, where its server and the client know of it."""
    day = getattr(model, "shutdown_date", None)
    return None if day is None else str(day)


def _warn_of_shutdown(client: OpenAI, name: str, progress: Progress) -> None:
    for model in client.models.list():
        day = _shutdown(model)
        if model.id == name and day is not None:
            progress.warn(f"{name} is shut down on {day}, and what is trained from it, too")


def _ask(file: Path, settings: CreateJobSettings) -> None:
    address = settings.api.base_url
    if is_here(address) or settings.yes:
        return
    if not sys.stdin.isatty():
        raise RemoteError(f"{file} would be sent to {address}, which may cost money: add --yes to agree.")
    sys.stderr.write(f"Send {file} to {address} and create the job? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise RemoteError("Nothing was sent.")


def _metadata(client: OpenAI, plan: Plan | None, model: str, progress: Progress) -> dict[str, str]:
    """What the job keeps of how its file was prepared; our own server makes a closed set of labels."""
    if plan is None:
        return {}
    kept = metadata_of(plan)
    if kept is None:
        progress.warn("The plan of the file is too long for a job to keep: `jobs use` will not know it")
        kept = {}
    is_ours = plan.task.name == "label" and described(client, model) is not None
    return kept | ({"label": "completion"} if is_ours else {})


def _options(
    client: OpenAI, settings: CreateJobSettings, metadata: dict[str, str], progress: Progress
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if settings.validation is not None:
        options["validation_file"] = _upload(client, settings.validation, progress)
    for name in ("suffix", "seed"):
        if getattr(settings, name) is not None:
            options[name] = getattr(settings, name)
    numbers = {name: getattr(settings, name) for name in NUMBERS if getattr(settings, name) is not None}
    if numbers:
        options["method"] = {"type": "supervised", "supervised": {"hyperparameters": numbers}}
    if metadata:
        options["metadata"] = metadata
    return options


def _upload(client: OpenAI, file: Path, progress: Progress) -> str:
    created = client.files.create(file=file, purpose="fine-tune")
    progress.say(f"Uploaded {file} ({counted(created.bytes, 'byte')}) as {created.id}")
    return client.files.wait_for_processing(created.id).id
