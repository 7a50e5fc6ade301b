"""/v1/chat/completions: answers to messages."""

from typing import Any

from fastapi import APIRouter, Request, Response

from finetable.serving.chats import answer, answer_chunks
from finetable.serving.event_stream import stream
from finetable.serving.lending import while_connected
from finetable.serving.state import Parts
from finetable.serving.text_requests import ChatBody

router = APIRouter(prefix="/v1/chat/completions", tags=["chat"])


@router.post("", response_model=None)
async def create_chat_completion(request: Request, body: ChatBody, parts: Parts) -> Response | dict[str, Any]:
    """Answer messages; a labeller, or a response format with an enum, chooses from its closed set."""
    if body.stream:
        return await stream(request, answer_chunks(parts.shelf, body))
    return await while_connected(request, answer(parts.shelf, body))
