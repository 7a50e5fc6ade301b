"""One new row of a writer: given columns drawn from its training rows, and a text that does not copy."""

import asyncio
from dataclasses import replace
from typing import Any

from finetable.data.copies import Copy
from finetable.data.examples import prompt_of
from finetable.inference.engine import usual_most_tokens
from finetable.inference.live_request import Ask
from finetable.inference.predict import MOST_DRAWS
from finetable.serving.answering import Answering
from finetable.serving.api_errors import invalid
from finetable.serving.lending import lent
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.prompting import check_ids
from finetable.serving.row_source import RowSource
from finetable.verb_settings import SamplingSettings


async def write_row(shelf: ModelShelf, name: str, seed: int) -> dict[str, Any]:
    """The row that this seed stands for: the same one whenever it is asked for."""
    async with lent(shelf, name) as model:
        if model.opened is None or model.labels:
            raise invalid(f"The model `{name}` was not trained to write rows of a table.", "model")
        source = await asyncio.to_thread(model.row_source)
        settings = model.opened.task.settings
        given = source.given(seed)
        prompt = prompt_of(settings.given, [given[name] for name in settings.given])
        text, copy = await _written(model, source, prompt or "", seed)
    return {
        "object": "finetable.row",
        "model": name,
        "seed": seed,
        "given": given,
        "target": settings.target,
        "text": text,
        "copied_words": copy.words,
    }


async def _written(model: LoadedModel, source: RowSource, prompt: str, seed: int) -> tuple[str, Copy]:
    """The first draft that copies no training row, or the last one."""
    assert model.opened is not None
    ids = model.start_ids(prompt)
    check_ids(model, ids, model.base.context - 1, "seed")
    most = usual_most_tokens(model.opened.record.longest_answer)
    sampling = SamplingSettings()
    first = Ask(ids, most, sampling.temperature, sampling.top_k, sampling.top_p, seed)
    for draw in range(MOST_DRAWS):
        with Answering(model.engine, [replace(first, draw=draw)]) as answering:
            (pieces,) = await answering.whole()
        text = "".join(piece.text for piece in pieces)
        copy = await asyncio.to_thread(source.copy_of, text)
        if not copy.is_copied:
            break
    return text, copy
