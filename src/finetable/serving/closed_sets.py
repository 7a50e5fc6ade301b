"""Answers from a closed set: scored label by label instead of written, so that no other text can come out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetable.data.probabilities import softmax
from finetable.serving.answering import outcome
from finetable.serving.api_errors import invalid
from finetable.serving.loaded_model import LoadedModel
from finetable.tasks.label import MOST_LABELS

MOST_LABEL_TOKENS = 4096
"""Tokens of all labels that a client names: what sees what among them and the prompt is a square mask."""

PARAM = "response_format"
REFERENCE = "#/$defs/"
LONGEST_CHAIN = 8


@dataclass(frozen=True)
class ClosedSet:
    """The labels to choose from, and how the one chosen is told: as JSON, under a key or alone, or bare."""

    labels: tuple[str, ...]
    as_json: bool = False
    key: str | None = None

    def told(self, label: str) -> str:
        """The text of an answer."""
        if not self.as_json:
            return label
        return json.dumps(label if self.key is None else {self.key: label}, ensure_ascii=False)


def set_of_format(response_format: Mapping[str, Any] | None) -> ClosedSet | None:
    """The closed set that a response format asks for, None for free text; raises ApiError for any other."""
    kind = "text" if response_format is None else response_format.get("type")
    if kind == "text" or response_format is None:
        return None
    if kind != "json_schema":
        raise invalid(
            f"response_format {kind!r} is not offered: use 'text', or 'json_schema' with an enum of texts.",
            PARAM,
        )
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise invalid("Missing required parameter: 'response_format.json_schema.schema'.", PARAM)
    alone = _texts(schema, schema)
    if alone is not None:
        return ClosedSet(alone, as_json=True)
    properties, required = schema.get("properties"), schema.get("required")
    if isinstance(properties, dict):
        names = required if isinstance(required, list) else list(properties)
        if len(names) == 1 and isinstance(names[0], str):
            labels = _texts(properties.get(names[0]), schema)
            if labels is not None:
                return ClosedSet(labels, as_json=True, key=names[0])
    raise invalid(
        "This schema is not offered: it must be an enum of texts, or an object whose one required property "
        f"is such an enum, of at most {MOST_LABELS} texts.",
        PARAM,
    )


def label_ids(model: LoadedModel, labels: Sequence[str]) -> list[list[int]]:
    """Ids of each label with its end token; raises ApiError for labels that a client made too long."""
    ids = model.encoder.answers(labels)
    tokens, longest = sum(map(len, ids)), max(map(len, ids))
    if tuple(labels) != model.labels and (tokens > MOST_LABEL_TOKENS or longest >= model.base.context):
        raise invalid(
            f"The texts to choose from have {tokens:,} tokens, the longest {longest:,}; at most "
            f"{MOST_LABEL_TOKENS:,} and {model.base.context - 1:,} can be chosen from.",
            PARAM,
        )
    return ids


def room_before(model: LoadedModel, ids: Sequence[Sequence[int]]) -> int:
    """Most tokens of a prompt that leave room for every label."""
    return model.base.context - max(map(len, ids))


async def probabilities(
    model: LoadedModel, prompts: Sequence[Sequence[int]], ids: Sequence[Sequence[int]]
) -> np.ndarray:
    """Probability of each label after each prompt, calibrated for a labeller, float64 (prompts, labels)."""
    scores = await outcome(lambda: model.engine.score_labels(prompts, ids))
    return softmax(scores, model.temperature)


def _texts(part: Any, schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The texts of an enum, or of a constant, or of what a reference to the schema's $defs leads to."""
    for _ in range(LONGEST_CHAIN):
        if not isinstance(part, dict):
            return None
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith(REFERENCE):
            break
        known = schema.get("$defs")
        part = known.get(reference.removeprefix(REFERENCE)) if isinstance(known, dict) else None
    if not isinstance(part, dict):
        return None
    found = [part["const"]] if "const" in part else part.get("enum")
    if not isinstance(found, list) or not 0 < len(found) <= MOST_LABELS:
        return None
    if part.get("type", "string") != "string" or not all(isinstance(text, str) for text in found):
        return None
    return tuple(dict.fromkeys(found))
