"""Who can take part in a comparison, and what each says of the test rows."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetable.bench_settings import BenchSettings
from finetable.catalog import answerer_of, few_shot_base_of
from finetable.data.probabilities import softmax
from finetable.data.table import Table
from finetable.errors import RecipeError
from finetable.evaluation.baselines import Classifier, fit_majority, fit_tfidf
from finetable.evaluation.evaluate import GENERATED_FOR_COPIES, written_freely
from finetable.inference.contestant import Labelled, Wrote
from finetable.inference.few_shot import FewShot
from finetable.inference.few_shot_writer import FewShotWriter
from finetable.inference.predict import score_in_pieces
from finetable.tasks.task import answers, prompts
from finetable.wording import counted, quoted
from finetable.workflow.bench_rows import BenchRows
from finetable.workflow.contestant_names import Contestant
from finetable.workflow.opened import open_model
from finetable.workflow.training_texts import training_index

BATCH = 64
LABELS_LISTED = 10

Show = Callable[[str, str], None]
"""Is given the name of a contestant and a prompt of its."""


def labelled_by(contestant: Contestant, rows: BenchRows, settings: BenchSettings, show: Show) -> Labelled:
    """What a contestant says of the test rows."""
    match contestant.word:
        case "majority":
            return _timed(fit_majority(list(answers(rows.task, rows.train)), rows.task.labels), rows)
        case "tfidf":
            examples, labels = _texts(rows, rows.train), list(answers(rows.task, rows.train))
            return _timed(fit_tfidf(examples, labels, rows.task.labels), rows)
        case "model":
            return _labelled_by_model(contestant.folder, rows)
        case "fewshot":
            return _labelled_by_prompts(contestant, rows, settings, show)


def written_by(contestant: Contestant, rows: BenchRows, settings: BenchSettings, show: Show) -> Wrote:
    """What a contestant makes of the test rows' texts, and what it writes itself for their given columns."""
    if contestant.few_shot is None:
        return _written_by_model(contestant.folder, rows)
    task, asked = rows.task, _texts(rows, rows.test)
    examples = _texts(rows, rows.train), list(answers(task, rows.train))
    base = few_shot_base_of(contestant.few_shot)
    writer = FewShotWriter(contestant.few_shot, base, task.settings, examples)
    for prompt in asked[: settings.show]:
        show(contestant.name, writer.prompt_for(prompt))
    return writer.wrote(asked, list(answers(task, rows.test)), GENERATED_FOR_COPIES)


def _texts(rows: BenchRows, part: Table) -> list[str]:
    return [prompt or "" for prompt in prompts(rows.task, part)]


def _timed(classifier: Classifier, rows: BenchRows) -> Labelled:
    asked = _texts(rows, rows.test)
    return _answered(lambda: classifier(asked))


def _labelled_by_prompts(
    contestant: Contestant, rows: BenchRows, settings: BenchSettings, show: Show
) -> Labelled:
    assert contestant.few_shot is not None
    task, asked = rows.task, _texts(rows, rows.test)
    examples = _texts(rows, rows.train), list(answers(task, rows.train))
    answerer = answerer_of(contestant.few_shot, settings.answers)
    with closing(FewShot(contestant.few_shot, answerer, task.settings, task.labels, examples)) as few_shot:
        for prompt in asked[: settings.show]:
            show(contestant.name, few_shot.prompt_for(prompt))
        return few_shot.label(asked)


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
    engine = model.label_engine()

    def probabilities() -> NDArray[np.float64]:
        scores = np.concatenate(list(score_in_pieces(engine, asked, known, BATCH)))
        return softmax(scores, model.record.temperature)

    cut = len(engine.too_long(asked, known))
    notes = (f"the end of {counted(cut, 'row')}, longer than it can see, was not read",) if cut else ()
    return replace(_answered(probabilities), notes=notes)


def _written_by_model(path: Path, rows: BenchRows) -> Wrote:
    model = open_model(path)
    wanted, target = rows.task.settings.target, model.task.settings.target
    if target != wanted:
        raise RecipeError(f"{path} writes {target!r}, not {wanted!r}: leave it out.")
    rows.test.require(model.task.settings.given)
    asked, engine = list(prompts(model.task, rows.test)), model.engine()
    nats = -engine.score(asked, list(answers(rows.task, rows.test)), BATCH)
    began = time.perf_counter()
    texts = written_freely(engine, asked, BATCH)
    seconds = time.perf_counter() - began
    # What it may have copied are the rows that it learnt from, whichever table is compared on.
    index = training_index(model.task, model.folder, model.folder.read_rows())
    assert index is not None, "a writer has one"
    return Wrote(nats, tuple(texts), seconds, 0.0, copies=tuple(index.look_up(texts)))


def _answered(probabilities: Callable[[], NDArray[np.float64]]) -> Labelled:
    began = time.perf_counter()
    found = probabilities()
    seconds = time.perf_counter() - began
    return Labelled(found.argmax(axis=1).astype(np.int64), found, seconds, 0.0, 0)
