"""Which texts are nearly equal, found by an exact join: no estimate, and no pair missed by chance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from finetable.data.column_texts import ColumnTexts
from finetable.data.disjoint_sets import DisjointSets
from finetable.data.folding import WordNumbers, number_words
from finetable.data.suffix_array import stable_order

SHINGLE_WORDS = 3
"""Texts are compared by the sets of all their runs of so many words; a shorter text is near to none."""

NEAR_JACCARD = Fraction(4, 5)
"""Two texts are near duplicates when they share at least this part of all their shingles.

In a text of n words a word added at an end leaves (n - 2) / (n - 1), and a word replaced in the middle
(n - 5) / (n + 1): the first is near from 6 words on, the second from 29. So short texts are near only
where one is the other with little added, and greetings and slogans do not chain into one giant group.
"""

CLOSE = 1024
"""Of the texts that share a rare shingle, each is compared with all of the so many next larger ones.

Beyond that the comparisons thin out with the distance, so that the time does not grow with the square of
the rows of a table that is made of few stock phrases. Below it no near pair is missed.
"""

_BITMAP_WORDS = 4


@dataclass(frozen=True)
class _ShingleSets:
    """The set of shingles of each text.

    A shingle that stands in one text only can never be shared: such are counted, not kept. The others are
    numbered from the rarest to the most frequent.
    """

    shared: NDArray[np.int64]  # (shared shingles of all texts,) ascending within each text
    starts: NDArray[np.int64]  # (texts + 1,) text i has shared[starts[i] : starts[i + 1]]
    sizes: NDArray[np.int64]  # (texts,) shingles of each text, the unshared ones too
    bitmaps: NDArray[np.uint64]  # (texts, _BITMAP_WORDS) each shared shingle flips one bit

    def may_be_near(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether texts can be near by their bitmaps, which differ in no more bits than the sets in shingles.

        Sandes, Teodoro and Melo, Bitmap filter: speeding up exact set similarity joins with bitwise
        operations, Information Systems 88, 2020.
        """
        counts = np.diff(self.starts)
        differ = np.bitwise_count(self.bitmaps[first] ^ self.bitmaps[second]).sum(axis=1, dtype=np.int64)
        both_at_most = (counts[first] + counts[second] - differ) // 2
        return _is_enough(both_at_most, self.sizes[first] + self.sizes[second])

    def are_near(self, first: int, second: int) -> bool:
        """Whether the Jaccard similarity of two texts is at least NEAR_JACCARD."""
        ours = self.shared[self.starts[first] : self.starts[first + 1]]
        theirs = self.shared[self.starts[second] : self.starts[second + 1]]
        both = np.intersect1d(ours, theirs, assume_unique=True).size
        return Fraction(both, int(self.sizes[first] + self.sizes[second]) - both) >= NEAR_JACCARD


@dataclass(frozen=True)
class _Prefixes:
    """The rarest shingles of each text, sorted by shingle, then by the size of the text.

    Of two near texts with a and b shingles, the first shingle that they share, from the rarest on, is
    among the first a - ceil(t a) + 1 of the one and b - ceil(t b) + 1 of the other, where t is
    NEAR_JACCARD; so only texts that share one of these need to be compared (Chaudhuri, Ganti and Kaushik,
    A primitive operator for similarity joins in data cleaning, ICDE 2006).
    """

    shingles: NDArray[np.int64]  # (entries,)
    texts: NDArray[np.int64]  # (entries,)
    sizes: NDArray[np.int64]  # (entries,) of the text
    rooms: NDArray[np.int64]  # (entries,) shingles of the text from this one on

    def can_share_enough(
        self, entries: NDArray[np.int64], other_sizes: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether a text can be near to another of this size if the entry is the first that they share.

        Positional filtering (Xiao, Wang, Lin and Yu, Efficient similarity joins for near duplicate
        detection, WWW 2008).
        """
        return _is_enough(self.rooms[entries], self.sizes[entries] + other_sizes)

    def are_open(self, cluster_of: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether an entry's shingle stands in texts that are not all joined yet, (entries,)."""
        clusters = cluster_of[self.texts]
        _, bucket_starts, bucket_of = np.unique(self.shingles, return_index=True, return_inverse=True)
        least = np.minimum.reduceat(clusters, bucket_starts)
        most = np.maximum.reduceat(clusters, bucket_starts)
        return np.asarray(least < most)[bucket_of]


def near_groups(texts: Sequence[str], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Merge the groups of texts that are near duplicates, directly or through others.

    Near duplicates share at least NEAR_JACCARD of their runs of SHINGLE_WORDS words, after folding. The
    answer does not depend on the order of the rows.

    Args:
        texts: one per row.
        groups: (rows,) group numbers as `group_rows` gives them.

    Returns:
        (rows,) group numbers from 0 on; merged groups stand where the least of them stood.
    """
    numbers, distinct = _distinct(texts)
    sets = _shingle_sets((texts[place] for place in distinct), len(distinct))
    cluster_of = _join_near(sets).names()
    _, group_of = np.unique(groups, return_inverse=True)
    links = DisjointSets(int(group_of.max(initial=-1)) + 1)
    group_of_cluster: dict[int, int] = {}
    for number, group in zip(numbers.tolist(), group_of.tolist(), strict=True):
        if sets.sizes[number] > 0:
            links.join(group, group_of_cluster.setdefault(int(cluster_of[number]), group))
    return np.unique(links.names()[group_of], return_inverse=True)[1].astype(np.int64)


def _distinct(texts: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """The number of each text among the different ones, in their order, (texts,); and a place of each."""
    if isinstance(texts, ColumnTexts):
        order = texts.order().tolist()
    else:
        order = sorted(range(len(texts)), key=texts.__getitem__)
    numbers = np.zeros(len(texts), dtype=np.int64)
    places: list[int] = []
    last: str | None = None
    for place in order:
        text = texts[place]
        if text != last:
            places.append(place)
            last = text
        numbers[place] = len(places) - 1
    return numbers, places


def _is_enough(both: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether sets that share `both` of their `sizes` members together are near."""
    return both * (NEAR_JACCARD.numerator + NEAR_JACCARD.denominator) >= sizes * NEAR_JACCARD.numerator


def _shingle_sets(texts: Iterable[str], count: int) -> _ShingleSets:
    text_of, is_new = _texts_of_shingles(texts, count)
    first_in_text = is_new.copy()
    first_in_text[1:] |= text_of[1:] != text_of[:-1]
    text_of, is_new = text_of[first_in_text], is_new[first_in_text]
    sizes = np.bincount(text_of, minlength=count)
    frequencies = np.diff(np.flatnonzero(np.append(is_new, True)))
    is_shared = np.repeat(frequencies > 1, frequencies)
    text_of = text_of[is_shared]
    frequencies = frequencies[frequencies > 1]
    by_frequency = stable_order(frequencies, count.bit_length())
    ranks = np.empty_like(by_frequency)
    ranks[by_frequency] = np.arange(len(ranks))
    shared = np.repeat(ranks, frequencies)
    shared |= text_of.astype(np.int64) << 32
    shared.sort()
    text_of = (shared >> 32).astype(np.int32)
    shared &= 0xFFFFFFFF
    starts = np.append(0, np.cumsum(np.bincount(text_of, minlength=count)))
    return _ShingleSets(shared, starts, sizes, _bitmaps(text_of, shared, count))


def _texts_of_shingles(texts: Iterable[str], count: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the text of each shingle, equal ones together, and whether it differs from the last."""
    ids, word_starts = number_words(texts, WordNumbers().__getitem__)
    positions, is_new = _sorted_shingles(ids, word_starts)
    return np.repeat(np.arange(count, dtype=np.int32), np.diff(word_starts))[positions], is_new


def _sorted_shingles(
    ids: NDArray[np.int32], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return where each shingle begins, equal ones together, and whether it differs from the last."""
    is_whole = np.ones(len(ids), dtype=bool)
    for words_left in range(1, SHINGLE_WORDS):
        last_words = starts[1:] - words_left
        is_whole[last_words[last_words >= 0]] = False
    positions = np.flatnonzero(is_whole).astype(np.int32)
    id_bits = int(ids.max(initial=0)).bit_length()
    for offset in reversed(range(SHINGLE_WORDS)):
        positions = positions[stable_order(ids[positions + offset], id_bits)]
    is_new = np.zeros(len(positions), dtype=bool)
    is_new[:1] = True
    for offset in range(SHINGLE_WORDS):
        column = ids[positions + offset]
        is_new[1:] |= column[1:] != column[:-1]
    return positions, is_new


def _bitmaps(text_of: NDArray[np.int32], shared: NDArray[np.int64], texts: int) -> NDArray[np.uint64]:
    bitmaps = np.zeros(texts * _BITMAP_WORDS, dtype=np.uint64)
    words, bits = shared // 64 % _BITMAP_WORDS, (shared % 64).astype(np.uint64)
    np.bitwise_xor.at(bitmaps, text_of * _BITMAP_WORDS + words, np.uint64(1) << bits)
    return bitmaps.reshape(texts, _BITMAP_WORDS)


def _prefixes(sets: _ShingleSets) -> _Prefixes:
    counts = np.diff(sets.starts)
    texts = np.repeat(np.arange(len(counts)), counts)
    sizes = sets.sizes[texts]
    rooms = sets.starts[1:][texts] - np.arange(len(texts))
    in_prefix = rooms * NEAR_JACCARD.denominator >= sizes * NEAR_JACCARD.numerator
    shingles, texts, sizes, rooms = (column[in_prefix] for column in (sets.shared, texts, sizes, rooms))
    order = np.lexsort((sizes, shingles))
    return _Prefixes(shingles[order], texts[order], sizes[order], rooms[order])


def _join_near(sets: _ShingleSets) -> DisjointSets:
    """Compare each text with the next no smaller one that shares a rare shingle, then with the one after…"""
    links = DisjointSets(len(sets.sizes))
    cluster_of = links.names()
    prefixes = _prefixes(sets)
    left = np.arange(len(prefixes.texts))
    offset = 1
    while len(left) > 0:
        left = left[left + offset < len(prefixes.texts)]
        right = left + offset
        # Sizes ascend: a text that is too large for the left one is followed by larger ones only.
        in_reach = prefixes.can_share_enough(left, prefixes.sizes[right])
        in_reach &= prefixes.shingles[left] == prefixes.shingles[right]
        left, right = left[in_reach], right[in_reach]
        possible = prefixes.can_share_enough(right, prefixes.sizes[left])
        first, second = prefixes.texts[left[possible]], prefixes.texts[right[possible]]
        apart = cluster_of[first] != cluster_of[second]
        if _join_pairs(sets, links, first[apart], second[apart]):
            cluster_of = links.names()
        if offset.bit_count() == 1:
            left = left[prefixes.are_open(cluster_of)[left]]
        offset += 1 + offset // CLOSE
    return links


def _join_pairs(
    sets: _ShingleSets, links: DisjointSets, first: NDArray[np.int64], second: NDArray[np.int64]
) -> bool:
    """Join the pairs that are near; whether there was any."""
    may_be_near = sets.may_be_near(first, second)
    pairs = set(zip(first[may_be_near].tolist(), second[may_be_near].tolist(), strict=True))
    near = [pair for pair in pairs if sets.are_near(*pair)]
    for pair in near:
        links.join(*pair)
    return bool(near)
