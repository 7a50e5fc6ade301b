"""A model folder opened for use."""

from dataclasses import dataclass
from pathlib import Path

from finetable.catalog import engine_of, label_engine_of, task_of
from finetable.inference.engine import Engine, LabelEngine
from finetable.model_folder import ModelFolder, Record
from finetable.models.base_model import BaseModel, to_best_device
from finetable.tasks.task import Task


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A trained model with everything its folder says about it."""

    folder: ModelFolder
    record: Record
    base: BaseModel
    task: Task

    def engine(self) -> Engine:
        """What runs the model."""
        return engine_of("torch", self.base, self.record.longest_prompt, self.record.longest_answer)

    def label_engine(self) -> LabelEngine:
        """What chooses labels with the model."""
        return label_engine_of(self.base, self.engine())


def open_model(path: str | Path) -> OpenModel:
    """Open a model folder; raises ModelFolderError where it is missing, damaged or unfinished."""
    folder = ModelFolder(Path(path))
    record = folder.read_finished()
    base = folder.read_model(record)
    to_best_device(base.network)
    return OpenModel(folder, record, base, task_of(record.recipe.task, record.labels))


def open_epoch(path: str | Path, step: int) -> OpenModel:
    """Open the model that a run kept after `step` steps (--keep-epochs), with the record of the run.

    Its probabilities are calibrated as the final model's are, and not at all while the run goes on. Raises
    ModelFolderError where it is missing or damaged.
    """
    folder = ModelFolder(Path(path))
    record = folder.read_record()
    base = folder.kept_epochs.read(step, record.recipe.base.base)
    to_best_device(base.network)
    return OpenModel(folder, record, base, task_of(record.recipe.task, record.labels))
