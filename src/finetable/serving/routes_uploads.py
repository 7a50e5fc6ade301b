"""/v1/uploads: large files in parts."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from finetable.serving.file_store import Incoming
from finetable.serving.job_requests import CompleteUpload, CreateUpload
from finetable.serving.replies import part_reply, upload_reply
from finetable.serving.routes_files import BYTES, check_charset, multipart, uploaded
from finetable.serving.state import Parts

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

PART_FORM = multipart(["data"], {"data": BYTES})


@router.post("")
def create_upload(body: CreateUpload, parts: Parts) -> dict[str, Any]:
    """Begin an upload."""
    seconds = None if body.expires_after is None else body.expires_after.seconds
    incoming = Incoming(body.filename, body.purpose, seconds)
    return upload_reply(parts.uploads.create(body.bytes, body.mime_type, incoming))


@router.post("/{upload_id}/parts", openapi_extra=PART_FORM)
async def add_part(upload_id: str, request: Request, parts: Parts) -> dict[str, Any]:
    """Keep a part."""
    check_charset(request)
    async with request.form(max_files=1, max_fields=8) as form:
        data = uploaded(form, "data")
        return part_reply(await run_in_threadpool(parts.uploads.add_part, upload_id, data.file))


@router.post("/{upload_id}/complete")
def complete_upload(upload_id: str, body: CompleteUpload, parts: Parts) -> dict[str, Any]:
    """Make the parts into a file."""
    return upload_reply(*parts.uploads.complete(upload_id, body.part_ids, body.md5))


@router.post("/{upload_id}/cancel")
def cancel_upload(upload_id: str, parts: Parts) -> dict[str, Any]:
    """End an upload without a file."""
    return upload_reply(parts.uploads.cancel(upload_id))
