"""/v1/files: upload, list, retrieve, content, delete."""

from email.message import Message
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.datastructures import FormData, UploadFile

from finetable.serving.api_errors import invalid, unknown_object
from finetable.serving.faults import checked
from finetable.serving.file_store import Incoming
from finetable.serving.job_requests import FileForm
from finetable.serving.pages import listed, page
from finetable.serving.replies import file_reply
from finetable.serving.state import Parts

router = APIRouter(prefix="/v1/files", tags=["files"])

BYTES = {"type": "string", "format": "binary"}


def multipart(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    """What the OpenAPI document says of a form, which FastAPI does not see."""
    schema = {"type": "object", "required": required, "properties": properties}
    content = {"multipart/form-data": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


FILE_FORM = multipart(
    ["file", "purpose"],
    {
        "file": BYTES,
        "purpose": {
            "type": "string",
            "enum": ["assistants", "batch", "evals", "fine-tune", "user_data", "vision"],
        },
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
    },
)


@router.post("", openapi_extra=FILE_FORM)
async def create_file(request: Request, parts: Parts) -> dict[str, Any]:
    """Keep a file: JSON Lines or a table to learn from, requests of a batch, or anything else."""
    check_charset(request)
    async with request.form(max_files=1, max_fields=8) as form:
        file = uploaded(form, "file")
        told = checked(
            FileForm,
            {
                "filename": file.filename or "upload",
                "purpose": form.get("purpose"),
                "anchor": form.get("expires_after[anchor]"),
                "seconds": form.get("expires_after[seconds]"),
            },
        )
        incoming = Incoming(told.filename, told.purpose, told.seconds)
        row = await run_in_threadpool(parts.files.create, file.file, incoming)
    return file_reply(row)


@router.get("")
def list_files(
    parts: Parts,
    purpose: str | None = None,
    limit: Annotated[int, Query(ge=0, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
) -> dict[str, Any]:
    """The files, the newest first."""
    parts.files.sweep()
    condition = ("purpose = ?", [purpose]) if purpose is not None else ("TRUE", [])
    rows, has_more = page(parts.database, ("files", *condition), after, limit, order)
    return listed(rows, file_reply, has_more)


@router.get("/{file_id}")
def retrieve_file(file_id: str, parts: Parts) -> dict[str, Any]:
    """What is known of a file."""
    return file_reply(parts.files.find(file_id))


@router.get("/{file_id}/content")
def file_content(file_id: str, parts: Parts) -> FileResponse:
    """The bytes of a file."""
    path = parts.files.path(file_id)
    if not path.exists():
        raise unknown_object("File", file_id)
    # Never shown by a browser as a page of ours, whatever is in it.
    headers = {"Content-Disposition": "attachment"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


@router.delete("/{file_id}")
def delete_file(file_id: str, parts: Parts) -> dict[str, Any]:
    """Forget a file."""
    parts.files.delete(file_id)
    return {"id": file_id, "object": "file", "deleted": True}


def check_charset(request: Request) -> None:
    """Raise ApiError for a form whose names are in another encoding than UTF-8."""
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    charset = str(message.get_param("charset", "utf-8"))
    if charset.lower() not in ("utf-8", "utf8"):
        raise invalid(f"The names of a form are taken in UTF-8, not in {charset[:50]!r}.")


def uploaded(form: FormData, name: str) -> UploadFile:
    """The file of a form; raises ApiError where there is none."""
    file = form.get(name)
    if file is None or isinstance(file, str):
        raise invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    return file
