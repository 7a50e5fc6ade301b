"""/v1/fine_tuning: jobs, their events and checkpoints, and who may use a checkpoint."""

import json
import re
import secrets
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from finetable.serving.api_errors import ApiError, invalid, unknown_object
from finetable.serving.database import Row
from finetable.serving.identifiers import new_id
from finetable.serving.job_requests import CreateJob, CreatePermissions, Supervised
from finetable.serving.job_store import Event
from finetable.serving.pages import listed, page
from finetable.serving.replies import checkpoint_reply, event_reply, job_reply, permission_reply
from finetable.serving.state import Parts, Serving

router = APIRouter(prefix="/v1/fine_tuning", tags=["fine-tuning"])

Limit = Annotated[int, Query(ge=0, le=10_000)]
MOST_FILTERS = 16
METADATA_FILTER = re.compile(r"metadata\[(.+)\]")


@router.post("/jobs")
def create_job(body: CreateJob, parts: Parts) -> dict[str, Any]:
    """Begin a fine-tuning job; its files are checked by itself, later."""
    _check(body, parts)
    method = {
        "type": "supervised",
        "supervised": Supervised(hyperparameters=body.asked).model_dump(mode="json"),
    }
    row: Row = {
        "id": new_id("ftjob-"),
        "created_at": int(time.time()),
        "model": body.model,
        "training_file": body.training_file,
        "validation_file": body.validation_file,
        "suffix": _slug(body.suffix),
        "seed": secrets.randbelow(2**31) if body.seed is None else body.seed,
        "method": json.dumps(method),
        "metadata": None if body.metadata is None else json.dumps(body.metadata),
        "integrations": None if body.integrations is None else json.dumps(body.integrations),
        "snapshot": new_id("", 8),
        "status": "validating_files",
    }
    also = f" and validation file: {body.validation_file}" if body.validation_file else ""
    events = [
        Event("created", f"Created fine-tuning job: {row['id']}"),
        Event("validating", f"Validating training file: {body.training_file}{also}"),
    ]
    created = parts.jobs.create(row, events)
    parts.runner.wake()
    return job_reply(created)


@router.get("/jobs")
def list_jobs(request: Request, parts: Parts, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """The jobs, the newest first."""
    conditions = ["TRUE"]
    values: list[str] = []
    for name, value in request.query_params.multi_items():
        if len(values) == 2 * MOST_FILTERS:
            raise invalid(f"The jobs can be chosen by {MOST_FILTERS} metadata at most.", "metadata")
        match = METADATA_FILTER.fullmatch(name)
        if match is not None:
            conditions.append("EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = ? AND value = ?)")
            values += [match[1], value]
        elif name == "metadata" and value == "null":
            conditions.append("metadata IS NULL")
    rows, has_more = page(parts.database, ("jobs", " AND ".join(conditions), values), after, limit, "desc")
    return listed(rows, job_reply, has_more)


@router.get("/jobs/{job_id}")
def retrieve_job(job_id: str, parts: Parts) -> dict[str, Any]:
    """What is known of a job."""
    return job_reply(parts.jobs.find(job_id))


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: str, parts: Parts) -> dict[str, Any]:
    """End a job."""
    return _told(parts, parts.jobs.cancel(job_id))


@router.post("/jobs/{job_id}/pause")
def pause_job(job_id: str, parts: Parts) -> dict[str, Any]:
    """Stop a job after its next step."""
    return _told(parts, parts.jobs.pause(job_id))


@router.post("/jobs/{job_id}/resume")
def resume_job(job_id: str, parts: Parts) -> dict[str, Any]:
    """Go on with a paused job."""
    return _told(parts, parts.jobs.resume(job_id))


@router.get("/jobs/{job_id}/events")
def list_events(job_id: str, parts: Parts, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """What happened to a job, the newest first."""
    return _of_job(parts, "events", job_id, after, limit)


@router.get("/jobs/{job_id}/checkpoints")
def list_checkpoints(
    job_id: str, parts: Parts, after: str | None = None, limit: Limit = 10
) -> dict[str, Any]:
    """The models that a job has left on its way, the newest first."""
    return _of_job(parts, "checkpoints", job_id, after, limit)


@router.get("/checkpoints/{checkpoint:path}/permissions")
def list_permissions(
    checkpoint: str,
    parts: Parts,
    project_id: str | None = None,
    after: str | None = None,
    limit: Limit = 10,
    order: Literal["ascending", "descending"] = "descending",
) -> dict[str, Any]:
    """Who may use a checkpoint."""
    parts.shelf.find(checkpoint)
    condition, values = "checkpoint = ?", [checkpoint]
    if project_id is not None:
        condition, values = f"{condition} AND project_id = ?", [checkpoint, project_id]
    direction: Literal["asc", "desc"] = "asc" if order == "ascending" else "desc"
    rows, has_more = page(parts.database, ("permissions", condition, values), after, limit, direction)
    return listed(rows, permission_reply, has_more)


@router.post("/checkpoints/{checkpoint:path}/permissions")
def create_permissions(checkpoint: str, body: CreatePermissions, parts: Parts) -> dict[str, Any]:
    """Let projects use a checkpoint; kept, but of no effect: a server has one user."""
    parts.shelf.find(checkpoint)
    made = []
    with parts.database.transaction():
        for project_id in body.project_ids:
            row = {
                "id": new_id("cp_"),
                "checkpoint": checkpoint,
                "project_id": project_id,
                "created_at": int(time.time()),
            }
            condition = "checkpoint = ? AND project_id = ?"
            known = parts.database.row(
                f"SELECT * FROM permissions WHERE {condition}", [checkpoint, project_id]
            )
            if known is None:
                parts.database.insert("permissions", row)
            made.append(known or row)
    return listed(made, permission_reply, has_more=False)


@router.delete("/checkpoints/{checkpoint:path}/permissions/{permission_id}")
def delete_permission(checkpoint: str, permission_id: str, parts: Parts) -> dict[str, Any]:
    """Take a permission back."""
    gone = parts.database.change(
        "DELETE FROM permissions WHERE id = ? AND checkpoint = ?", [permission_id, checkpoint]
    )
    if not gone:
        raise unknown_object("CheckpointPermission", permission_id)
    return {"id": permission_id, "object": "checkpoint.permission", "deleted": True}


def _check(body: CreateJob, parts: Serving) -> None:
    """Raise ApiError for what is wrong at once: names that do not exist, methods that are not there."""
    kind = "supervised" if body.method is None else body.method.type
    if kind == "dpo":
        raise invalid("Preference learning (method 'dpo') is not there yet; use 'supervised'.", "method.type")
    if kind == "reinforcement":
        raise invalid(
            "Reinforcement needs a grader's judgement, which this server does not offer; use 'supervised'.",
            "method.type",
        )
    parts.shelf.find(body.model)
    for param in ("training_file", "validation_file"):
        file_id = getattr(body, param)
        if file_id is None:
            continue
        try:
            purpose = parts.files.find(file_id)["purpose"]
        except ApiError:
            raise invalid(f"invalid {param}: {file_id}", param) from None
        if purpose != "fine-tune":
            raise invalid(
                f"The file {file_id} has the purpose '{purpose}'; to be trained on it needs 'fine-tune'.",
                param,
            )


def _slug(suffix: str | None) -> str | None:
    """A suffix as it stands in a model's name: small letters, digits and hyphens."""
    if suffix is None:
        return None
    return re.sub(r"[^a-z0-9._-]+", "-", suffix.lower()).strip("-") or None


def _told(parts: Serving, job: Row) -> dict[str, Any]:
    parts.runner.wake()
    return job_reply(job)


def _of_job(
    parts: Serving, table: Literal["events", "checkpoints"], job_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    parts.jobs.find(job_id)
    reply = event_reply if table == "events" else checkpoint_reply
    rows, has_more = page(parts.database, (table, "job_id = ?", [job_id]), after, limit, "desc")
    return listed(rows, reply, has_more)
