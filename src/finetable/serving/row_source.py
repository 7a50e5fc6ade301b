"""What a writer's training rows give to new ones: columns to draw from, and texts not to copy."""

from threading import Lock

from finetable.data.copies import Copy, CopyIndex
from finetable.frozen_rows import SplitRows
from finetable.tasks.task import answers
from finetable.workflow.given_values import GivenValues, Values
from finetable.workflow.opened import OpenModel
from finetable.workflow.training_texts import training_index


class RowSource:
    """The training rows of one writer, read once and asked from several threads."""

    def __init__(self, opened: OpenModel) -> None:
        rows = opened.folder.read_rows()
        self._given = GivenValues(opened.task.settings.given, rows.of("train"))
        self._index = _index(opened, rows)
        self._lock = Lock()

    def given(self, seed: int) -> Values:
        """The given columns of the first row with a seed, as `finetable generate` draws them."""
        return self._given.draw({}, seed, [0])[0]

    def copy_of(self, text: str) -> Copy:
        """What a text copies from the training rows."""
        with self._lock:
            return self._index.look_up([text])[0]


def _index(opened: OpenModel, rows: SplitRows) -> CopyIndex:
    if opened.record.status == "finished":
        index = training_index(opened.task, opened.folder, rows)
        assert index is not None, "a writer has one"
        return index
    # The folder of a run that goes on is the run's alone.
    return CopyIndex.build(answers(opened.task, rows.of("train")))
