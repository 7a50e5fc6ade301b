"""From a recipe to a plan: what the recipe leaves open, measured or taken from the base."""

import time
from statistics import median
from typing import assert_never

import torch

from finetable.data.tokens import TokenizedRows
from finetable.models.base_model import BaseModel
from finetable.settings import Recipe, SourceName, TaskName
from finetable.training.batches import BatchPlan, padded
from finetable.training.plan import ROW_STEP, Plan, validation_rows
from finetable.training.precision import choose_precision
from finetable.training.trainer import Trainer

DEFAULT_EPOCHS = 4.0
FEWEST_STEPS: dict[SourceName, int] = {"scratch": 1_000, "shipped": 200, "pretrained": 0}
"""Steps that a network needs to find out what a table is about, the more the less it has read; on small
tables that is many epochs."""

MOST_EPOCHS = 20.0
"""Epochs beyond which a small table is memorised instead of learnt."""

FEWEST_TIMED, TIMED_STEPS, SECONDS_TIMED = 3, 16, 1.0
"""Steps that are timed: so many at least, and as many as that unless they take longer than a second.

The first warms up, and the median keeps a busy moment from deciding."""

SHIPPED_RATES: dict[TaskName, float] = {"write": 1e-3, "label": 5e-4}
SHIPPED_LORA_RATE = 5e-3
"""Peak learning rates of the shipped base, chosen on validation rows; see bases/README.md."""

LABEL_DECAY: dict[SourceName, float] = {"scratch": 1.5, "shipped": 0.1, "pretrained": 0.1}
LABEL_DROPOUT: dict[SourceName, float] = {"scratch": 0.3, "shipped": 0.3, "pretrained": 0.0}
"""Of labellers: the less a network knows, the sooner it learns a table by heart."""

PATIENCE: dict[TaskName, int] = {"write": 5, "label": 0}
"""Validations without progress that end a run; 0: it goes to its end and keeps its last weights.

A labeller's loss rises because it grows too sure of itself, while it still learns to tell labels apart; how
sure it is gets mended afterwards, on its validation rows (Guo et al. 2017, section 2; Berta et al. 2025)."""

BYTES_PER_TRAINED_WEIGHT = 16
"""fp32: the weight, its gradient and AdamW's two moments."""


def draft_plan(
    recipe: Recipe,
    base: BaseModel,
    rows: TokenizedRows,
    validation: TokenizedRows,
    times: float = 1.0,
) -> Plan:
    """A plan for --epochs, or the default number of them; `with_steps` fits it to --minutes.

    `times` is how many times as many rows there will be as are given here.
    """
    settings = recipe.optimizer
    patience = recipe.length.patience
    patience = PATIENCE[recipe.task.name] if patience is None else patience
    precision = choose_precision(recipe.precision, base.network.device)
    # A batch of so many rows has room for them as they are padded.
    lengths = padded(rows.lengths, ROW_STEP[precision])
    batch_tokens = _batch_tokens(recipe, float(lengths.mean()))
    draft = Plan(
        steps=1,
        validate_every=1,
        validation_rows=len(validation),
        patience=patience,
        keeps_last=recipe.task.name == "label" and patience == 0,
        stop_when_copying=recipe.length.stop_when_copying,
        learning_rate=settings.learning_rate or default_learning_rate(recipe),
        schedule=settings.schedule,
        warmup=settings.warmup,
        clip=settings.clip,
        weight_decay=_weight_decay(recipe),
        dropout=_dropout(recipe),
        batch_tokens=batch_tokens,
        micro_batch_tokens=min(batch_tokens, settings.micro_batch_tokens),
        precision=precision,
        threads=torch.get_num_threads(),
        seed=recipe.seed,
    )
    epoch = BatchPlan.of(rows.lengths, draft).steps_per_epoch
    epoch_steps = epoch * times
    epochs = recipe.length.epochs or default_epochs(epoch_steps, DEFAULT_EPOCHS, recipe.base.source)
    steps = max(1, round(epochs * epoch_steps))
    return with_steps(draft, steps, recipe, rows, validation)


def default_epochs(steps_per_epoch: float, usual: float, source: SourceName) -> float:
    """Epochs where the person names none: the usual number, or what FEWEST_STEPS of this source take."""
    return max(usual, min(MOST_EPOCHS, FEWEST_STEPS[source] / steps_per_epoch))


def with_steps(
    plan: Plan, steps: int, recipe: Recipe, rows: TokenizedRows, validation: TokenizedRows
) -> Plan:
    """The plan with its number of steps, and validations spread over them."""
    epoch = BatchPlan.of(rows.lengths, plan).steps_per_epoch
    validations = min(recipe.length.validations, steps)
    tokens = round(int(rows.lengths.sum()) * steps / epoch)
    judged = validation_rows(tokens, validations, int(validation.lengths.sum()), len(validation))
    return plan.model_copy(
        update={
            "steps": steps,
            "validate_every": -(-steps // validations),
            "validation_rows": judged,
            "epochs": round(steps / epoch, 6),
            "batch_rows": round(len(rows) / epoch, 6),
        }
    )


def seconds_per_step(trainer: Trainer, at_least: float = 0.0) -> float:
    """Median time of real steps, of `at_least` seconds of them; leaves the trainer as it was.

    Where a run has to fit a time, a busy moment of the machine must not decide how long it is; where it need
    not, nobody should wait for an estimate.
    """
    before = {name: weight.clone() for name, weight in trainer.masters.state().items()}
    spread = max(1, trainer.steps_per_epoch // TIMED_STEPS)
    seconds: list[float] = []
    while (
        len(seconds) < FEWEST_TIMED
        or sum(seconds) < at_least
        or (len(seconds) < TIMED_STEPS and sum(seconds) < SECONDS_TIMED)
    ):
        begun = time.perf_counter()
        trainer.step(len(seconds) * spread % trainer.steps_per_epoch)
        seconds.append(time.perf_counter() - begun)
    trainer.load_state(before, {})
    return median(seconds[1:])


def memory_bytes(base: BaseModel, plan: Plan, trained: int) -> int:
    """Memory that training takes beside the program itself, roughly: weights, optimizer, activations."""
    config = base.network.config
    weights = sum(weight.numel() for weight in base.network.parameters())
    # About 34 numbers of the width per token and layer (Korthikanti et al. 2022, section 4).
    per_token = 34 * int(config.hidden_size) * int(config.num_hidden_layers) * 4
    return trained * BYTES_PER_TRAINED_WEIGHT + (weights - trained) * 4 + per_token * plan.micro_batch_tokens


def default_learning_rate(recipe: Recipe) -> float:
    """Peak learning rate where the recipe names none."""
    lora = recipe.base.lora is not None
    match recipe.base.source:
        case "pretrained":
            return 1e-3 if lora else 1e-4
        case "shipped":
            return SHIPPED_LORA_RATE if lora else SHIPPED_RATES[recipe.task.name]
        case "scratch":
            rates = {"tiny": 4e-3, "small": 3e-3, "medium": 2e-3, "large": 1e-3}
            # One or two tokens of a row teach a label, so its gradients are noisier than those of a text.
            return rates[recipe.scratch_size] / (4 if recipe.task.name == "label" else 1)
        case other:
            assert_never(other)


def _batch_tokens(recipe: Recipe, mean_length: float) -> int:
    settings = recipe.optimizer
    if settings.batch_rows is not None:
        return max(16, round(settings.batch_rows * mean_length))
    if settings.batch_tokens is not None:
        return settings.batch_tokens
    labels_shipped = recipe.base.source == "shipped" and recipe.task.name == "label"
    return 2048 if recipe.base.source == "pretrained" or labels_shipped else 1024


def _weight_decay(recipe: Recipe) -> float:
    if recipe.optimizer.weight_decay is not None:
        return recipe.optimizer.weight_decay
    return LABEL_DECAY[recipe.base.source] if recipe.task.name == "label" else 0.1


def _dropout(recipe: Recipe) -> float:
    if recipe.optimizer.dropout is not None:
        return recipe.optimizer.dropout
    return LABEL_DROPOUT[recipe.base.source] if recipe.task.name == "label" else 0.0
