"""Texts as vectors: what a model makes of them, pooled."""

import asyncio
import base64
from typing import Any

import numpy as np

from finetable.serving.answering import outcome
from finetable.serving.api_errors import invalid
from finetable.serving.lending import lent
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.prompting import check_scored, inputs_of, prompt_of_text
from finetable.serving.text_requests import EmbeddingBody

SMALLEST_LENGTH = 1e-12


async def embed(shelf: ModelShelf, body: EmbeddingBody) -> dict[str, Any]:
    """A vector of length 1 for each text: the mean of the last hidden states of its tokens."""
    async with lent(shelf, body.model) as model:
        rows = await asyncio.to_thread(_rows, model, body)
        vectors = await outcome(lambda: model.engine.embed(rows))
    if body.dimensions is not None:
        vectors = _shortened(vectors, body.dimensions)
    data = [
        {"object": "embedding", "index": place, "embedding": _told(vector, body.encoding_format)}
        for place, vector in enumerate(vectors)
    ]
    tokens = sum(map(len, rows))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body.model, "usage": usage}


def _rows(model: LoadedModel, body: EmbeddingBody) -> list[tuple[int, ...]]:
    given = inputs_of(body.input, "input")
    if any(not each for each in given):
        raise invalid("Invalid value for 'input': a text is empty.", "input", "invalid_value")
    rows = [prompt_of_text(model, each, model.base.context, "input").ids for each in given]
    check_scored(sum(map(len, rows)), "input")
    return rows


def _shortened(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """The first dimensions, of length 1 again."""
    if dimensions > vectors.shape[1]:
        raise invalid(
            f"Invalid value for 'dimensions': the vectors of this model have {vectors.shape[1]}.",
            "dimensions",
            "invalid_value",
        )
    first = vectors[:, :dimensions]
    lengths = np.linalg.norm(first, axis=1, keepdims=True)
    return np.asarray(first / np.maximum(lengths, SMALLEST_LENGTH), np.float32)


def _told(vector: np.ndarray, encoding: str | None) -> str | list[float]:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers
