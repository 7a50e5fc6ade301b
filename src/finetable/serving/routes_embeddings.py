"""/v1/embeddings: texts as vectors."""

from typing import Any

from fastapi import APIRouter, Request

from finetable.serving.lending import while_connected
from finetable.serving.state import Parts
from finetable.serving.text_requests import EmbeddingBody
from finetable.serving.vectors import embed

router = APIRouter(prefix="/v1/embeddings", tags=["embeddings"])


@router.post("")
async def create_embeddings(request: Request, body: EmbeddingBody, parts: Parts) -> dict[str, Any]:
    """Turn texts into vectors."""
    return await while_connected(request, embed(parts.shelf, body))
