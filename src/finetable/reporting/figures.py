"""Every figure that a report can hold, in the order in which they stand."""

from collections.abc import Callable

from finetable.reporting.class_figures import class_scores, confusion_matrix
from finetable.reporting.figure import Figure
from finetable.reporting.findings import Findings
from finetable.reporting.label_figures import calibration, coverage
from finetable.reporting.length_figure import text_lengths
from finetable.reporting.run_figures import learning_rate, training_loss, validation_perplexity
from finetable.reporting.table_figures import duplicates, label_counts, table_words, topics
from finetable.reporting.text_figures import copied_words, variety, word_use, written_lengths, written_words

FIGURES: tuple[Callable[[Findings], Figure | None], ...] = (
    text_lengths,
    label_counts,
    table_words,
    topics,
    duplicates,
    training_loss,
    validation_perplexity,
    learning_rate,
    confusion_matrix,
    class_scores,
    calibration,
    coverage,
    copied_words,
    written_lengths,
    variety,
    word_use,
    written_words,
)
"""Each gives None where the findings do not hold what it shows."""


def draw(findings: Findings) -> list[Figure]:
    """Draw every figure that the findings hold something for."""
    return [figure for each in FIGURES if (figure := each(findings)) is not None]
