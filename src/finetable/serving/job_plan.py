"""From a job to the words of `finetable train`, and back from its plan to the numbers of the API.

The rule behind `auto`, which `docs/openai.md` publishes: `auto` is the default of `finetable train`.
`batch_size` counts rows of average length, `learning_rate_multiplier` multiplies the default peak rate.
"""

import json
from pathlib import Path
from typing import Any

from finetable.model_folder import Record
from finetable.serving.database import Row
from finetable.serving.job_requests import Hyperparameters
from finetable.serving.training_file import Prepared
from finetable.settings import Recipe
from finetable.training.planning import default_learning_rate

KEPT_CHECKPOINTS = 3
"""Checkpoints that stay: the final one and those of the two epochs before it, as OpenAI keeps them."""


def train_words(job: Row, base: str, prepared: Prepared, out: Path) -> list[str]:
    """The command that trains a job."""
    method = json.loads(job["method"])
    asked = Hyperparameters.model_validate(method[method["type"]]["hyperparameters"])
    words = ["train", str(prepared.table), f"--out={out}", f"--base={base}", "--seed", str(job["seed"])]
    # With "=", so that a column that a client calls like an option is none.
    words += [
        f"{name}={value}" for name, value in zip(prepared.options[::2], prepared.options[1::2], strict=True)
    ]
    words += ["--long-rows", "drop", "--keep-epochs", str(KEPT_CHECKPOINTS)]
    if asked.n_epochs != "auto":
        # Who names a number of epochs wants them all.
        words += ["--epochs", str(asked.n_epochs), "--patience", "0"]
    if asked.batch_size != "auto":
        words += ["--batch-rows", str(asked.batch_size)]
    if asked.learning_rate_multiplier != "auto":
        rate = default_learning_rate(_recipe(base, prepared)) * asked.learning_rate_multiplier
        words += ["--learning-rate", f"{min(rate, 1.0):.6g}"]
    return words


def resolved(record: Record) -> dict[str, Any]:
    """The numbers that a job runs with."""
    plan = record.plan
    usual = default_learning_rate(record.recipe)
    return {
        "n_epochs": max(1, round(plan["epochs"])),
        "batch_size": max(1, round(plan["batch_rows"])),
        "learning_rate_multiplier": round(plan["learning_rate"] / usual, 6),
    }


def _recipe(base: str, prepared: Prepared) -> Recipe:
    """The parts of the recipe that a learning rate hangs on."""
    job, column = prepared.options[:2]
    task = {job.removeprefix("--"): column}
    return Recipe.of(base=base, **task)
