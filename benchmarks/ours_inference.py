"""finetable's engine, as a contestant."""

import time

import numpy as np
import torch

from finetable.catalog import label_engine_of
from finetable.inference.engine import Request
from finetable.inference.torch_engine import TorchEngine
from finetable.models.fast_training import speed_up
from finetable.models.number_format import has_bf16_products, set_format
from finetable.models.pretrained import load_pretrained
from finetable.verb_settings import SamplingSettings

TOP_K = 50
MOST_ROWS = 1024


class Writing:
    """Rows written from nothing, a fixed number of tokens each."""

    def __init__(self, folder: str, tokens: int) -> None:
        base = load_pretrained(folder, with_separator=True)
        # As `finetable generate` does where texts are drawn.
        self.format = "bf16" if has_bf16_products(base.network.device) else "fp32"
        if self.format == "bf16":
            set_format(base.network, torch.bfloat16)
            speed_up(base.network)
        self._tokens = tokens
        self._engine = TorchEngine(base, longest_prompt=1, longest_answer=tokens)
        self._rows = 0

    def measure(self, rows: int) -> dict[str, float]:
        """Tokens a second over rows that were not written before."""
        requests = [Request(self._rows + row, None) for row in range(rows)]
        self._rows += rows
        sampling = SamplingSettings(temperature=1.0, top_k=TOP_K, top_p=1.0, max_tokens=self._tokens, seed=1)
        begun = time.perf_counter()
        ended = sum(text.ended for text in self._engine.stream(requests, sampling, MOST_ROWS))
        seconds = time.perf_counter() - begun
        return {"tokens_per_second": rows * self._tokens / seconds, "ended": ended}

    def rounding(self, folder: str, texts: list[str]) -> dict[str, object]:
        """Bits per byte of texts in fp32, and in the format that rows are written in."""
        base = load_pretrained(folder, with_separator=False)
        found = []
        for dtype in (torch.float32, torch.bfloat16 if self.format == "bf16" else torch.float32):
            set_format(base.network, dtype)
            engine = TorchEngine(base, longest_prompt=1, longest_answer=512)
            nats = -engine.score([None] * len(texts), texts, 64).sum()
            found.append(nats / np.log(2) / sum(len(text.encode()) for text in texts))
        return {"format": self.format, "bits": found}


class Labelling:
    """Log-probabilities of labels after prompts."""

    def __init__(self, folder: str, prompts: list[str], labels: list[str]) -> None:
        base = load_pretrained(folder, with_separator=True)
        # As `finetable classify` does.
        self._engine = label_engine_of(base, TorchEngine(base, longest_prompt=128, longest_answer=8))
        self._prompts = prompts
        self._labels = labels

    def measure(self, rows: int) -> dict[str, float]:
        """Rows a second."""
        begun = time.perf_counter()
        self._engine.score_labels(self._prompts[:rows], self._labels, 256)
        return {"rows_per_second": rows / (time.perf_counter() - begun)}

    def winners(self, rows: int) -> list[int]:
        """The likeliest label of each row."""
        scores = self._engine.score_labels(self._prompts[:rows], self._labels, 256)
        return [int(place) for place in np.argmax(scores, axis=1)]
