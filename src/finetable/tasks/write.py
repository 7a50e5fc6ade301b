"""The task of writing free text."""

from finetable.data.splits import fold
from finetable.data.table import Table
from finetable.errors import TableError
from finetable.settings import TaskSettings
from finetable.tasks.task import with_target


class WriteTask:
    """Produce a free text, from given columns or from nothing."""

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings
        self.labels: tuple[str, ...] = ()

    def learnable(self, table: Table) -> Table:
        """The rows with a text; raises TableError where every text is the same."""
        kept = with_target(self, table)
        texts = kept.texts(self.settings.target)
        first = fold(texts[0].as_py())
        if all(fold(text.as_py()) == first for text in texts):
            raise TableError(
                f"Every row of {table.name} has the same {self.settings.target}; there is nothing to learn."
            )
        return kept

    def answer(self, target: str) -> str:
        """The text as it stands."""
        return target
