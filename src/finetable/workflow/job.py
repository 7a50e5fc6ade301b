"""A run from its newest checkpoint to the trained, calibrated and judged model."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from finetable.catalog import engine_of, step_writer_of
from finetable.errors import TrainingError
from finetable.model_folder import ModelFolder, Record
from finetable.progress import Progress
from finetable.report.model_card import model_card
from finetable.settings import WatchSettings
from finetable.tasks.task import Task, prompts
from finetable.training.checkpoint import Checkpoints
from finetable.training.interrupt import stop_signals
from finetable.training.journal import Journal
from finetable.training.loop import Outcome, run
from finetable.training.plan import Plan
from finetable.training.trainer import NotFiniteError, Trainer
from finetable.workflow.judging import calibrate, judge
from finetable.workflow.preparation import Material
from finetable.workflow.watching import SAMPLES, Watcher

LANES_FOR_SAMPLES = 4
LINES_SHOWN = 10


@dataclass(frozen=True)
class Trained:
    """A model folder and its record; `finished` is False where the run was stopped and can go on."""

    folder: Path
    record: Record
    finished: bool


@dataclass(frozen=True, eq=False)
class Job:
    """A run that can start or go on: everything is decided and on the disk."""

    folder: ModelFolder
    task: Task
    material: Material
    record: Record

    @property
    def plan(self) -> Plan:
        """The numbers of the run."""
        return Plan.model_validate(self.record.plan)


def run_job(job: Job, watch: WatchSettings, progress: Progress) -> Trained:
    """Train, and write the model once the last step is done."""
    torch.set_num_threads(job.plan.threads)
    outcome = _train(job, watch, progress)
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
    writer = step_writer_of(watch.tensorboard, folder.inner / "tensorboard")
    saved = "Finishing this step and saving; once more leaves at once."
    try:
        with (
            progress.bar("training", plan.steps) as bar,
            stop_signals(lambda: bar.show(saved)) as stop_asked,
        ):
            watcher = Watcher(plan, bar, Journal(folder.inner, begun), writer)
            if job.task.settings.name == "write":
                _sample_while_training(job, watcher, watch.sample_every)
            return run(trainer, checkpoints, watcher.on_step, stop_asked)
    except NotFiniteError as fault:
        raise TrainingError(_not_finite(job, fault)) from fault
    finally:
        writer.close()


def _sample_while_training(job: Job, watcher: Watcher, every: int) -> None:
    record = job.record
    engine = engine_of(
        "torch", job.material.base, record.longest_prompt, record.longest_answer, LANES_FOR_SAMPLES
    )
    validation = job.material.rows.of("validation")
    some = [prompt for _, prompt in zip(range(SAMPLES), prompts(job.task, validation), strict=False)]
    watcher.sample_with(engine, some, every)


def _not_finite(job: Job, fault: NotFiniteError) -> str:
    lines = job.material.rows.lines()
    places = sorted(lines[row_id] for row_id in fault.row_ids)
    shown = ", ".join(map(str, places[:LINES_SHOWN])) + (", …" if len(places) > LINES_SHOWN else "")
    return (
        f"The loss of step {fault.step:,} is not a finite number (rows of its batch: lines {shown}); "
        f"train into another --out with a lower --learning-rate than {job.plan.learning_rate:g}."
    )


def _finish(job: Job, outcome: Outcome, progress: Progress) -> Record:
    """Merge, calibrate, judge, and write the model."""
    material = job.material
    if material.adapter is not None:
        material.base.network = material.adapter.merge()
    material.base.network.float()
    record = job.record.model_copy(update={"outcome": asdict(outcome.position)})
    if job.task.settings.name == "label":
        temperature = calibrate(job.task, material.base, record, material.rows)
        record = record.model_copy(update={"temperature": temperature})
    figures = judge(job.task, material.base, record, material.rows, progress)
    record = record.model_copy(update={"figures": figures})
    return job.folder.write_model(material.base, record, model_card(record))
