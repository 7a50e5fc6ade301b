"""Where a run of words stands in the training texts, found in a suffix array over their words."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from finetable.data.suffix_array import suffix_array

_WORDS_AHEAD = 4
"""How many words of a run are compared at once at first; twice as many at each further step."""

_MOST_AHEAD = 1 << 20
"""How many words are compared at once at the most, those of all runs together."""

_BLOCK_BITS = 4
"""The text at every 2**4th symbol is known; the text of the symbols between is most often the same."""


@dataclass(frozen=True)
class Matches:
    """For each place of the asked words, the longest run from there on that stands in a training text.

    All are (asked words,). A run stands where the suffixes from `lows` to before `highs` begin; its first
    n-gram stands where those from `gram_lows` to before `gram_highs` begin, which are as many as none
    where the run is shorter than the n-gram.
    """

    lengths: NDArray[np.int64]
    lows: NDArray[np.int64]
    highs: NDArray[np.int64]
    gram_lows: NDArray[np.int64]
    gram_highs: NDArray[np.int64]


@dataclass(frozen=True)
class WordSearch:
    """The words of all texts, and their suffixes in order.

    Manber and Myers, Suffix arrays: a new method for on-line string searches, SIAM Journal on Computing
    22, 1993. Each text ends in a symbol that stands nowhere else, so that no run crosses into the next.
    """

    symbols: NDArray[np.int32]  # (words + texts,) a word's number, or at a text's end one that no word has
    text_starts: NDArray[np.int64]  # (texts,) where each begins in `symbols`
    suffixes: NDArray[np.int32]  # (words,) where those suffixes that begin with a word begin
    word_starts: NDArray[np.int64]  # (vocabulary + 1,) the suffixes that begin with each word

    @classmethod
    def build(cls, ids: NDArray[np.int32], starts: NDArray[np.int64], vocabulary: int) -> Self:
        """Sort the suffixes of texts given as `number_words` gives them."""
        texts = len(starts) - 1
        ends = np.arange(vocabulary, vocabulary + texts, dtype=np.int32)
        symbols = np.insert(ids, starts[1:], ends)
        word_starts = np.append(0, np.cumsum(np.bincount(ids, minlength=vocabulary)))
        # The ends of texts are the largest symbols, so the suffixes that begin with one come last.
        return cls(symbols, starts[:-1] + np.arange(texts), suffix_array(symbols)[: len(ids)], word_starts)

    def find(self, asked: NDArray[np.int64], gram_words: int) -> Matches:
        """Find the longest run at every place at once.

        Args:
            asked: (words,) word numbers; -1 for a word that stands nowhere, and at the end of each text,
                the last one included.
            gram_words: how many words an n-gram has.
        """
        matches = Matches(*np.zeros((5, len(asked)), dtype=np.int64))
        is_follower = np.zeros(len(asked), dtype=bool)
        shifts = np.zeros(len(asked), dtype=np.int64)  # of a follower's `lows` against the place before it
        live = self._find_grams(matches, asked, gram_words)
        ahead = _WORDS_AHEAD
        while len(live) > 0:
            follows = self._follow(matches, live)
            followers, live = live[follows], live[~follows]
            is_follower[followers] = True
            shifts[followers] = matches.lows[followers] - matches.lows[followers - 1]
            ahead = max(1, min(ahead, _MOST_AHEAD // max(1, len(live))))
            agreed = self._agreed(matches, asked, live, ahead)
            matches.lengths[live] += agreed
            is_done = agreed < ahead
            live = np.concatenate([live[~is_done], self._narrow(matches, asked, live[is_done])])
            ahead *= 2
        # The suffixes of a follower have the order of its leader's: what is narrowed there is narrowed here.
        places = np.arange(len(asked))
        leaders = np.maximum.accumulate(np.where(is_follower, 0, places))
        shifts = np.cumsum(shifts)
        counts = matches.highs - matches.lows
        matches.lengths[:] = matches.lengths[leaders] - (places - leaders)
        matches.lows[:] = matches.lows[leaders] + shifts - shifts[leaders]
        matches.highs[:] = matches.lows + counts[leaders]
        return matches

    def first_rows(self, lows: NDArray[np.int64], highs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first text in which one of the suffixes from low to before high begins, -1 without one.

        What many ask for, such as the places of a frequent word, is looked through once.
        """
        spans = list(zip(lows.tolist(), highs.tolist(), strict=True))
        positions = {(low, high): self.suffixes[low:high].min() for low, high in set(spans) if low < high}
        rows = self.rows(np.array(list(positions.values()), dtype=np.int32))
        row_of = dict(zip(positions, rows.tolist(), strict=True))
        return np.array([row_of.get(span, -1) for span in spans], dtype=np.int64)

    def rows(self, positions: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the texts that hold these places of `symbols`."""
        rows: NDArray[np.int64] = self._rows_of_blocks[positions >> _BLOCK_BITS]
        behind = np.flatnonzero(self._text_ends[rows] <= positions)
        rows[behind] = np.searchsorted(self.text_starts, positions[behind], side="right") - 1
        return rows

    @cached_property
    def _text_ends(self) -> NDArray[np.int64]:
        return np.append(self.text_starts[1:], len(self.symbols))

    @cached_property
    def _rows_of_blocks(self) -> NDArray[np.int64]:
        firsts = np.arange(0, len(self.symbols), 1 << _BLOCK_BITS)
        return np.searchsorted(self.text_starts, firsts, side="right") - 1

    def _find_grams(self, matches: Matches, asked: NDArray[np.int64], gram_words: int) -> NDArray[np.int64]:
        """Find runs of up to `gram_words` words, a word longer at each step; return where so many stand.

        The places are taken in the order of their n-grams: so the equal ones, which are looked for once,
        are neighbours, and the others find in the processor's cache what the one before them read.
        """
        live = np.flatnonzero(asked >= 0)
        grams = [asked[np.minimum(live + word, len(asked) - 1)] for word in range(gram_words)]
        live = live[np.lexsort(grams[::-1])]
        low, high = self.word_starts[asked[live]], self.word_starts[asked[live] + 1]
        for length in range(1, gram_words + 1):
            matches.lengths[live], matches.lows[live], matches.highs[live] = length, low, high
            if length == gram_words:
                break
            next_word = asked[live + length]
            is_new = np.ones(len(live), dtype=bool)
            is_new[1:] = (low[1:] != low[:-1]) | (next_word[1:] != next_word[:-1])
            offset = np.full(np.count_nonzero(is_new), length)
            low, high = self._span(low[is_new], high[is_new], offset, next_word[is_new])
            which = np.cumsum(is_new) - 1
            stands = (low < high)[which]
            live, low, high = live[stands], low[which[stands]], high[which[stands]]
        matches.gram_lows[live], matches.gram_highs[live] = low, high
        return live

    def _follow(self, matches: Matches, live: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the run at a place is bound to be the rest of the run at the place before it.

        So it is where it stands in as many places and each of them is a word behind one of the other run's;
        the suffixes of both have the same order, so the first, the last and how many they are prove it.
        They end together, which saves walking along a long copy once from each of its words.
        """
        low, high = matches.lows[live], matches.highs[live]
        low_before, high_before = matches.lows[live - 1], matches.highs[live - 1]
        follows: NDArray[np.bool_] = high - low == high_before - low_before
        for place, before in ((low, low_before), (high - 1, high_before - 1)):
            follows &= self.suffixes[place] == self.suffixes[before] + 1
        return follows

    def _agreed(
        self, matches: Matches, asked: NDArray[np.int64], live: NDArray[np.int64], ahead: int
    ) -> NDArray[np.int64]:
        """Return by how many words, up to `ahead`, each run goes on in all the places where it stands.

        Suffixes are in order, so all agree where the first and the last do.
        """
        offsets = matches.lengths[live, None] + np.arange(ahead)  # (live, ahead)
        words = asked[np.minimum(live[:, None] + offsets, len(asked) - 1)]
        agrees = np.ones(words.shape, dtype=bool)
        for place in (matches.lows[live], matches.highs[live] - 1):
            agrees &= (
                words
                == self.symbols[np.minimum(self.suffixes[place][:, None] + offsets, len(self.symbols) - 1)]
            )
        return np.where(agrees.all(axis=1), ahead, agrees.argmin(axis=1))

    def _narrow(
        self, matches: Matches, asked: NDArray[np.int64], live: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Keep of each run's places those where its next word stands too; return the runs that have some."""
        live = live[matches.highs[live] - matches.lows[live] > 1]
        live = live[asked[live + matches.lengths[live]] >= 0]
        lengths = matches.lengths[live]
        low, high = self._span(matches.lows[live], matches.highs[live], lengths, asked[live + lengths])
        stands = low < high
        live = live[stands]
        matches.lengths[live] += 1
        matches.lows[live], matches.highs[live] = low[stands], high[stands]
        return live

    def _span(
        self,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        offset: NDArray[np.int64],
        word: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the suffixes from low to before high whose symbol at `offset` is `word`: from, to before."""
        first = self._first_at_least(low, high, offset, word)
        return first, self._first_at_least(first, high, offset, word + 1)

    def _first_at_least(
        self,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        offset: NDArray[np.int64],
        word: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the first suffix from low to before high whose symbol at `offset` is at least `word`."""
        low, high = low.copy(), high.copy()
        searching = np.flatnonzero(low < high)
        while len(searching) > 0:
            middle = (low[searching] + high[searching]) // 2
            is_below = self.symbols[self.suffixes[middle] + offset[searching]] < word[searching]
            low[searching[is_below]] = middle[is_below] + 1
            high[searching[~is_below]] = middle[~is_below]
            searching = searching[low[searching] < high[searching]]
        return low
