"""The texts that a writer learns from, arranged for finding what is copied from them."""

from finetable.data.copies import CopyIndex
from finetable.frozen_rows import SplitRows
from finetable.model_folder import ModelFolder
from finetable.tasks.task import Task, answers


def training_index(task: Task, folder: ModelFolder, rows: SplitRows) -> CopyIndex | None:
    """The index of the texts that a writer learns from, kept in its folder; None for a labeller."""
    if task.settings.name == "label":
        return None
    return folder.copy_index(lambda: answers(task, rows.of("train")))
