"""How varied written texts are, and which words they use more and less than real ones: pure functions.

All of them count words as `finetable.data.folding.words` reads them, so case and punctuation do not matter.
A set of texts without words gives 0.0 or nothing, never nan.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp, log, sqrt

from finetable.data.folding import words

BLEU_WORDS = 4
"""BLEU counts n-grams of one to so many words."""

SMOOTHING = 0.1
"""What an n-gram precision's numerator counts for where no n-gram is shared; as Texygen has it."""

PRIOR_WORDS = 500
"""How many words of the two sets put together are added to each, before their odds are compared."""

TELLING_Z = 1.96
"""A word whose use differs by fewer standard errors (95 %) tells nothing."""

Gram = tuple[str, ...]


@dataclass(frozen=True)
class WordUse:
    """How often a word stands in the written and in the real texts.

    Attributes:
        word: folded.
        written: times that it stands in the written texts.
        real: times that it stands in the real texts.
        z: difference of its log-odds, written less real, in standard errors.
    """

    word: str
    written: int
    real: int
    z: float


def word_count(texts: Sequence[str]) -> int:
    """Return the number of words of all texts together."""
    return sum(len(words(text)) for text in texts)


def distinct_n(texts: Sequence[str], n: int, most_words: int | None = None) -> float:
    """Return the share of distinct n-grams of words among all n-grams, 0 to 1; 0.0 where there is none.

    Li et al., A diversity-promoting objective function for neural conversation models, NAACL 2016,
    section 5.2. No n-gram crosses from one text into the next.

    The share falls as there is more text, whoever wrote it: two sets may only be compared on equally
    many words. So give both the same `most_words`: `min(word_count(written), word_count(real))`.

    Args:
        texts: any number.
        n: words of an n-gram, at least 1.
        most_words: read only so many words, from the first text on, the last text read being cut.
    """
    grams = [gram for read in _first_words(texts, most_words) for gram in _grams(read, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(texts: Sequence[str], most: int = 100) -> float:
    """Return the mean BLEU-4 of each text against all the others, 0 to 1; 1.0 where all are equal.

    Zhu et al., Texygen: a benchmarking platform for text generation models, SIGIR 2018; BLEU of Papineni
    et al., ACL 2002, by sentence. The less, the more varied. It rises with the number of texts: two sets
    may only be compared on equally many.

    A precision without any shared n-gram counts SMOOTHING of one (Chen and Cherry, A systematic comparison
    of smoothing techniques for sentence-level BLEU, 2014, method 1). A text of fewer than four words is
    judged by the n-grams that it has.

    Args:
        texts: those without words are left out; of one alone it is 0.0.
        most: only the first so many texts are compared.
    """
    read = list(islice(filter(None, map(words, texts)), most))
    if len(read) < 2:
        return 0.0
    log_precisions = [0.0] * len(read)
    for n in range(1, BLEU_WORDS + 1):
        for text, shared in enumerate(_shared_grams(read, n)):
            orders = min(BLEU_WORDS, len(read[text]))
            if n <= orders:
                log_precisions[text] += log((shared or SMOOTHING) / (len(read[text]) - n + 1)) / orders
    penalties = _log_brevity_penalties([len(text) for text in read])
    return sum(map(exp, map(sum, zip(log_precisions, penalties, strict=True)))) / len(read)


def telling_words(
    written: Sequence[str], real: Sequence[str], most: int = 15
) -> tuple[list[WordUse], list[WordUse]]:
    """Return the words that written texts use more, and those that they use less, than real ones.

    Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn, Fightin' words, Political
    Analysis 16, 2008, section 3.5.1, equations 16, 20 and 22). The prior is PRIOR_WORDS words, in the
    shares of both sets put together. It keeps words that stand but once or twice from leading the list.

    Args:
        written: any amount of text; it need not be as much as `real`.
        real: what it is compared with.
        most: how many words each list has at the most.

    Returns:
        over: words with z of TELLING_Z and more, the largest first, equals by the alphabet.
        under: words with z of -TELLING_Z and less, the smallest first. Both are empty where one of the sets
            has no words.
    """
    counts = [Counter(word for text in texts for word in words(text)) for texts in (written, real)]
    both = counts[0] + counts[1]
    totals = [count.total() for count in counts]
    if len(both) < 2 or 0 in totals:
        return [], []
    uses = []
    for word in sorted(both):
        prior = PRIOR_WORDS * both[word] / sum(totals)
        seen = [count[word] + prior for count in counts]
        odds = [log(seen[i] / (totals[i] + PRIOR_WORDS - seen[i])) for i in (0, 1)]
        z = (odds[0] - odds[1]) / sqrt(1 / seen[0] + 1 / seen[1])
        uses.append(WordUse(word=word, written=counts[0][word], real=counts[1][word], z=z))
    uses.sort(key=lambda use: use.z)
    under = [use for use in uses[:most] if use.z <= -TELLING_Z]
    uses.sort(key=lambda use: -use.z)
    return [use for use in uses[:most] if use.z >= TELLING_Z], under


def _first_words(texts: Sequence[str], most_words: int | None) -> Iterator[list[str]]:
    left = most_words
    for text in texts:
        if left == 0:
            return
        read = words(text)[:left]
        yield read
        left = left and left - len(read)


def _grams(read: list[str], n: int) -> Iterator[Gram]:
    return zip(*(read[offset:] for offset in range(n)), strict=False)


def _shared_grams(read: list[list[str]], n: int) -> Iterator[int]:
    """Yield for each text how many of its n-grams are shared, each as often as another text has it.

    An n-gram's greatest count in any other text is known from its two greatest counts in all, which
    takes one pass over the texts where comparing all pairs takes one for each.
    """
    counts = [Counter(_grams(text, n)) for text in read]
    greatest: dict[Gram, tuple[int, int, int]] = {}  # n-gram -> count, the text that has it, second count
    for text, count in enumerate(counts):
        for gram, times in count.items():
            first, holder, second = greatest.get(gram, (0, -1, 0))
            if times > first:
                greatest[gram] = (times, text, first)
            elif times > second:
                greatest[gram] = (first, holder, times)
    for text, count in enumerate(counts):
        yield sum(
            min(times, greatest[gram][2 if greatest[gram][1] == text else 0]) for gram, times in count.items()
        )


def _log_brevity_penalties(lengths: list[int]) -> Iterator[float]:
    """Yield for each text the logarithm of BLEU's brevity penalty against the others.

    The reference is as long as that other text whose length is nearest, the shorter of two as near.
    """
    times = Counter(lengths)
    for length in lengths:
        others = times.keys() if times[length] > 1 else times.keys() - {length}
        nearest = min(others, key=lambda other: (abs(other - length), other))
        yield min(0.0, 1 - nearest / length)
