"""Who can take part in a comparison, and what each says of the test rows."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetable.data.probabilities import softmax
from finetable.errors import RecipeError
from finetable.evaluation.baselines import Classifier, fit_majority, fit_tfidf
from finetable.evaluation.evaluate import written_freely
from finetable.inference.contestant import Labelled, Wrote
from finetable.tasks.task import answers, prompts
from finetable.wording import quoted
from finetable.workflow.bench_rows import BenchRows
from finetable.workflow.contestant_names import Contestant
from finetable.workflow.opened import open_model

BATCH = 64
LABELS_LISTED = 10


def labelled_by(contestant: Contestant, rows: BenchRows) -> Labelled:
    """What a contestant says of the test rows."""
    match contestant.word:
        case "majority":
            return _timed(fit_majority(list(answers(rows.task, rows.train)), rows.task.labels), rows)
        case "tfidf":
            texts, labels = _texts(rows), list(answers(rows.task, rows.train))
            return _timed(fit_tfidf(texts, labels, rows.task.labels), rows)
        case _:
            return _labelled_by_model(contestant.folder, rows)


def written_by(contestant: Contestant, rows: BenchRows) -> Wrote:
    """What a contestant makes of the test rows' texts, and what it writes itself for their given columns."""
    model = open_model(contestant.folder)
    wanted, target = rows.task.settings.target, model.task.settings.target
    if target != wanted:
        raise RecipeError(f"{contestant.folder} writes {target!r}, not {wanted!r}: leave it out.")
    rows.test.require(model.task.settings.given)
    asked, engine = list(prompts(model.task, rows.test)), model.engine()
    nats = -engine.score(asked, list(answers(rows.task, rows.test)), BATCH)
    began = time.perf_counter()
    texts = written_freely(engine, asked, BATCH)
    return Wrote(nats, tuple(texts), time.perf_counter() - began, 0.0)


def _texts(rows: BenchRows) -> list[str]:
    return [prompt or "" for prompt in prompts(rows.task, rows.train)]


def _timed(classifier: Classifier, rows: BenchRows) -> Labelled:
    asked = [prompt or "" for prompt in prompts(rows.task, rows.test)]
    return _answered(lambda: classifier(asked))


def _labelled_by_model(path: Path, rows: BenchRows) -> Labelled:
    model = open_model(path)
    known, wanted = model.task.labels, rows.task.labels
    if known != wanted:
        raise RecipeError(
            f"{path} labels with {quoted(known, LABELS_LISTED)}, and the table has "
            f"{quoted(wanted, LABELS_LISTED)}: train a model on this table."
        )
    rows.test.require(model.task.settings.given)
    asked = list(prompts(model.task, rows.test))
    engine = model.engine()

    def probabilities() -> NDArray[np.float64]:
        return softmax(engine.score_labels(asked, known, BATCH), model.record.temperature)

    return _answered(probabilities)


def _answered(probabilities: Callable[[], NDArray[np.float64]]) -> Labelled:
    began = time.perf_counter()
    found = probabilities()
    seconds = time.perf_counter() - began
    return Labelled(found.argmax(axis=1).astype(np.int64), found, seconds, 0.0)
