"""Everything a run needs before its first step: base, tokenized rows, plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from transformers import PreTrainedTokenizerFast

from finetable.catalog import adapter_of, base_of
from finetable.data.tokens import TokenizedRows, tokenize
from finetable.errors import TableError, TrainingError
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder
from finetable.models.base_model import BaseModel, to_best_device
from finetable.models.own_words import with_own_words
from finetable.models.pretrained import read_tokenizer
from finetable.models.scratch import differ_without_case, train_tokenizer
from finetable.models.shipped import shipped_tokenizer
from finetable.progress import Progress
from finetable.settings import LongRows, Recipe, SourceName, TaskName
from finetable.tasks.task import Rows, Task, answers, examples, prompts
from finetable.training.plan import Plan
from finetable.training.planning import default_epochs, draft_plan, memory_bytes, seconds_per_step, with_steps
from finetable.training.trainer import NotFiniteError, Trainer
from finetable.wording import are_counted, counted, duration, memory, on_lines, some

if TYPE_CHECKING:
    from finetable.models.adapters import Adapter

SHARE_OF_MINUTES = 0.93
"""What is left for steps of the minutes asked for; the rest goes to validations, samples, checkpoints."""

SHARE_TIMED, MOST_SECONDS_TIMED = 0.02, 10.0
"""Of the minutes asked for, what trying out steps may take before."""

ENOUGH_EPOCHS: dict[TaskName, dict[SourceName, float]] = {
    "write": {"scratch": 20.0, "shipped": 20.0, "pretrained": 20.0},
    "label": {"scratch": 6.0, "shipped": 4.0, "pretrained": 4.0},
}
"""Epochs beyond which --minutes buys memorising instead of learning: the learning rate has to reach
zero before that, which early stopping alone would cut short. A base has less to learn; bases/README.md."""


@dataclass(frozen=True, eq=False)
class Material:
    """A base and the rows to train it on; `adapter` is inside the base's network where LoRA is trained.

    `too_long` are the lines of rows longer than the context, which were cut or dropped.
    """

    base: BaseModel
    adapter: Adapter | None
    rows: SplitRows
    train: TokenizedRows
    validation: TokenizedRows
    too_long: tuple[int, ...] = ()

    @property
    def trained_parameters(self) -> int:
        """Weights that training changes."""
        return sum(weight.numel() for weight in self.base.network.parameters() if weight.requires_grad)


def gather(task: Task, rows: SplitRows, recipe: Recipe, folder: ModelFolder, files: Path) -> Material:
    """The base, and the rows as tokens in `files`; rows longer than the context as the recipe says.

    Raises TableError where there are such rows and the recipe says stop, or where a split has none left.
    """
    base = build_base(task, rows, recipe, folder)
    encoder = base.encoder()
    tokens = {
        split: tokenize(examples(task, rows.of(split)), encoder, files / split)
        for split in ("train", "validation", "test")
    }
    too_long = _too_long(rows, tokens, base.context)
    if too_long:
        rows, tokens = _fit_context(task, rows, tokens, too_long, base.context, recipe.data.long_rows)
    for split, found in tokens.items():
        if not len(found):
            raise TableError(
                f"No row is left for the {split} split; add rows, or choose another --split-column."
            )
    adapter = adapter_of(base.network, recipe)
    return Material(base, adapter, rows, tokens["train"], tokens["validation"], too_long)


def build_base(task: Task, rows: SplitRows, recipe: Recipe, folder: ModelFolder) -> BaseModel:
    """The base where it will be trained; a run that goes on takes the tokenizer it began with."""

    def tokenizer() -> PreTrainedTokenizerFast:
        if folder.tokenizer.exists():
            return read_tokenizer(folder.tokenizer)
        return tokenizer_for(task, rows.of("train"), recipe)

    base = base_of(recipe, tokenizer, bool(task.settings.given))
    to_best_device(base.network)
    return base


def tokenizer_for(task: Task, rows: Rows, recipe: Recipe) -> PreTrainedTokenizerFast:
    """The tokenizer of a scratch or shipped base, which has learnt from rows where it may."""
    texts = partial(_training_texts, task, rows)
    if recipe.base.source == "scratch":
        return train_tokenizer(texts, recipe.scratch_size, folds_case(task, recipe))
    known = shipped_tokenizer(recipe.base.base)
    if task.settings.name == "write" or not recipe.base.learns_words:
        return known
    return with_own_words(known, texts, folds_case(task, recipe))


def folds_case(task: Task, recipe: Recipe) -> bool:
    """Whether a network reads texts without case.

    A labeller that learns words does, unless its labels differ in nothing else: a word at the start of a
    sentence is the same word, and few rows cannot teach that. A writer has to write capitals.
    """
    is_labeller = task.settings.name == "label" and recipe.base.learns_words
    return is_labeller and not recipe.base.keep_case and differ_without_case(task.labels)


def decide_plan(recipe: Recipe, material: Material, progress: Progress) -> Plan:
    """Fix every number of the run, and say what it will take."""
    plan = draft_plan(recipe, material.base, material.train, material.validation)
    expected = ""
    if recipe.length.minutes is not None:
        plan, seconds = _fit_minutes(plan, recipe.length.minutes, recipe, material, progress)
        expected = f"about {duration(seconds)} and "
    needed = memory_bytes(material.base, plan, material.trained_parameters)
    progress.say(
        f"{counted(plan.steps, 'step')} of about {plan.batch_tokens:,} tokens "
        f"({plan.epochs:.1f} epochs) in {plan.precision}: {expected}"
        f"about {memory(needed)} of memory beside the program itself"
    )
    return plan


def _fit_minutes(
    plan: Plan, minutes: float, recipe: Recipe, material: Material, progress: Progress
) -> tuple[Plan, float]:
    """The plan with as many steps as fit into the minutes, or as are enough; and the seconds they take.

    Steps are timed only here: who asks for epochs should not wait for an estimate.
    """
    train, validation = material.train, material.validation
    trainer = Trainer(material.base, train, validation, plan)
    try:
        seconds = seconds_per_step(trainer, min(MOST_SECONDS_TIMED, minutes * 60 * SHARE_TIMED))
    except NotFiniteError as fault:
        raise not_finite(material, plan, fault) from fault
    trainer.masters.widen()
    fitting = max(1, int(minutes * 60 * SHARE_OF_MINUTES / seconds))
    enough = ENOUGH_EPOCHS[recipe.task.name][recipe.base.source]
    most = default_epochs(trainer.steps_per_epoch, enough, recipe.base.source)
    steps = min(fitting, max(1, round(most * trainer.steps_per_epoch)))
    if steps < fitting:
        progress.say(
            f"--minutes {minutes:g} is enough for {fitting / trainer.steps_per_epoch:.0f} "
            f"epochs; {most:.0f} suffice here (--epochs takes as many as you like)"
        )
    return with_steps(plan, steps, recipe, train, validation), steps * seconds / SHARE_OF_MINUTES


def not_finite(material: Material, plan: Plan, fault: NotFiniteError) -> TrainingError:
    """What a person is told of a step that broke."""
    lines = material.rows.lines()
    return TrainingError(
        f"The loss of step {fault.step:,} is not a finite number (rows of its batch: lines "
        f"{some(lines[row_id] for row_id in fault.row_ids)}); "
        f"train into another --out with a lower --learning-rate than {plan.learning_rate:g}."
    )


def _training_texts(task: Task, rows: Rows) -> Iterator[str]:
    for prompt in prompts(task, rows):
        if prompt:
            yield prompt
    yield from answers(task, rows)


def longer_rows(lines: Sequence[int], context: int) -> str:
    """That there are rows longer than the context, and on which lines."""
    return (
        f"{are_counted(len(lines), 'row')} longer than the {context:,} tokens the base sees, on "
        f"{on_lines(lines)}"
    )


def _too_long(rows: SplitRows, tokens: dict[str, TokenizedRows], context: int) -> tuple[int, ...]:
    """Lines of the rows longer than the context."""
    long_ids = np.concatenate([found.row_ids[found.lengths > context] for found in tokens.values()])
    if not len(long_ids):
        return ()
    lines = rows.lines()
    return tuple(lines[int(row_id)] for row_id in long_ids)


def _fit_context(
    task: Task,
    rows: SplitRows,
    tokens: dict[str, TokenizedRows],
    too_long: Sequence[int],
    context: int,
    policy: LongRows,
) -> tuple[SplitRows, dict[str, TokenizedRows]]:
    match policy:
        case "stop":
            longest = max(int(found.lengths.max(initial=0)) for found in tokens.values())
            raise TableError(
                f"{longer_rows(too_long, context)} (the longest has {longest:,}); "
                f"choose --long-rows cut or --long-rows drop."
            )
        case "cut":
            keep_answer = task.settings.name == "label"
            return rows, {split: found.cut(context, keep_answer) for split, found in tokens.items()}
        case "drop":
            long_ids = np.concatenate([found.row_ids[found.lengths > context] for found in tokens.values()])
            kept = {
                split: found.select(np.flatnonzero(found.lengths <= context))
                for split, found in tokens.items()
            }
            return rows.without(long_ids), kept
