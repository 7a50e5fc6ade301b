"""/v1/finetable: labels with probabilities, what a model is given, and rows that it makes up."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from finetable.inference.engine import usual_most_tokens
from finetable.model_folder import ModelFolder
from finetable.serving.labelling import classify
from finetable.serving.lending import while_connected
from finetable.serving.model_shelf import KnownModel
from finetable.serving.row_writing import write_row
from finetable.serving.state import Parts
from finetable.serving.text_requests import ClassifyBody

router = APIRouter(prefix="/v1/finetable", tags=["finetable"])

MOST_SEED = 2**53
"""A page's numbers are whole below this."""

Seed = Annotated[int | None, Query(ge=0, lt=MOST_SEED)]


@router.post("/classify")
async def classify_texts(request: Request, body: ClassifyBody, parts: Parts) -> dict[str, Any]:
    """Label texts or rows, each with the probability of every label."""
    return await while_connected(request, classify(parts.shelf, body))


@router.get("/models/{name:path}")
def describe_model(name: str, parts: Parts) -> dict[str, Any]:
    """How a model wants to be asked: the columns it is given, the one it tells, its labels."""
    return _description(parts.shelf.find(name))


@router.get("/rows/{name:path}", operation_id="read_row")
@router.post("/rows/{name:path}", operation_id="write_row")
async def row(request: Request, name: str, parts: Parts, seed: Seed = None) -> dict[str, Any]:
    """A row that a writer makes up; the same for the same seed, another one without."""
    chosen = secrets.randbelow(MOST_SEED) if seed is None else seed
    return await while_connected(request, write_row(parts.shelf, name, chosen))


def _description(model: KnownModel) -> dict[str, Any]:
    known: dict[str, Any] = {"id": model.name, "object": "finetable.model", "form": model.form}
    folder = model.run_folder
    if folder is None:
        return {**known, "kind": "base", "given": [], "target": None, "labels": []}
    record = ModelFolder(folder).read_record()
    task = record.recipe.task
    return {
        **known,
        "kind": task.name,
        "given": list(task.given),
        "target": task.target,
        "labels": list(record.labels),
        "most_tokens": usual_most_tokens(record.longest_answer),
    }
