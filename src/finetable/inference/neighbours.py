"""Training rows like a question, found exactly: by the words they share, or by a model's vectors."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from finetable.data.folding import TERM
from finetable.inference.example_choice import Places, most_alike

SIMILARITIES_AT_ONCE = 4_000_000

MOST_TERMS = 100_000
"""The most frequent terms of long texts. A number of its own beside the baseline's: it decides which examples
are shown, so that another one makes answers kept from before useless."""

Vectors = Callable[[Sequence[str]], npt.NDArray[np.float32]]
Similarity = Callable[[Sequence[str]], npt.NDArray[np.floating]]


class Neighbours:
    """Training rows like a question."""

    def __init__(self, rows: int, similarity: Similarity) -> None:
        """Take how many rows there are, and what gives similarities (N, rows) of N questions to them."""
        self._rows = rows
        self._similarity = similarity

    def nearest(self, questions: Sequence[str], k: int) -> Places:
        """Places of the k rows most like each question, the most alike first, (N, k or all rows)."""
        at_once = max(1, SIMILARITIES_AT_ONCE // max(1, self._rows))
        found = [np.zeros((0, min(k, self._rows)), np.int64)]
        for first in range(0, len(questions), at_once):
            found.append(most_alike(self._similarity(questions[first : first + at_once]), k))
        return np.concatenate(found)


def by_words(texts: Sequence[str]) -> Neighbours:
    """Alike is who shares rare words and pairs of words: the cosine of TF-IDF weights."""
    vectorizer = TfidfVectorizer(
        token_pattern=TERM, ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS
    )
    try:
        weights = vectorizer.fit_transform(texts).T.tocsr()
    except ValueError:  # scikit-learn's only sign that the texts have no term
        return Neighbours(len(texts), lambda questions: np.zeros((len(questions), len(texts))))
    return Neighbours(
        len(texts), lambda questions: np.asarray((vectorizer.transform(questions) @ weights).toarray())
    )


def by_vectors(texts: Sequence[str], vectors: Vectors) -> Neighbours:
    """Alike is whose vectors, of length 1, point the same way."""
    known = vectors(texts).T
    return Neighbours(len(texts), lambda questions: vectors(questions) @ known)
