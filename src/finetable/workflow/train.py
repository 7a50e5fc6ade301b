"""From a table to a model folder."""

import tempfile
from pathlib import Path

import numpy as np

from finetable.catalog import step_writer_of, task_of
from finetable.data.column_names import find_column
from finetable.data.profiling import glance
from finetable.data.read_table import read_table
from finetable.data.table import SetAside, Table
from finetable.errors import ModelFolderError, RecipeError
from finetable.freed_memory import give_back
from finetable.model_folder import ModelFolder, Record
from finetable.models.shipped import shipped_tokenizer
from finetable.progress import Progress
from finetable.reporting.profile_report import doubts
from finetable.settings import SHIPPED, Recipe
from finetable.tasks.task import Task, answers, prompts
from finetable.verb_settings import WatchSettings
from finetable.wording import are_counted, counted
from finetable.workflow.first_checks import check_training
from finetable.workflow.job import Job, Trained, run_job
from finetable.workflow.preparation import Material, decide_plan, folds_case, gather, longer_rows
from finetable.workflow.report import write_report
from finetable.workflow.rows import frozen_rows, named_columns, share_of_splits, tell_about_table
from finetable.workflow.show import show_examples

TEXTS_LOOKED_AT = 2_000
FEWEST_CHARACTERS_PER_TOKEN = 2.2
"""English has more than three in a token of the shipped base, code and other languages less than two."""


def train_table(table: str, out: Path, recipe: Recipe, watch: WatchSettings, progress: Progress) -> Trained:
    """Train on a table into the folder `out`, or go on with the same recipe where an earlier call stopped.

    Raises a UserError for anything the person can mend; nothing is written before all checks have passed.
    """
    if watch.sample_every and recipe.task.name == "label":
        raise RecipeError("--sample-every is for --write: a labeller writes no texts.")
    folder = ModelFolder(out)
    with folder.lock:
        return _train_into(folder, table, recipe, watch, progress)


def _train_into(
    folder: ModelFolder, table: str, recipe: Recipe, watch: WatchSettings, progress: Progress
) -> Trained:
    earlier = _earlier(folder, table, recipe)
    open_writer = step_writer_of(watch.tensorboard)
    source = read_table(table, recipe.table)
    recipe = _with_columns(recipe, source)
    if earlier is not None:
        _refuse_another(folder, earlier, recipe, source)
        if earlier.status == "finished":
            progress.say(
                f"{folder.path} is trained already with this recipe; choose another --out to train again."
            )
            folder.remove_leftovers()  # a kill after the record's last word
            if not folder.report.exists():  # a kill between the model and its report
                write_report(folder, earlier, folder.report)
            return Trained(folder.path, earlier, finished=True)
    with tempfile.TemporaryDirectory(prefix="finetable-") as files:
        if earlier is None:
            task, material, record = _begin(folder, source, recipe, Path(files), watch, progress)
            job = Job(folder, task, material, record, open_writer)
        else:
            task = task_of(recipe.task, earlier.labels)
            material = gather(task, folder.read_rows(), recipe, folder, Path(files))
            job = Job(folder, task, material, earlier, open_writer)
        del material
        del source  # its other columns are not needed any more
        trained = run_job(job, watch, progress)
        del job  # the report reads the rows anew
    give_back()
    if trained.finished:
        write_report(folder, trained.record, folder.report)
    return trained


def _with_columns(recipe: Recipe, source: Table) -> Recipe:
    """The recipe with the names that the columns have in the table."""
    data = recipe.data
    if data.split_column is not None:
        data = data.model_copy(update={"split_column": find_column(data.split_column, source.column_names)})
    named = recipe.model_copy(update={"task": named_columns(recipe.task, source), "data": data})
    named.check()
    return named


def _earlier(folder: ModelFolder, table: str, recipe: Recipe) -> Record | None:
    """The record of an earlier call, with its folder's lock where the run has not ended.

    Raises ModelFolderError for a folder that is somebody else's, or that another process trains into.
    """
    begun = check_training(table, folder.path, recipe)
    if begun is not None and begun.status == "training":
        folder.lock.take()
        return folder.read_record()  # what another process has ended meanwhile has ended
    return begun


def _refuse_another(folder: ModelFolder, earlier: Record, recipe: Recipe, source: Table) -> None:
    """Raise ModelFolderError unless the folder's run was begun with this recipe on this table."""
    differing = recipe.differences(earlier.recipe)
    if source.fingerprint != earlier.table_fingerprint:
        differing.append(f"{source.name} has another content")
    if differing:
        raise ModelFolderError(
            f"{folder.path} holds a model of another recipe ({'; '.join(differing)}); choose another --out."
        )


def _begin(
    folder: ModelFolder, source: Table, recipe: Recipe, files: Path, watch: WatchSettings, progress: Progress
) -> tuple[Task, Material, Record]:
    """Everything up to the first step, and last the folder."""
    task = task_of(recipe.task)
    table = task.learnable(source)
    tell_about_table(table, progress)
    settings = task.settings
    for doubt in doubts(glance(table, settings.target, settings.given, settings.name)):
        progress.warn(f"  {doubt}")
    rows, moved = frozen_rows(table, task, recipe)
    if moved:
        progress.warn(
            f"{are_counted(moved, 'row', ('was', 'were'))} moved to another split, "
            "because an equal text stood there"
        )
    material = gather(task, rows, recipe, folder, files)
    show_examples(material.base.encoder(), material.train, watch.show, progress)
    record = _first_record(material, task, table, recipe)
    _tell_about_material(material, record, progress)
    _warn_of_shipped_base(task, material, recipe, progress)
    if folds_case(task, recipe):
        progress.say("The model reads texts in small letters, which learns more from few rows (--keep-case)")
    plan = decide_plan(recipe, material, progress)
    record = record.model_copy(update={"plan": plan.model_dump(mode="json")})
    folder.create(record, material.rows, _set_aside(table, material), material.base.tokenizer)
    return task, material, record


def _set_aside(table: Table, material: Material) -> tuple[SetAside, ...]:
    """Rows that were not taken, those that were too long for the base included."""
    lines = dict(zip(table.row_ids.tolist(), table.lines.tolist(), strict=True))
    dropped = sorted(set(lines) - set(material.rows.row_ids.tolist()))
    return (*table.set_aside, *(SetAside(i, lines[i], "longer than the base can see") for i in dropped))


def _first_record(material: Material, task: Task, table: Table, recipe: Recipe) -> Record:
    train = material.train
    return Record(
        recipe=recipe,
        table_name=table.name,
        table_fingerprint=table.fingerprint,
        table_format=table.format.describe(),
        labels=task.labels,
        splits=share_of_splits(material.rows),
        set_aside=len(_set_aside(table, material)),
        notes=(*table.notes, *_too_long_note(material, recipe)),
        longest_prompt=int(train.answer_starts.max()),
        longest_answer=int(train.answer_lengths.max()),
        parameters=sum(weight.numel() for weight in material.base.network.parameters()),
    )


def _too_long_note(material: Material, recipe: Recipe) -> tuple[str, ...]:
    """What was done to rows longer than the base can see, where there are any."""
    if not material.too_long:
        return ()
    done = {"cut": "they were cut", "drop": "they were set aside"}[recipe.data.long_rows]
    return (f"{longer_rows(material.too_long, material.base.context)}: {done}",)


def _warn_of_shipped_base(task: Task, material: Material, recipe: Recipe, progress: Progress) -> None:
    """Say where it is perhaps not the base that the person should have, or meant."""
    if recipe.base.source != "shipped":
        return
    rows = material.rows.of("train")
    texts = [*answers(task, rows), *filter(None, prompts(task, rows))]
    looked_at = texts[:: -(-len(texts) // TEXTS_LOOKED_AT)]
    # Not as a labeller reads them, which has learnt the words of the table, whatever its language.
    read = shipped_tokenizer(SHIPPED).backend_tokenizer.encode_batch_fast(looked_at, add_special_tokens=False)
    per_token = sum(map(len, looked_at)) / max(1, sum(map(len, read)))
    if per_token < FEWEST_CHARACTERS_PER_TOKEN:
        progress.warn(
            f"The base {SHIPPED} has read English; of these texts it reads {per_token:.1f} characters at a "
            f"time. --base scratch makes a tokenizer of your table."
        )
    if Path(SHIPPED).is_dir():
        progress.warn(
            f"--base {SHIPPED} is the one that comes with finetable; the folder here is ./{SHIPPED}"
        )


def _tell_about_material(material: Material, record: Record, progress: Progress) -> None:
    splits = record.splits
    for note in _too_long_note(material, record.recipe):
        progress.warn(note)
    progress.say(
        f"{counted(splits['train'], 'row')} to train on, {splits['validation']:,} to validate, "
        f"{splits['test']:,} to test; equal and nearly equal texts stay on one side"
    )
    progress.say(
        f"Base {record.recipe.base.base}: {record.parameters / 1e6:.1f} M parameters, "
        f"{len(material.base.tokenizer):,} tokens in the vocabulary; the longest row has "
        f"{int(np.max(material.train.lengths)):,} of the {material.base.context:,} tokens it can see"
    )
