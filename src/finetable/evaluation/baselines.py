"""What a trained model must beat: simple guesses, judged on the same test rows."""

import lzma
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from finetable.data.folding import TERM
from finetable.evaluation.metrics import Interval, accuracy, macro_f1

ROWS_FROM_WHICH_RARE_TERMS_GO = 1_000
"""From this many training rows on, a term must occur in two of them. That takes away three quarters
of the terms and of the time; below, every term may be needed."""

MOST_TERMS = 100_000
"""The most frequent terms of long texts; bounds the memory that fitting takes, a weight for each of them and
each label. What nearest examples are found by has its own limit: no weights are fitted there."""

INVERSE_REGULARISATION = 3.0
"""Of 1, 3, 10 and 30, the one within about a point of the best accuracy on each of six tables: tweets (500 to
27,000 rows), film genres, film or series, fields of papers. scikit-learn's 1.0 costs genres five points."""

MOST_FITTING_STEPS = 1_000
"""About five times the steps that fits on real tables took, so that none stops short."""

COMPRESSOR_TRAINING_BYTES = 8 * 2**20
"""As much training text as the compressor's own window reaches back over (xz at its default level 6),
which takes about 100 MB of memory."""


Classifier = Callable[[Sequence[str]], npt.NDArray[np.float64]]
"""Texts (N) to the probabilities of all labels (N, K), float64; rows sum to one."""


@dataclass(frozen=True)
class BaselineFigures:
    """A baseline on the test rows; predicted (N,) int64 holds positions in the list of labels."""

    accuracy: Interval
    macro_f1: Interval
    predicted: npt.NDArray[np.int64]


def majority(
    train_labels: Sequence[str], test_labels: Sequence[str], labels: Sequence[str]
) -> BaselineFigures:
    """Judge the guess that every row has the most frequent training label."""
    return _judge(fit_majority(train_labels, labels)(test_labels), test_labels, labels)


def tfidf(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    test_texts: Sequence[str],
    test_labels: Sequence[str],
    labels: Sequence[str],
) -> BaselineFigures:
    """Judge logistic regression over TF-IDF."""
    return _judge(fit_tfidf(train_texts, train_labels, labels)(test_texts), test_labels, labels)


def fit_majority(train_labels: Sequence[str], labels: Sequence[str]) -> Classifier:
    """Give every row the shares of the labels in the training rows: the most frequent one is the likeliest,
    of equally frequent ones the first in `labels`.
    """
    counts = Counter(train_labels)
    shares = np.array([counts[label] / len(train_labels) for label in labels])
    return lambda texts: np.tile(shares, (len(texts), 1))


def fit_tfidf(train_texts: Sequence[str], train_labels: Sequence[str], labels: Sequence[str]) -> Classifier:
    """Fit logistic regression over TF-IDF of words and pairs of words to the training rows.

    Where there is nothing to fit, because the training rows have a single label or share no term,
    it gives the same answer as `fit_majority`. The same rows always give the same probabilities.
    """
    rare_terms_go = len(train_texts) >= ROWS_FROM_WHICH_RARE_TERMS_GO
    vectorizer = TfidfVectorizer(
        token_pattern=TERM,
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2 if rare_terms_go else 1,
        max_features=MOST_TERMS,
    )
    if len(set(train_labels)) == 1:
        return fit_majority(train_labels, labels)
    try:
        train_weights = vectorizer.fit_transform(train_texts)
    except ValueError:  # scikit-learn's only sign that no term is left
        return fit_majority(train_labels, labels)
    classifier = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=MOST_FITTING_STEPS)
    classifier.fit(train_weights, _positions(train_labels, labels))

    def probabilities(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(texts), len(labels)))
        found[:, classifier.classes_] = classifier.predict_proba(vectorizer.transform(texts))
        return found

    return probabilities


def compressed_bits_per_byte(train_texts: Sequence[str], test_texts: Sequence[str]) -> float:
    """Say how many bits per UTF-8 byte xz spends on the test texts after it has seen the training texts.

    The difference between compressing training and test texts together and the training texts alone,
    in bits, over the bytes of the test texts. Each text ends with a zero byte, whose cost counts but
    whose length does not, as a language model pays for its end token. If the training texts exceed
    8 MiB, every second (third, ...) row is taken; beyond that the time grows with the test texts only.
    """
    test_bytes = sum(len(text.encode()) for text in test_texts)
    assert test_bytes > 0, "bits per byte need test texts that are not empty"
    train_bytes = sum(len(text.encode()) + 1 for text in train_texts)
    every_nth_row = max(1, ceil(train_bytes / COMPRESSOR_TRAINING_BYTES))
    train = train_texts[::every_nth_row]
    bytes_spent = _compressed_bytes(train, test_texts) - _compressed_bytes(train, ())
    return bytes_spent * 8 / test_bytes


def _compressed_bytes(train_texts: Sequence[str], test_texts: Sequence[str]) -> int:
    """The size of the training texts, as far as the window reaches, and the test texts as one xz stream."""
    compressor = lzma.LZMACompressor()  # takes text by text, where lzma.compress holds all of them twice
    left, size = COMPRESSOR_TRAINING_BYTES, 0
    for text in train_texts:
        piece = (text.encode() + b"\0")[:left]
        left -= len(piece)
        size += len(compressor.compress(piece))
    size += sum(len(compressor.compress(text.encode() + b"\0")) for text in test_texts)
    return size + len(compressor.flush())


def _positions(values: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    position_of = {label: position for position, label in enumerate(labels)}
    return np.array([position_of[value] for value in values], dtype=np.int64)


def _judge(
    probabilities: npt.NDArray[np.float64], test_labels: Sequence[str], labels: Sequence[str]
) -> BaselineFigures:
    truth, predicted = _positions(test_labels, labels), probabilities.argmax(axis=1)
    return BaselineFigures(
        accuracy=accuracy(predicted == truth),
        macro_f1=macro_f1(truth, predicted, len(labels)),
        predicted=predicted,
    )
