"""/v1/models: what can be trained from and what can be asked."""

from typing import Any

from fastapi import APIRouter

from finetable.serving.model_shelf import KnownModel
from finetable.serving.state import Parts

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
def list_models(parts: Parts) -> dict[str, Any]:
    """The models on this machine: bases, model folders, fine-tuned models and their checkpoints."""
    return {"object": "list", "data": [_reply(model) for model in parts.shelf.known()]}


@router.get("/{name:path}")
def retrieve_model(name: str, parts: Parts) -> dict[str, Any]:
    """What is known of a model."""
    return _reply(parts.shelf.find(name))


@router.delete("/{name:path}")
def delete_model(name: str, parts: Parts) -> dict[str, Any]:
    """Forget a fine-tuned model."""
    parts.shelf.delete(name)
    return {"id": name, "object": "model", "deleted": True}


def _reply(model: KnownModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created_at,
        "owned_by": model.owner,
        "form": model.form,
        "parent_job": model.job_id,
    }
