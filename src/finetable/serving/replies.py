"""Rows of the database as the objects of the API; what is absent is left out where its schema says so."""

import json
from typing import Any

from finetable.serving.database import Row
from finetable.serving.identifiers import ORGANIZATION

Reply = dict[str, Any]


def file_reply(row: Row) -> Reply:
    """A file."""
    known = {name: row[name] for name in ("id", "bytes", "created_at", "filename", "purpose")}
    if row["expires_at"] is not None:
        known["expires_at"] = row["expires_at"]
    return {"object": "file", **known, "status": "processed"}


def upload_reply(row: Row, file: Row | None = None) -> Reply:
    """An upload, and the file that was made of it."""
    names = ("id", "bytes", "created_at", "expires_at", "filename", "purpose", "status")
    made = {} if file is None else {"file": file_reply(file)}
    return {"object": "upload", **{name: row[name] for name in names}, **made}


def part_reply(row: Row) -> Reply:
    """A part of an upload."""
    return {"object": "upload.part", **{name: row[name] for name in ("id", "created_at", "upload_id")}}


def job_reply(row: Row) -> Reply:
    """A fine-tuning job; once it runs its hyperparameters are the numbers they came to."""
    method = json.loads(row["method"])
    kind = method["type"]
    asked = method[kind]["hyperparameters"]
    resolved = {**asked, **json.loads(row["resolved"] or "{}")}
    method[kind]["hyperparameters"] = resolved
    names = (
        *("id", "created_at", "finished_at", "fine_tuned_model", "model", "seed", "status"),
        *("trained_tokens", "training_file", "validation_file", "estimated_finish"),
    )
    return {
        "object": "fine_tuning.job",
        **{name: row[name] for name in names},
        "hyperparameters": resolved,
        "method": method,
        "organization_id": ORGANIZATION,
        "result_files": [row["result_file"]] if row["result_file"] else [],
        "error": json.loads(row["error"]) if row["error"] else None,
        "integrations": json.loads(row["integrations"]) if row["integrations"] else [],
        "metadata": json.loads(row["metadata"]) if row["metadata"] else None,
        "user_provided_suffix": row["suffix"],
    }


def event_reply(row: Row) -> Reply:
    """An event of a job."""
    known = {name: row[name] for name in ("id", "created_at", "level", "message", "type")}
    return {"object": "fine_tuning.job.event", **known, "data": json.loads(row["data"])}


def checkpoint_reply(row: Row) -> Reply:
    """A checkpoint of a job."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": row["id"],
        "created_at": row["created_at"],
        "fine_tuned_model_checkpoint": row["model"],
        "fine_tuning_job_id": row["job_id"],
        "metrics": json.loads(row["metrics"]),
        "step_number": row["step"],
    }


def permission_reply(row: Row) -> Reply:
    """A permission to use a checkpoint."""
    known = {name: row[name] for name in ("id", "created_at", "project_id")}
    return {"object": "checkpoint.permission", **known}
