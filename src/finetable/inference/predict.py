"""Table × task × engine → rows: labels with probabilities, and texts that do not copy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finetable.data.copies import Copy, CopyIndex
from finetable.data.probabilities import softmax
from finetable.inference.engine import Engine, LabelEngine, Request, Text
from finetable.tasks.label import Choice, choose
from finetable.verb_settings import SamplingSettings

MOST_DRAWS = 10
LABELLED_AT_ONCE = 2048


@dataclass(frozen=True)
class WrittenRow:
    """One row written: the whole text with its prefix, and what it shares with the training rows."""

    text: str
    ended: bool
    copy: Copy


@dataclass(frozen=True)
class Writing:
    """Rows in the order asked for, drafts thrown away as copies, and copies that are left."""

    rows: list[WrittenRow]
    redrawn: int
    copies_left: int


def write_rows(
    engine: Engine,
    index: CopyIndex,
    requests: Sequence[Request],
    sampling: SamplingSettings,
    settings: tuple[bool, int],
    on_row: Callable[[], None],
) -> Writing:
    """Write every request's text; those that copy are drawn again, MOST_DRAWS times in all at most.

    `settings` are whether to redraw at all, and the batch size. Greedy texts are never redrawn: they
    would come out the same.
    """
    redraw, batch_size = settings
    rows: dict[int, WrittenRow] = {}
    pending = list(requests)
    redrawn = 0
    for draw in range(MOST_DRAWS):
        drafts: list[Text] = []
        for text in engine.stream([replace(r, draw=draw) for r in pending], sampling, batch_size):
            drafts.append(text)
            if draw == 0:
                on_row()
        whole = [draft.request.prefix + draft.text for draft in drafts]
        for draft, written, copy in zip(drafts, whole, index.look_up(whole), strict=True):
            rows[draft.request.row] = WrittenRow(written, draft.ended, copy)
        pending = [request for request in pending if rows[request.row].copy.is_copied]
        if not redraw or not pending or sampling.temperature == 0 or draw == MOST_DRAWS - 1:
            break
        redrawn += len(pending)
    return Writing([rows[request.row] for request in requests], redrawn, len(pending))


def label_rows(
    engine: LabelEngine,
    prompts: Sequence[str | None],
    labels: Sequence[str],
    temperature: float,
    settings: tuple[float, int],
    on_rows: Callable[[int], None],
) -> list[Choice]:
    """The likeliest label of each prompt with its calibrated probability.

    `settings` are the probability below which the prediction stays empty, and the batch size.
    """
    abstain_below, batch_size = settings
    choices: list[Choice] = []
    for scores in score_in_pieces(engine, prompts, labels, batch_size):
        choices += choose(labels, softmax(scores, temperature), abstain_below)
        on_rows(len(scores))
    return choices


def score_in_pieces(
    engine: LabelEngine, prompts: Sequence[str | None], labels: Sequence[str], batch_size: int
) -> Iterator[np.ndarray]:
    """What an engine scores, a piece of the prompts after the other: they are never all tokens at once."""
    for first in range(0, len(prompts), LABELLED_AT_ONCE):
        yield engine.score_labels(prompts[first : first + LABELLED_AT_ONCE], labels, batch_size)
