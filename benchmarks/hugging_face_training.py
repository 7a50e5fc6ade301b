"""transformers' Trainer, as a contestant: as the tutorials use it, or tuned."""

# ruff: noqa: D102

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

IGNORED = -100


class Rows(Dataset[dict[str, Any]]):
    """Rows of ids; a prompt carries no loss."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self._items[place]


def _item(row: dict[str, Any], pad: int, longest: int) -> dict[str, Any]:
    ids = row["ids"]
    missing = max(0, longest - len(ids))
    labels = [IGNORED] * row["answer"] + ids[row["answer"] :] + [IGNORED] * missing
    return {
        "input_ids": torch.tensor(ids + [pad] * missing),
        "labels": torch.tensor(labels),
        "attention_mask": torch.tensor([1] * len(ids) + [0] * missing),
        "length": len(ids),
    }


def grouped(items: list[dict[str, Any]], batch: int, seed: int) -> list[dict[str, Any]]:
    """Rows in batches of like length that come in random order.

    The Trainer's own grouping sorts 50 batches at a time, the longest first, so that few steps would not
    be like the rest.
    """
    draw = random.Random(seed)
    line = draw.sample(items, len(items))
    batches = []
    for first in range(0, len(line), 50 * batch):
        piece = sorted(line[first : first + 50 * batch], key=lambda item: item["length"])
        batches += [piece[place : place + batch] for place in range(0, len(piece), batch)]
    return [item for some in draw.sample(batches, len(batches)) for item in some]


class Clock(TrainerCallback):
    """Seconds from the end of the first step, which warms up, to the end of the last."""

    def __init__(self) -> None:
        self.begun = self.after_first = self.ended = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, state, control, kwargs
        self.begun = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, control, kwargs
        self.ended = time.perf_counter()
        if state.global_step == 1:
            self.after_first = self.ended


class Training:
    """A Trainer made anew for each call, on weights that stay unless a run begins from the start."""

    def __init__(self, folder: str, rows: str, batch: int, rate: float, tuned: bool, bf16: bool) -> None:
        self._content = json.loads(Path(rows).read_text(encoding="utf-8"))
        train, pad = self._content["train"], self._content["pad"]
        longest = 0 if tuned else max(len(row["ids"]) for row in train)
        self._items = [_item(row, pad, longest) for row in train]
        self._mean = sum(item["length"] for item in self._items) / len(self._items)
        self._folder = folder
        self._batch = batch
        self._rate = rate
        self._tuned = tuned
        self._bf16 = bf16
        self._network = self._fresh()
        self._calls = 0

    def measure(self, tokens: int) -> dict[str, float]:
        """Useful tokens a second over some steps."""
        self._calls += 1
        steps = 1 + max(1, round(tokens / (self._mean * self._batch)))
        clock, counted = self._train(self._network, steps, self._calls)
        return {"tokens_per_second": sum(counted[1:steps]) / (clock.ended - clock.after_first)}

    def learn(self, tokens: int, seed: int) -> dict[str, float]:
        """Seconds that a whole run over so many tokens takes, and held-out cross-entropy after it."""
        network = self._fresh()
        clock, _ = self._train(network, max(1, round(tokens / (self._mean * self._batch))), seed)
        return {"seconds": clock.ended - clock.begun, "nats": self._held_out(network)}

    def _fresh(self) -> Any:
        return AutoModelForCausalLM.from_pretrained(self._folder, dtype=torch.float32)

    def _train(self, network: Any, steps: int, seed: int) -> tuple[Clock, list[int]]:
        set_seed(seed)
        clock, counted = Clock(), []
        items = grouped(self._items, self._batch, seed) if self._tuned else self._items

        def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
            counted.append(sum(item["length"] for item in items))
            fills = {"input_ids": self._content["pad"], "labels": IGNORED, "attention_mask": 0}
            return {
                name: pad_sequence([item[name] for item in items], batch_first=True, padding_value=fill)
                for name, fill in fills.items()
            }

        with tempfile.TemporaryDirectory() as out:
            arguments = TrainingArguments(
                output_dir=out,
                max_steps=steps,
                per_device_train_batch_size=self._batch,
                learning_rate=self._rate,
                weight_decay=0.1,
                adam_beta2=0.95,
                bf16=self._bf16,
                use_cpu=True,
                train_sampling_strategy="sequential" if self._tuned else "random",
                remove_unused_columns=False,
                save_strategy="no",
                report_to="none",
                logging_strategy="no",
                disable_tqdm=True,
                seed=seed,
            )
            trainer = Trainer(
                model=network,
                args=arguments,
                train_dataset=Rows(items),
                data_collator=collate,
                callbacks=[clock],
            )
            trainer.train()
        return clock, counted

    def _held_out(self, network: Any) -> float:
        rows = self._content["held_out"]
        network.eval()
        total = answers = 0.0
        with torch.inference_mode():
            for row in rows:
                ids = torch.tensor([row["ids"]])
                logits = network(ids).logits[0, row["answer"] - 1 : -1]
                wanted = ids[0, row["answer"] :]
                total += float(cross_entropy(logits.float(), wanted, reduction="sum"))
                answers += len(wanted)
        network.train()
        return total / answers
