"""Where a run of words stands in the training texts, found in a suffix array over their words."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from finetable.data.suffix_array import suffix_array


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
        """Find the longest run at every place at once, a word longer at each step.

        Args:
            asked: (words,) word numbers; -1 for a word that stands nowhere, and at the end of each text,
                the last one included.
            gram_words: how many words an n-gram has.
        """
        matches = Matches(*np.zeros((5, len(asked)), dtype=np.int64))
        is_follower = np.zeros(len(asked), dtype=bool)
        live = np.flatnonzero(asked >= 0)
        low, high = self.word_starts[asked[live]], self.word_starts[asked[live] + 1]
        length = 1
        while len(live) > 0:
            matches.lengths[live], matches.lows[live], matches.highs[live] = length, low, high
            if length == gram_words:
                matches.gram_lows[live], matches.gram_highs[live] = low, high
            if length >= gram_words:
                follows = self._follow(live, low, high)
                is_follower[live[follows]] = True
                live, low, high = live[~follows], low[~follows], high[~follows]
            is_known = asked[live + length] >= 0
            live, low, high = live[is_known], low[is_known], high[is_known]
            next_word = asked[live + length]
            low = self._first_at_least(low, high, length, next_word)
            high = self._first_at_least(low, high, length, next_word + 1)
            stands = low < high
            live, low, high = live[stands], low[stands], high[stands]
            length += 1
        places = np.arange(len(asked))
        leaders = np.maximum.accumulate(np.where(is_follower, 0, places))
        matches.lengths[:] = matches.lengths[leaders] - (places - leaders)
        return matches

    def first_row(self, low: int, high: int) -> int:
        """Return the first text in which one of these suffixes begins; there must be one."""
        return int(self.rows(self.suffixes[low:high].min()))

    def rows(self, positions: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the texts that hold these places of `symbols`."""
        return np.searchsorted(self.text_starts, positions, side="right") - 1

    def _follow(
        self, live: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether the run at a place is bound to be the rest of the run at the place before it.

        So it is where it stands in one place only and the other run stands a word before that. They end
        together, which saves walking along a long copy once from each of its words.
        """
        follows = np.zeros(len(live), dtype=bool)
        positions = self.suffixes[low]
        follows[1:] = (live[1:] == live[:-1] + 1) & (positions[1:] == positions[:-1] + 1)
        follows &= high - low == 1
        return follows

    def _first_at_least(
        self, low: NDArray[np.int64], high: NDArray[np.int64], offset: int, word: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the first suffix from low to before high whose symbol at `offset` is at least `word`."""
        low, high = low.copy(), high.copy()
        searching = np.flatnonzero(low < high)
        while len(searching) > 0:
            middle = (low[searching] + high[searching]) // 2
            is_below = self.symbols[self.suffixes[middle] + offset] < word[searching]
            low[searching[is_below]] = middle[is_below] + 1
            high[searching[~is_below]] = middle[~is_below]
            searching = searching[low[searching] < high[searching]]
        return low
