"""A model judged on rows it never saw, beside simple baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from finetable.data.copies import Copy, CopyIndex
from finetable.data.probabilities import softmax
from finetable.evaluation.baselines import BaselineFigures, compressed_bits_per_byte, majority, tfidf
from finetable.evaluation.metrics import (
    Interval,
    accuracy,
    calibration_error,
    confusion,
    macro_f1,
    paired_difference,
    per_class,
    ratio_of_sums,
    spread,
)
from finetable.inference.engine import Engine, LabelEngine, Request
from finetable.inference.predict import score_in_pieces
from finetable.verb_settings import SamplingSettings

GENERATED_FOR_COPIES = 100


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows to judge on and rows learnt from: prompts (None without given columns) and answers.

    A writer's baseline does not read the prompts that were learnt from.
    """

    prompts: Sequence[str | None]
    answers: Sequence[str]
    train_answers: Sequence[str]
    train_prompts: Sequence[str | None] = ()


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """Figures with the keys that `evaluate --json` promises, and what they were computed from.

    `truth` int64 (N,) codes into the labels; `probabilities` float64 (N, K), calibrated.
    """

    figures: dict[str, Any]
    truth: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class JudgedTexts:
    """Figures with the keys that `evaluate --json` promises, and what they were computed from.

    `nats` float64 (N,) and `bytes` int64 (N,) of each real answer; `written` are texts as they come, copies
    not redrawn; `copies` and `written_copies` are what the real answers and those share with training texts.
    """

    figures: dict[str, Any]
    nats: np.ndarray
    bytes: np.ndarray
    copies: list[Copy]
    written: list[str]
    written_copies: list[Copy]


def judge_labels(
    engine: LabelEngine, rows: Judged, labels: Sequence[str], temperature: float, batch_size: int
) -> JudgedLabels:
    """How well a labeller does on rows it never saw, beside simple baselines."""
    place = {label: code for code, label in enumerate(labels)}
    truth = np.array([place[answer] for answer in rows.answers])
    scores = np.concatenate(list(score_in_pieces(engine, rows.prompts, labels, batch_size)))
    probabilities = softmax(scores, temperature)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    correct = predicted == truth
    texts, train_texts = _texts(rows.prompts), _texts(rows.train_prompts)
    baselines = {
        "majority": majority(rows.train_answers, rows.answers, labels),
        "tfidf": tfidf(train_texts, rows.train_answers, texts, rows.answers, labels),
    }
    right = accuracy(correct)
    contestants = {"model": right.value} | {
        name: figures.accuracy.value for name, figures in baselines.items()
    }
    figures = {
        "task": "label",
        "rows": len(truth),
        "best": max(contestants, key=lambda name: contestants[name]),
        **spread("accuracy", right),
        **spread("macro_f1", macro_f1(truth, predicted, len(labels))),
        **spread("calibration_error", calibration_error(confidence, correct)),
        "baselines": {name: _baseline(figures) for name, figures in baselines.items()},
        "beside": {
            name: spread("difference", paired_difference(correct, figures.predicted == truth))
            for name, figures in baselines.items()
        },
        "per_class": [
            {"label": label, "rows": figures.support}
            | spread("precision", figures.precision)
            | spread("recall", figures.recall)
            | spread("f1", figures.f1)
            for label, figures in zip(labels, per_class(truth, predicted, len(labels)), strict=True)
        ],
        "labels": list(labels),
        "confusion": confusion(truth, predicted, len(labels)).tolist(),
    }
    return JudgedLabels(figures, truth, probabilities)


def judge_texts(
    engine: Engine, rows: Judged, index: CopyIndex, tokens: Sequence[int], batch_size: int
) -> JudgedTexts:
    """How well a writer predicts texts it never saw, beside a compressor; and whether it copies.

    `tokens` are those of each answer with its end token.
    """
    nats = -engine.score(rows.prompts, rows.answers, batch_size)
    sizes = np.array([len(answer.encode()) for answer in rows.answers])
    per_token = ratio_of_sums(nats, np.asarray(tokens))
    per_byte = ratio_of_sums(nats / np.log(2), sizes)
    compressed = compressed_bits_per_byte(rows.train_answers, rows.answers)
    written = written_freely(engine, rows.prompts, batch_size)
    written_copies, copies = index.look_up(written), index.look_up(rows.answers)
    figures = {
        "task": "write",
        "rows": len(sizes),
        "best": "model" if per_byte.value <= compressed else "xz",
        **spread("bits_per_byte", per_byte),
        **spread("cross_entropy_nats", per_token),
        **spread(
            "perplexity",
            Interval(*(float(np.exp(x)) for x in (per_token.value, per_token.low, per_token.high))),
        ),
        **copying_figures(written_copies, copies),
        "baselines": {"xz": {"bits_per_byte": compressed}},
    }
    return JudgedTexts(figures, nats, sizes, copies, written, written_copies)


def copying_figures(written: Sequence[Copy], real: Sequence[Copy]) -> dict[str, Any]:
    """Copied words of written rows beside those of real rows that the model never saw either.

    Real texts share phrases with each other, so what counts is the difference. A model copies where clearly
    more of its rows do than real ones (the intervals do not touch), or where its median run of copied words
    is twice theirs and two words more.
    """
    median_written, median_real = median(c.words for c in written), median(c.words for c in real)
    share, share_real = (accuracy(np.array([c.is_copied for c in copies])) for copies in (written, real))
    return {
        "copying": share.low > share_real.high or median_written >= 2 * median_real + 2,
        "copied_words_median": median_written,
        "copied_words_median_real": median_real,
        "written_rows": len(written),
        **spread("copied_share", share),
        **spread("copied_share_real", share_real),
    }


def written_freely(engine: Engine, prompts: Sequence[str | None], batch_size: int) -> list[str]:
    """Texts as they come, copies not redrawn, for prompts of the judged rows, in their order."""
    requests = [Request(i, prompts[i % len(prompts)]) for i in range(GENERATED_FOR_COPIES)]
    texts = list(engine.stream(requests, SamplingSettings(), batch_size))
    return [text.text for text in sorted(texts, key=lambda text: text.request.row)]


def _texts(prompts: Sequence[str | None]) -> list[str]:
    return [prompt or "" for prompt in prompts]


def _baseline(figures: BaselineFigures) -> dict[str, float]:
    return {**spread("accuracy", figures.accuracy), **spread("macro_f1", figures.macro_f1)}
