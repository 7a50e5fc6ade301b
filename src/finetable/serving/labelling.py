"""Texts or rows labelled: each label with its calibrated probability."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from finetable.data.examples import prompt_of
from finetable.data.plain_text import plain_text
from finetable.serving.api_errors import ApiError, invalid
from finetable.serving.chat_template import rendered
from finetable.serving.closed_sets import label_ids, probabilities, room_before
from finetable.serving.lending import lent
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.prompting import check_ids, check_scored
from finetable.serving.text_requests import Cell, ClassifyBody
from finetable.tasks.label import choose

PARAM = "input"
MOST_PROBABILITIES = 500_000


async def classify(shelf: ModelShelf, body: ClassifyBody) -> dict[str, Any]:
    """The likeliest label of each text or row, with all the others; null where it is too improbable."""
    async with lent(shelf, body.model) as model:
        if not model.labels:
            raise _no_labeller(body.model)
        given = [body.input] if isinstance(body.input, str) else body.input
        if len(given) * len(model.labels) > MOST_PROBABILITIES:
            most = MOST_PROBABILITIES // len(model.labels)
            raise invalid(f"With {len(model.labels)} labels at most {most:,} texts are taken at once.", PARAM)
        labels = model.labels
        ids = label_ids(model, labels)
        prompts = await asyncio.to_thread(_prompts, model, given, room_before(model, ids))
        found = await probabilities(model, prompts, ids)
    choices = choose(labels, found, body.abstain_below)
    data = [
        {
            "index": place,
            "label": choice.predicted or None,
            "probability": choice.probability,
            "runner_up": choice.runner_up,
            "probabilities": dict(zip(labels, row, strict=True)),
        }
        for place, (choice, row) in enumerate(zip(choices, found.tolist(), strict=True))
    ]
    tokens = sum(map(len, prompts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body.model, "usage": usage}


def _prompts(model: LoadedModel, given: Sequence[str | dict[str, Cell]], room: int) -> list[tuple[int, ...]]:
    prompts = [model.start_ids(_text(model, each, place)) for place, each in enumerate(given)]
    for prompt in prompts:
        check_ids(model, prompt, room, PARAM)
    check_scored(sum(map(len, prompts)), PARAM)
    return prompts


def _text(model: LoadedModel, given: str | Mapping[str, Cell], place: int) -> str:
    """The prompt that a text or a row is; raises ApiError where it cannot be one."""
    assert model.opened is not None, "a model with labels is one of ours"
    names = model.opened.task.settings.given
    if isinstance(given, str):
        if len(names) > 1:
            raise invalid(
                f"This model is given several columns; send rows as objects with {', '.join(names)}.", PARAM
            )
        return rendered([{"role": "user", "content": given}]) if model.form == "chat" else given
    missing = [name for name in names if name not in given]
    if missing:
        raise invalid(f"Row {place} of 'input' has no {missing[0]!r}, which this model is given.", PARAM)
    return prompt_of(names, [_cell(given[name]) for name in names]) or ""


def _cell(value: Cell) -> str:
    """A cell as a table would have it."""
    if isinstance(value, str | None):
        return value or ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(plain_text(pa.chunked_array([pa.array([value])]), "input")[0].as_py())


def _no_labeller(name: str) -> ApiError:
    return invalid(f"The model `{name}` was not trained to label: it has no labels to choose from.", "model")
