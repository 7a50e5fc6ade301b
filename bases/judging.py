"""How good a base is: bits per byte of held-out text by kind, what it copies, and texts as they came."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from bases.passages import Passage
from bases.training import fitting, tokenized
from finetable.catalog import engine_of
from finetable.data.copies import COPIED_RUN, CopyIndex
from finetable.data.tokens import IGNORED
from finetable.inference.engine import Request
from finetable.models.base_model import BaseModel, embedding_of, head_of, last_hidden
from finetable.training.batches import in_length_order
from finetable.training.loss import answer_nats
from finetable.verb_settings import SamplingSettings

BATCH_TOKENS = 4096


@torch.inference_mode()
def bits_per_byte(base: BaseModel, passages: Sequence[Passage]) -> dict[str, float]:
    """Bits per byte of UTF-8 of held-out passages by kind, and of all, every kind weighing the same.

    The end of a passage is part of what has to be told. Raises ValueError for one longer than the context.
    """
    head = head_of(base.network)
    found: dict[str, float] = {}
    for kind in sorted({passage.kind for passage in passages}):
        chosen = [(replace(passage, title=None), 1) for passage in passages if passage.kind == kind]
        with TemporaryDirectory(prefix="finetable-base-") as files:
            rows = tokenized(chosen, base.encoder(), Path(files) / "rows")
            if fitting(rows) is not rows:
                raise ValueError(f"A held-out passage of {kind} is longer than the base's context.")
            nats = 0.0
            for indices in in_length_order(rows.lengths, BATCH_TOKENS):
                batch = rows.batch(indices.tolist(), base.special.pad)
                ids, targets = (part.to(base.network.device) for part in batch)
                places = (targets.flatten() != IGNORED).nonzero().flatten()
                hidden = last_hidden(base.network, embedding_of(base.network)(ids)).flatten(0, 1)
                nats += answer_nats(hidden[places], head, targets.flatten()[places])[0]
            size = sum(len(chosen[number][0].text.encode()) for number in rows.row_ids.tolist())
        found[kind] = nats / math.log(2) / size
    found["all"] = float(np.mean(list(found.values())))
    return found


def written(base: BaseModel, rows: int, most_tokens: int, seed: int) -> list[str]:
    """Texts as they come from nothing but the start token, at finetable's usual temperature."""
    engine = engine_of("torch", base, longest_prompt=1, longest_answer=most_tokens)
    sampling = SamplingSettings(seed=seed, max_tokens=most_tokens)
    requests = [Request(row, None) for row in range(rows)]
    texts = {text.request.row: text.text for text in engine.stream(requests, sampling, batch_size=rows)}
    return [texts[row] for row in range(rows)]


def longest_copies(trained: Iterable[str], written: Sequence[str], real: Sequence[str]) -> dict[str, float]:
    """Words of the longest run that texts share with what was trained on: those written, and real ones.

    Real texts are cut to as many words as the written ones have, text by text, so that both had the same
    room.
    """
    index = CopyIndex.build(trained)
    cut = [" ".join(text.split()[: len(other.split())]) for text, other in zip(real, written, strict=True)]
    found: dict[str, float] = {}
    for name, texts in (("written", written), ("real", cut)):
        runs = [copy.words for copy in index.look_up(texts)]
        found |= {
            f"{name}_median": float(np.median(runs)),
            f"{name}_longest": float(np.max(runs)),
            f"{name}_share_of_12_words": float(np.mean([run >= COPIED_RUN for run in runs])),
        }
    return found
