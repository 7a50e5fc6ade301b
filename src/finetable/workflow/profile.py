"""A table looked at before any training."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetable.atomic_files import write_text
from finetable.catalog import adapter_of, base_of, task_of
from finetable.data.folding import fold
from finetable.data.lengths import Lengths
from finetable.data.profile import Estimate, Profile
from finetable.data.profiling import profile_table
from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.data.tokens import TokenizedRows, tokenize
from finetable.errors import RecipeError, TableError
from finetable.models.base_model import BaseModel, to_best_device
from finetable.progress import Progress
from finetable.reporting.profile_report import profile_report
from finetable.settings import BaseSettings, Recipe
from finetable.tasks.task import Task, answers, examples, prompts
from finetable.training.planning import draft_plan, memory_bytes, seconds_per_step
from finetable.training.trainer import Trainer
from finetable.verb_settings import ProfileSettings
from finetable.workflow.first_checks import check_profiling
from finetable.workflow.preparation import tokenizer_for
from finetable.workflow.rows import named_columns

ROWS_TRIED = 2_000
"""Rows, spread evenly over the table, from which a fresh tokenizer is made."""

ROWS_COUNTED = 20_000
"""Rows, spread evenly, whose tokens are counted; `train` counts those of every row before it starts."""


def profile_of(path: str, out: Path | None, settings: ProfileSettings, progress: Progress) -> Profile:
    """Find out what is in a table, and with `out` also write a page about it.

    Where a job is named, its base tells how long the rows are in tokens, and what training would take.
    """
    check_profiling(path, out, settings)
    source = read_table(path, settings.table)
    settings = settings.model_copy(update={"task": named_columns(settings.task, source)})
    profile = _profile(source, settings, progress)
    if out is not None:
        write_text(out, profile_report(profile))
        progress.say(f"Wrote {out}")
    return profile


def _profile(source: Table, settings: ProfileSettings, progress: Progress) -> Profile:
    task = settings.task
    if not task.is_named:
        if settings.base != BaseSettings():
            raise RecipeError(
                "--base and its like say what training would take: name --write or --label, too."
            )
        return profile_table(source, None, (), None)
    source.require([task.target, *task.given])
    recipe = Recipe(task=task, base=settings.base)
    job = task_of(task)
    try:
        table = job.learnable(source)
    except TableError as fault:
        # Whoever asks what is wrong with a table wants all of it, not the first thing.
        profile = profile_table(source, task.target, task.given, task.name)
        return replace(profile, notes=(*profile.notes, f"Training would not start: {fault}"))
    profile = profile_table(table, task.target, task.given, task.name)
    base = base_of(recipe, lambda: tokenizer_for(job, _evenly(table, ROWS_TRIED), recipe), bool(task.given))
    to_best_device(base.network)
    progress.say("Counting tokens and timing a few training steps")
    looked_at = _evenly(table, ROWS_COUNTED)
    with tempfile.TemporaryDirectory(prefix="finetable-") as folder:
        tokens = tokenize(examples(job, looked_at), base.encoder(), Path(folder) / "ids")
        lengths = _lengths_in_tokens(job, looked_at, tokens.lengths, (base.context, len(table)))
        estimate = _estimate(recipe, base, tokens, len(table))
    return replace(profile, lengths=(*profile.lengths, lengths), estimate=estimate)


def _evenly(table: Table, most: int) -> Table:
    """At most so many rows, spread evenly over the table."""
    return table.take(np.unique(np.linspace(0, len(table) - 1, most).astype(np.int64)))


def _lengths_in_tokens(
    task: Task, rows: Table, counted: NDArray[np.int64], sizes: tuple[int, int]
) -> Lengths:
    """Tokens of rows with their special tokens; `sizes` are the base's context and the rows of the table."""
    context, known = sizes
    name = " + ".join([*task.settings.given, task.settings.target])
    if len(rows) < known:
        name += f" ({len(rows):,} of {known:,} rows)"
    pairs = zip(prompts(task, rows), answers(task, rows), strict=True)
    distinct = len({(fold(prompt or ""), fold(answer)) for prompt, answer in pairs})
    return Lengths(name, "tokens", counted, 0, distinct, context)


def _estimate(recipe: Recipe, base: BaseModel, tokens: TokenizedRows, rows: int) -> Estimate | None:
    """What the default recipe would take: steps timed on the rows looked at, counted for all.

    None where no row is short enough for the base.
    """
    fitting = tokens.select(np.flatnonzero(tokens.lengths <= base.context))
    if not len(fitting):
        return None
    adapter_of(base.network, recipe)
    plan = draft_plan(recipe, base, fitting, fitting, rows / max(1, len(fitting)))
    seconds = plan.steps * seconds_per_step(Trainer(base, fitting, fitting, plan))
    trained = sum(weight.numel() for weight in base.network.parameters() if weight.requires_grad)
    job = f"{recipe.task.name} {recipe.task.target}"
    return Estimate(job, recipe.base.base, seconds, memory_bytes(base, plan, trained))
