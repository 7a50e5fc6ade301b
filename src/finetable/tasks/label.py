"""The task of choosing one label of a closed set."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetable.data.table import Table
from finetable.errors import TableError
from finetable.settings import TaskSettings
from finetable.tasks.task import with_target

MOST_LABELS = 1000
FEWEST_ROWS = 2


class LabelTask:
    """Produce one of `labels`, which are known once `learnable` has seen the table or a folder gave them."""

    def __init__(self, settings: TaskSettings, labels: Sequence[str] = ()) -> None:
        self.settings = settings
        self.labels = tuple(labels)

    def learnable(self, table: Table) -> Table:
        """The rows with a label; raises TableError for one label only, too many, or one seen once."""
        kept = with_target(self, table)
        target = self.settings.target
        answers = [self.answer(cell.as_py()) for cell in kept.texts(target)]
        counts = Counter(answers)
        if len(counts) == 1:
            raise TableError(
                f"Every row of {table.name} has the {target} {answers[0]!r}; two labels are needed."
            )
        if len(counts) > MOST_LABELS:
            raise TableError(
                f"The column {target!r} of {table.name} has {len(counts):,} different values; at most "
                f"{MOST_LABELS:,} labels are possible. Free text is learnt with --write {target}."
            )
        self._refuse_rare(kept, answers, counts)
        self.labels = tuple(sorted(counts))
        return kept

    def _refuse_rare(self, table: Table, answers: list[str], counts: Counter[str]) -> None:
        rare = sorted(label for label, count in counts.items() if count < FEWEST_ROWS)
        if rare:
            line = int(table.lines[answers.index(rare[0])])
            others = f" and {len(rare) - 1} more labels" if len(rare) > 1 else ""
            raise TableError(
                f"The {self.settings.target} {rare[0]!r} ({table.name}, line {line}){others} has only one "
                f"row, which cannot be both learnt from and judged on; add rows, or empty the cell."
            )

    def answer(self, target: str) -> str:
        """The label without the blanks around it."""
        return target.strip()


@dataclass(frozen=True)
class Choice:
    """What a model says of one row."""

    predicted: str
    probability: float
    runner_up: str


def choose(labels: Sequence[str], probabilities: np.ndarray, abstain_below: float) -> list[Choice]:
    """The likeliest label of each row and the next; (N, K) probabilities that sum to one.

    Equal probabilities go to the label that stands first. The prediction is empty where its probability
    is below `abstain_below`.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    choices = []
    for row, (best, second) in zip(probabilities, order, strict=True):
        predicted = labels[best] if row[best] >= abstain_below else ""
        choices.append(Choice(predicted, float(row[best]), labels[second]))
    return choices
