"""finetable's training, as a contestant."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetable.data.tokens import TokenizedRows
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import load_pretrained
from finetable.settings import BaseSettings, LengthSettings, OptimizerSettings, Recipe
from finetable.training.plan import Plan
from finetable.training.planning import draft_plan, with_steps
from finetable.training.trainer import Trainer


class Training:
    """Steps of finetable's own trainer on rows of ids."""

    def __init__(self, folder: str, rows: str, batch_tokens: int, rate: float, precision: str) -> None:
        content = json.loads(Path(rows).read_text(encoding="utf-8"))
        self._rows = tokenized(content["train"])
        self._held_out = tokenized(content["held_out"])
        self._folder = folder
        self._recipe = Recipe.model_validate(
            {
                "base": BaseSettings(base=folder),
                "optimizer": OptimizerSettings(
                    batch_tokens=batch_tokens, learning_rate=rate, weight_decay=0.1, warmup=0.0, dropout=0.0
                ),
                "length": LengthSettings(validations=1),
                "precision": precision,
            }
        )
        self._steps = 0
        self._trainer: Trainer | None = None

    def measure(self, tokens: int) -> dict[str, float]:
        """Useful tokens a second over some steps of a run that goes on from call to call."""
        if self._trainer is None:
            self._trainer = self._fresh(10**6, 0)
        begun, done = time.perf_counter(), 0
        while done < tokens:
            done += self._trainer.step(self._steps).tokens
            self._steps += 1
        return {"tokens_per_second": done / (time.perf_counter() - begun)}

    def learn(self, tokens: int, seed: int) -> dict[str, float]:
        """Seconds that a whole run over so many tokens takes, and held-out cross-entropy after it."""
        self._trainer = None
        probe = self._fresh(1, seed)
        steps = max(1, round(tokens / self._rows.lengths.sum() * probe.steps_per_epoch))
        del probe
        trainer = self._fresh(steps, seed)
        begun = time.perf_counter()
        for number in range(steps):
            trainer.step(number)
        seconds = time.perf_counter() - begun
        trainer.masters.widen()
        return {"seconds": seconds, "nats": trainer.validate(steps)[0]}

    def precision(self) -> str:
        """The format of the products that was chosen."""
        return self._plan(self._base(), 0).precision

    def _base(self) -> BaseModel:
        return load_pretrained(self._folder, with_separator=True)

    def _plan(self, base: BaseModel, seed: int) -> Plan:
        recipe = self._recipe.model_copy(update={"seed": seed})
        return draft_plan(recipe, base, self._rows, self._held_out)

    def _fresh(self, steps: int, seed: int) -> Trainer:
        base = self._base()
        plan = with_steps(self._plan(base, seed), steps, self._recipe, self._rows, self._held_out)
        plan = plan.model_copy(update={"validation_rows": len(self._held_out)})
        return Trainer(base, self._rows, self._held_out, plan)


def tokenized(rows: list[dict[str, Any]]) -> TokenizedRows:
    """Rows as finetable holds them."""
    starts = np.cumsum([0, *(len(row["ids"]) for row in rows)], dtype=np.int64)
    ids = np.concatenate([np.array(row["ids"], np.uint32) for row in rows])
    answers = np.array([row["answer"] for row in rows], np.int64)
    return TokenizedRows(ids, starts, answers, np.arange(len(rows), dtype=np.int64))


class Products:
    """How fast this machine multiplies matrices of the shapes that a network needs."""

    def __init__(self, width: int, layers: int, vocabulary: int, rows: int) -> None:
        self._shapes = [
            (layers, width, 3 * width),
            (layers, width, width),
            (layers, width, 4 * width),
            (layers, 4 * width, width),
            (1, width, vocabulary),
        ]
        self._rows = rows

    def measure(self, precision: str) -> dict[str, float]:
        """10^9 operations a second in the products of `rows` rows with all weights of the network."""
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        operations = seconds = 0.0
        for times, inner, outer in self._shapes:
            left, right = torch.randn(self._rows, inner).to(dtype), torch.randn(outer, inner).to(dtype)
            left @ right.T
            best = min(_timed(left, right) for _ in range(5))
            operations += times * 2 * self._rows * inner * outer
            seconds += times * best
        return {"gflops": operations / seconds / 1e9}


def _timed(left: torch.Tensor, right: torch.Tensor) -> float:
    begun = time.perf_counter()
    left @ right.T
    return time.perf_counter() - begun
