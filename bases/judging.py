"""How good a base is: bits per byte of held-out text by kind, what it copies, and texts as they came."""

import math
from collections.abc import Sequence

import numpy as np

from bases.passages import Passage
from finetable.catalog import engine_of
from finetable.data.copies import COPIED_RUN, CopyIndex
from finetable.inference.engine import Request
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

ROWS_AT_ONCE = 64


def bits_per_byte(base: BaseModel, passages: Sequence[Passage]) -> dict[str, float]:
    """Bits per byte of UTF-8 of held-out passages by kind, and of all, every kind weighing the same.

    The end of a passage is part of what has to be told.
    """
    engine = engine_of("torch", base, longest_prompt=1, longest_answer=1)
    found: dict[str, float] = {}
    for kind in sorted({passage.kind for passage in passages}):
        texts = [passage.text for passage in passages if passage.kind == kind]
        nats = -engine.score([None] * len(texts), texts, ROWS_AT_ONCE).sum()
        found[kind] = float(nats) / math.log(2) / sum(len(text.encode()) for text in texts)
    found["all"] = float(np.mean(list(found.values())))
    return found


def written(base: BaseModel, rows: int, most_tokens: int, seed: int) -> list[str]:
    """Texts as they come from nothing but the start token, at finetable's usual temperature."""
    engine = engine_of("torch", base, longest_prompt=1, longest_answer=most_tokens)
    sampling = SamplingSettings(seed=seed, max_tokens=most_tokens)
    requests = [Request(row, None) for row in range(rows)]
    texts = {text.request.row: text.text for text in engine.stream(requests, sampling, batch_size=rows)}
    return [texts[row] for row in range(rows)]


def longest_copies(
    trained: Sequence[str], shared: Sequence[str], written: Sequence[str], real: Sequence[str]
) -> dict[str, float]:
    """Words of the longest run that texts share with what was trained on: those written, and real ones.

    For real texts also `shared` counts, what was left out of the training for sharing words with them: how
    much texts share that nobody copied. Real texts are cut to as many words as the written ones have, text by
    text.
    """
    cut = [" ".join(text.split()[: len(other.split())]) for text, other in zip(real, written, strict=True)]
    found: dict[str, float] = {}
    for name, known, texts in (("written", trained, written), ("real", [*trained, *shared], cut)):
        runs = [copy.words for copy in CopyIndex.build(known).look_up(texts)]
        found |= {
            f"{name}_median": float(np.median(runs)),
            f"{name}_longest": float(np.max(runs)),
            f"{name}_share_of_12_words": float(np.mean([run >= COPIED_RUN for run in runs])),
        }
    return found
