"""A table looked at before any training."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from finetable.atomic_files import write_text
from finetable.catalog import base_of, task_of
from finetable.data.profile import Estimate, Profile
from finetable.data.profiling import profile_table
from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.data.tokens import tokenize
from finetable.models.base_model import BaseModel, to_best_device
from finetable.models.scratch import train_tokenizer
from finetable.progress import Progress
from finetable.report.profile_report import profile_report
from finetable.settings import Recipe
from finetable.tasks.task import Task, answers, examples, prompts
from finetable.training.planning import draft_plan, memory_bytes, seconds_per_step
from finetable.training.trainer import Trainer
from finetable.verb_settings import ProfileSettings
from finetable.workflow.outputs import refuse_existing

ROWS_TRIED = 2_000
"""Rows, spread evenly over the table, on which a tokenizer is trained and steps are timed."""


def profile_of(path: str, out: Path | None, settings: ProfileSettings, progress: Progress) -> Profile:
    """Find out what is in a table, and with `out` also write a page about it.

    Where a job is named, its base tells how long the rows are in tokens, and what training would take.
    """
    refuse_existing(out)
    if settings.task.is_named:
        settings.task.check()
    source = read_table(path, settings.table)
    profile = _profile(source, settings, progress)
    if out is not None:
        write_text(out, profile_report(profile))
        progress.say(f"Wrote {out}")
    return profile


def _profile(source: Table, settings: ProfileSettings, progress: Progress) -> Profile:
    task = settings.task
    if not task.is_named:
        return profile_table(source, None, (), None, None, None)
    recipe = Recipe(task=task, base=settings.base)
    job = task_of(task)
    table = job.learnable(source)
    tried = table.take(np.unique(np.linspace(0, len(table) - 1, ROWS_TRIED).astype(np.int64)))
    base = base_of(recipe, lambda: _tokenizer(job, tried, recipe), bool(task.given))
    special = 2 if task.given else 1
    profile = profile_table(
        table,
        task.target,
        task.given,
        task.name,
        lambda texts: _token_counts(base, texts) + special,
        base.context,
    )
    progress.say("Timing a few training steps")
    return replace(profile, estimate=_estimate(recipe, job, base, (tried, len(table))))


def _tokenizer(task: Task, tried: Table, recipe: Recipe) -> PreTrainedTokenizerFast:
    def texts() -> Iterator[str]:
        yield from (prompt for prompt in prompts(task, tried) if prompt)
        yield from answers(task, tried)

    return train_tokenizer(texts, recipe.scratch_size)


def _token_counts(base: BaseModel, texts: Sequence[str]) -> NDArray[np.int64]:
    """Tokens of each text with its end token, (texts,)."""
    return np.array([len(ids) for ids in base.encoder().answers(texts)], dtype=np.int64)


def _estimate(recipe: Recipe, task: Task, base: BaseModel, tried: tuple[Table, int]) -> Estimate:
    """What the default recipe would take: steps timed on some rows, counted for all."""
    some, rows = tried
    to_best_device(base.network)
    with tempfile.TemporaryDirectory(prefix="finetable-") as folder:
        tokens = tokenize(examples(task, some), base.encoder(), Path(folder) / "ids")
        fitting = tokens.select(np.flatnonzero(tokens.lengths <= base.context))
        plan = draft_plan(recipe, base, fitting, fitting, rows / max(1, len(fitting)))
        seconds = plan.steps * seconds_per_step(Trainer(base, fitting, fitting, plan))
    trained = sum(weight.numel() for weight in base.network.parameters())
    job = f"{task.settings.name} {task.settings.target}"
    return Estimate(job, recipe.base.base, seconds, memory_bytes(base, plan, trained))
