"""What texts are about: topics by latent Dirichlet allocation, and the words that tell most."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from finetable.data.folding import WordNumbers, number_words, words
from finetable.data.profile import Topic

MOST_TEXTS = 4000
MOST_TOPICS = 8
FEWEST_TEXTS = 200

_TEXTS_PER_TOPIC = 50
_WORDS_PER_TOPIC = 8
_LINES_PER_TOPIC = 3
_MOST_WORDS = 2500
_FEWEST_WORDS = 40
_FEWEST_OCCURRENCES = 3
_TEXTS_PER_OCCURRENCE = 500
_TEXTS_COUNTED_AT_ONCE = 4_000
"""Texts whose words are held as numbers together."""

_FREQUENT_SHARE = 0.2
# Words that stand in more texts than this gather in one topic that takes in half of a table of stories.
_FREQUENT_SHARE_IN_TOPICS = 0.1
_LETTERS = 3
_PASSES = 6
_STEPS_PER_TEXT = 20
# Small priors: a short text is about one thing, and a topic has few words of its own.
_TEXT_PRIOR = 0.1
_TOPIC_PRIOR = 0.01
_SEED = 0

# What is left of "don't" and its like before the apostrophe, where scikit-learn's list has whole words.
_STOP_WORDS = ENGLISH_STOP_WORDS | {
    *("ain", "aren", "couldn", "didn", "doesn", "don", "hadn", "hasn", "haven", "isn", "let", "mightn"),
    *("mustn", "needn", "shan", "shouldn", "wasn", "weren", "won", "wouldn"),
    *("http", "https", "www", "com", "html", "amp", "quot", "nbsp"),
    *("does", "did", "doing", "having", "just", "really"),
}


def topics_of(texts: Sequence[str], lines: NDArray[np.int64]) -> tuple[tuple[Topic, ...], int]:
    """Topics of the texts, the most frequent first, and how many texts they were found in.

    Latent Dirichlet allocation by online variational Bayes (Hoffman, Blei and Bach, Online learning for
    latent Dirichlet allocation, NeurIPS 2010) on at most MOST_TEXTS of the texts, drawn evenly. The words
    of a topic are ranked by probability times lift (Taddy, On estimation and selection for topic models,
    AISTATS 2012, calls the lift the most telling). Always the same for the same texts. None for fewer than
    FEWEST_TEXTS texts, or where too few words tell anything.

    Args:
        texts: (N,) those that are not blank.
        lines: (N,) where each begins.
    """
    if len(texts) < FEWEST_TEXTS:
        return (), 0
    places = np.unique(np.linspace(0, len(texts) - 1, min(MOST_TEXTS, len(texts))).astype(np.int64))
    drawn = [texts[place] for place in places.tolist()]
    vocabulary = _vocabulary(drawn)
    if len(vocabulary) < _FEWEST_WORDS:
        return (), 0
    counts = CountVectorizer(analyzer=_telling_words, vocabulary=vocabulary).transform(drawn)
    lettered = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel())
    if len(lettered) < FEWEST_TEXTS:
        return (), 0
    model = LatentDirichletAllocation(
        n_components=min(MOST_TOPICS, len(lettered) // _TEXTS_PER_TOPIC),
        doc_topic_prior=_TEXT_PRIOR,
        topic_word_prior=_TOPIC_PRIOR,
        learning_method="online",
        batch_size=256,
        max_iter=_PASSES,
        max_doc_update_iter=_STEPS_PER_TEXT,
        random_state=_SEED,
    )
    shares = model.fit_transform(counts[lettered])  # (texts, topics)
    telling = _telling_shares(model.components_, np.asarray(counts.sum(axis=0), dtype=np.float64).ravel())
    return _described(telling, vocabulary, shares, lines[places[lettered]]), len(lettered)


def word_counts(texts: Iterable[str], most: int = 150) -> dict[str, int]:
    """How often each of the `most` frequent telling words stands in the texts, the most frequent first.

    Telling words have at least three letters, nothing but letters, are no English stop words and stand in
    at most a fifth of the texts.
    """
    numbers = WordNumbers()
    left, text_count = iter(texts), 0
    spelled = spelled_in = np.zeros(0, np.int64)
    while piece := list(islice(left, _TEXTS_COUNTED_AT_ONCE)):
        ids, starts = number_words(piece, numbers.__getitem__)
        text_count += len(piece)
        spelled = _sum(np.bincount(ids, minlength=len(numbers)), spelled)
        spelled_in = _sum(_texts_with(ids, starts, len(numbers)), spelled_in)
    counts: Counter[str] = Counter()
    texts_with: Counter[str] = Counter()
    for word, number in numbers.items():
        for telling in _telling([word]):
            counts[telling] += int(spelled[number])
            texts_with[telling] += int(spelled_in[number])
    # A table of a few texts has no word that stands in a fifth of them and says nothing.
    limit = max(_FREQUENT_SHARE * text_count, _FEWEST_OCCURRENCES)
    frequent = ((word, count) for word, count in counts.most_common() if texts_with[word] <= limit)
    return dict(islice(frequent, most))


def _sum(counts: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of words, of which fewer were known before."""
    counts[: len(before)] += before
    return counts


def _texts_with(ids: NDArray[np.int32], starts: NDArray[np.int64], words_known: int) -> NDArray[np.int64]:
    """How many texts each word stands in, (words_known,)."""
    stands = np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
    stands *= words_known
    stands += ids
    stands.sort()
    is_new = np.append(True, stands[1:] != stands[:-1])[: len(stands)]
    return np.bincount(stands[is_new] % max(1, words_known), minlength=words_known)


def _telling(read: Sequence[str]) -> list[str]:
    """The words without what follows an apostrophe, less those that say nothing of what a text is about."""
    bare = (word.partition("'")[0] for word in read)
    return [word for word in bare if len(word) >= _LETTERS and word.isalpha() and word not in _STOP_WORDS]


def _telling_words(text: str) -> list[str]:
    return _telling(words(text))


def _vocabulary(texts: Sequence[str]) -> list[str]:
    """The most frequent telling words that stand neither in too few of the texts nor in too many."""
    counts: Counter[str] = Counter()
    texts_with: Counter[str] = Counter()
    for text in texts:
        read = _telling_words(text)
        counts.update(read)
        texts_with.update(set(read))
    least = max(_FEWEST_OCCURRENCES, len(texts) // _TEXTS_PER_OCCURRENCE)
    most = _FREQUENT_SHARE_IN_TOPICS * len(texts)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return [word for word in ordered if least <= texts_with[word] <= most][:_MOST_WORDS]


def _telling_shares(components: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each word in each topic times its lift over all the texts, (topics, words)."""
    probabilities = components / components.sum(axis=1, keepdims=True)
    return np.asarray(probabilities**2 * (frequencies.sum() / frequencies))


def _described(
    telling: NDArray[np.float64],
    vocabulary: Sequence[str],
    shares: NDArray[np.float64],
    lines: NDArray[np.int64],
) -> tuple[Topic, ...]:
    """The topics that are the strongest of some text, by how many."""
    strongest = shares.argmax(axis=1)  # (texts,)
    topics = []
    for number in range(len(telling)):
        rows = np.flatnonzero(strongest == number)
        if not len(rows):
            continue
        best_words = np.argsort(-telling[number], kind="stable")[:_WORDS_PER_TOPIC]
        typical = rows[np.argsort(-shares[rows, number], kind="stable")[:_LINES_PER_TOPIC]]
        named = tuple(vocabulary[word] for word in best_words)
        topics.append(Topic(named, len(rows) / len(shares), tuple(int(line) for line in lines[typical])))
    return tuple(sorted(topics, key=lambda topic: -topic.share))
