"""A run from its newest checkpoint to the trained, calibrated and judged model."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch

from finetable.atomic_files import write_text
from finetable.catalog import engine_of
from finetable.freed_memory import give_back
from finetable.model_folder import ModelFolder, Record
from finetable.models.shipped import card_of
from finetable.progress import Progress
from finetable.reporting.model_card import model_card
from finetable.reporting.summary import early_end
from finetable.tasks.task import Task, prompts
from finetable.training.checkpoint import Checkpoints
from finetable.training.interrupt import stop_signals
from finetable.training.journal import Journal, StepWriter
from finetable.training.loop import Outcome, run
from finetable.training.plan import Plan
from finetable.training.trainer import NotFiniteError, Trainer
from finetable.verb_settings import WatchSettings
from finetable.workflow.judging import judge_run
from finetable.workflow.preparation import Material, not_finite
from finetable.workflow.training_texts import training_index
from finetable.workflow.watching import SAMPLES, WRITTEN_TO_SEE_COPYING, CopyWatch, Watcher

LANES_FOR_SAMPLES = 4


@dataclass(frozen=True)
class Trained:
    """A model folder and its record; `finished` is False where the run was stopped and can go on."""

    folder: Path
    record: Record
    finished: bool


@dataclass(frozen=True, eq=False)
class Job:
    """A run that can start or go on: everything is decided and on the disk.

    `open_writer` opens what keeps the steps besides the folder, in a folder of its own.
    """

    folder: ModelFolder
    task: Task
    material: Material
    record: Record
    open_writer: Callable[[Path], StepWriter]

    @property
    def plan(self) -> Plan:
        """The numbers of the run."""
        return Plan.model_validate(self.record.plan)


def run_job(job: Job, watch: WatchSettings, progress: Progress) -> Trained:
    """Train, and write the model once the last step is done; its report is left to the caller."""
    torch.set_num_threads(job.plan.threads)
    outcome = _train(job, watch, progress)
    give_back()
    if not outcome.finished:
        progress.say(
            f"Stopped after step {outcome.position.step:,} of {job.plan.steps:,}; everything is saved in "
            f"{job.folder.path}. The same command goes on from there."
        )
        return Trained(job.folder.path, job.record, finished=False)
    record = _finish(job, outcome, progress)
    return Trained(job.folder.path, record, finished=True)


def _train(job: Job, watch: WatchSettings, progress: Progress) -> Outcome:
    material, plan, folder = job.material, job.plan, job.folder
    trainer = Trainer(material.base, material.train, material.validation, plan)
    checkpoints = Checkpoints(folder.checkpoints)
    begun = checkpoints.newest_step()
    if begun:
        progress.say(f"Going on after step {begun:,} of {plan.steps:,}")
    writer = job.open_writer(folder.inner / "tensorboard")
    saved = "Finishing this step and saving; once more leaves at once."
    try:
        with (
            progress.bar("training", plan.steps) as bar,
            stop_signals(lambda: bar.show(saved)) as stop_asked,
        ):
            watcher = Watcher(plan, bar, Journal(folder.inner, begun), writer)
            copied_share = _watch_texts(job, watcher, watch.sample_every)
            keep_epoch = _epoch_keeper(job, trainer, watch.keep_epochs)
            return run(trainer, checkpoints, watcher.on_step, stop_asked, copied_share, keep_epoch)
    except NotFiniteError as fault:
        raise not_finite(material, plan, fault) from fault
    finally:
        writer.close()


def _epoch_keeper(job: Job, trainer: Trainer, most: int) -> Callable[[int], None] | None:
    """What keeps the weights after an epoch as the final model has its own: fp32, an adapter merged."""
    if not most:
        return None
    base, adapter = job.material.base, job.material.adapter

    def keep(step: int) -> None:
        with trainer.masters.widened():
            network = base.network if adapter is None else adapter.merged_copy()
            job.folder.kept_epochs.keep(step, network, job.folder.tokenizer, most)

    return keep


def _watch_texts(job: Job, watcher: Watcher, every: int) -> Callable[[], float] | None:
    """Have samples written while training; what tells how many copy, where the plan wants to know."""
    index = training_index(job.task, job.folder, job.material.rows)
    if index is None:
        return None
    lengths = (job.record.longest_prompt, job.record.longest_answer)
    validation = list(islice(prompts(job.task, job.material.rows.of("validation")), WRITTEN_TO_SEE_COPYING))
    engine = engine_of("torch", job.material.base, *lengths, LANES_FOR_SAMPLES)
    watcher.sample_with(engine, index, validation[:SAMPLES], every)
    if job.plan.stop_when_copying is None:
        return None
    return CopyWatch(engine_of("torch", job.material.base, *lengths), index, validation).share


def _finish(job: Job, outcome: Outcome, progress: Progress) -> Record:
    """Merge, calibrate, judge, and write the model."""
    material = job.material
    if material.adapter is not None:
        material.base.network = material.adapter.merge()
    record = job.record.model_copy(update={"outcome": asdict(outcome.position)})
    ended = early_end(record.plan, record.outcome)
    if ended:
        progress.say(ended)
    index = training_index(job.task, job.folder, material.rows)
    record, details = judge_run(job.task, material.base, record, material.rows, index, progress)
    job.folder.write_details(details)
    base = record.recipe.base
    if base.source == "shipped":
        write_text(job.folder.base_card, card_of(base.base))
    return job.folder.write_model(material.base, record, model_card(record))
