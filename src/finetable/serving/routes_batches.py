"""/v1/batches: files of requests, answered one by one."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query

from finetable.serving.api_errors import ApiError, invalid
from finetable.serving.batch_store import batch_reply
from finetable.serving.identifiers import new_id
from finetable.serving.pages import listed, page
from finetable.serving.state import Parts
from finetable.serving.text_requests import CreateBatch

router = APIRouter(prefix="/v1/batches", tags=["batches"])

Limit = Annotated[int, Query(ge=0, le=100)]


@router.post("")
def create_batch(body: CreateBatch, parts: Parts) -> dict[str, Any]:
    """Begin to answer the requests of a file; they are checked by themselves, later."""
    try:
        purpose = parts.files.find(body.input_file_id)["purpose"]
    except ApiError:
        raise invalid(f"invalid input_file_id: {body.input_file_id}", "input_file_id") from None
    if purpose != "batch":
        raise invalid(
            f"The file {body.input_file_id} has the purpose '{purpose}'; a batch needs 'batch'.",
            "input_file_id",
        )
    expires = body.output_expires_after
    row = {
        "id": new_id("batch_"),
        "created_at": int(time.time()),
        "endpoint": body.endpoint,
        "input_file_id": body.input_file_id,
        "completion_window": body.completion_window,
        "output_seconds": None if expires is None else expires.seconds,
    }
    content: dict[str, Any] = {"request_counts": {"total": 0, "completed": 0, "failed": 0}}
    if body.metadata is not None:
        content["metadata"] = body.metadata
    return batch_reply(parts.batches.add(row, content))


@router.get("")
def list_batches(parts: Parts, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """The batches, the newest first."""
    rows, has_more = page(parts.database, ("batches", "TRUE", ()), after, limit, "desc")
    return listed(rows, batch_reply, has_more)


@router.get("/{batch_id}")
def retrieve_batch(batch_id: str, parts: Parts) -> dict[str, Any]:
    """What is known of a batch."""
    return batch_reply(parts.batches.batches.find(batch_id))


@router.post("/{batch_id}/cancel")
def cancel_batch(batch_id: str, parts: Parts) -> dict[str, Any]:
    """End a batch; what has been answered is kept."""
    return batch_reply(parts.batches.batches.cancel(batch_id))
