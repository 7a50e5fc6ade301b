"""transformers, CTranslate2 and lm-eval's way of scoring, as contestants."""

import re
import time
from pathlib import Path
from typing import Any

import ctranslate2
import torch
from ctranslate2.converters import TransformersConverter
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

TOP_K = 50


class Generate:
    """transformers' `generate` in batches of one size."""

    def __init__(self, folder: str, tokens: int, batch: int, bf16: bool) -> None:
        dtype = torch.bfloat16 if bf16 else torch.float32
        self._network: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self._start = self._network.config.bos_token_id
        self._tokens = tokens
        self._batch = batch
        torch.manual_seed(1)

    def measure(self, rows: int) -> dict[str, float]:
        """Tokens a second."""
        written, begun = 0, time.perf_counter()
        for first in range(0, rows, self._batch):
            ids = torch.full((min(self._batch, rows - first), 1), self._start)
            with torch.inference_mode():
                out = self._network.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=True,
                    top_k=TOP_K,
                    max_new_tokens=self._tokens,
                )
            written += out[:, 1:].numel()
        return {"tokens_per_second": written / (time.perf_counter() - begun)}

    def greedy(self, prompts: list[list[int]]) -> list[list[int]]:
        """Ids of the likeliest text after each prompt."""
        found = []
        for prompt in prompts:
            ids = torch.tensor([prompt])
            out = self._network.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=self._tokens
            )
            found.append(out[0, len(prompt) :].tolist())
        return found


class CTranslate2:
    """CTranslate2 called directly with the whole list."""

    def __init__(self, folder: str, tokens: int, batch: int, precision: str) -> None:
        converted = Path(folder).with_name(f"ctranslate2-{precision}-{batch}")
        TransformersConverter(folder).convert(str(converted), quantization=precision)
        self._generator = ctranslate2.Generator(str(converted), compute_type=precision)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._start = tokenizer.bos_token
        self._tokens = tokens
        self._batch = batch

    def measure(self, rows: int) -> dict[str, float]:
        """Tokens a second."""
        begun = time.perf_counter()
        results = self._generator.generate_batch(
            [[self._start]] * rows,
            max_batch_size=self._batch,
            max_length=self._tokens,
            sampling_topk=TOP_K,
            include_prompt_in_result=False,
        )
        written = sum(len(result.sequences_ids[0]) for result in results)
        return {"tokens_per_second": written / (time.perf_counter() - begun)}


class Pipeline:
    """The tutorials' way to label: a text written for each row, and a pattern that looks for a label."""

    def __init__(self, folder: str, prompts: list[str], labels: list[str]) -> None:
        self._write: Any = pipeline("text-generation", model=folder, dtype=torch.float32)
        self._prompts = prompts
        self._labels = labels

    def measure(self, rows: int) -> dict[str, float]:
        """Rows a second."""
        pattern = re.compile("|".join(map(re.escape, self._labels)))
        begun = time.perf_counter()
        for prompt in self._prompts[:rows]:
            written = self._write(
                prompt + "\nGenre:", max_new_tokens=8, do_sample=False, return_full_text=False
            )
            pattern.search(written[0]["generated_text"])
        return {"rows_per_second": rows / (time.perf_counter() - begun)}


class EveryLabel:
    """lm-eval's way: each label after each prompt as a sequence of its own, all logits, longest first."""

    def __init__(
        self, folder: str, rows: list[list[list[int]]], starts: list[int], batch: int, bf16: bool
    ) -> None:
        dtype = torch.bfloat16 if bf16 else torch.float32
        self._network: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self._rows = rows
        self._starts = starts
        self._batch = batch

    def measure(self, rows: int) -> dict[str, float]:
        """Rows a second."""
        begun = time.perf_counter()
        self._scores(rows)
        return {"rows_per_second": rows / (time.perf_counter() - begun)}

    def winners(self, rows: int) -> list[int]:
        """The likeliest label of each row."""
        return [max(range(len(each)), key=each.__getitem__) for each in self._scores(rows)]

    def _scores(self, rows: int) -> list[list[float]]:
        asked = [
            (place, label, ids)
            for place, sequences in enumerate(self._rows[:rows])
            for label, ids in enumerate(sequences)
        ]
        asked.sort(key=lambda each: -len(each[2]))
        scores = [[0.0] * len(sequences) for sequences in self._rows[:rows]]
        for first in range(0, len(asked), self._batch):
            some = asked[first : first + self._batch]
            longest = len(some[0][2])
            ids = torch.tensor([each[2] + [0] * (longest - len(each[2])) for each in some])
            with torch.inference_mode():
                logits = self._network(ids).logits.float().log_softmax(dim=-1)
            for (place, label, sequence), found in zip(some, logits, strict=True):
                start = self._starts[place]
                wanted = torch.tensor(sequence[start:])
                picked = found[start - 1 : len(sequence) - 1].gather(1, wanted.unsqueeze(1))
                scores[place][label] = float(picked.sum())
        return scores
