"""/v1/completions: texts that go on from prompts."""

from typing import Any

from fastapi import APIRouter, Request, Response

from finetable.serving.completions import complete, completion_chunks
from finetable.serving.event_stream import stream
from finetable.serving.lending import while_connected
from finetable.serving.state import Parts
from finetable.serving.text_requests import CompletionBody

router = APIRouter(prefix="/v1/completions", tags=["completions"])


@router.post("", response_model=None)
async def create_completion(
    request: Request, body: CompletionBody, parts: Parts
) -> Response | dict[str, Any]:
    """Write texts that go on from prompts; with `echo` also score the prompts."""
    if body.stream:
        return await stream(request, completion_chunks(parts.shelf, body))
    return await while_connected(request, complete(parts.shelf, body))
