"""What a text copies from the training texts: its longest run of words, and the nearest row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from finetable.data.folding import WordNumbers, number_words, text_hash, words
from finetable.data.word_search import Matches, WordSearch
from finetable.errors import ModelFolderError

__all__ = ["Copy", "CopyIndex", "words"]

NGRAM_WORDS = 3
"""The nearest row is the one that shares the rarest n-grams of so many words."""

COPIED_RUN = 12
"""Consecutive words shared with one training text from which a text counts as copied."""

COMMON = 500
"""An n-gram that stands in more places than this counts for nothing: it hardly tells rows apart."""

_BATCH_TEXTS = 50  # 100 abstracts took 120 MB while they were looked up.
_VOCABULARY = "vocabulary.txt"
_ARRAYS: dict[str, type[np.generic]] = {  # file of the index folder -> type of its one-dimensional array
    "symbols": np.int32,
    "text_starts": np.int64,
    "suffixes": np.int32,
    "word_starts": np.int64,
    "hashes": np.uint64,
    "hash_rows": np.int64,
}


@dataclass(frozen=True)
class Copy:
    """What one text copies from the training texts.

    Attributes:
        words: length of the longest run of words that stands in a training text too.
        row: the first training text that this run stands in; -1 without one.
        start: where it begins, counted in words; the first such run, 0 without one.
        nearest_row: the training text that is equal; or else the first that holds the whole text; or else
            that with the most shared n-grams, each weighted by ln(1 + rows / rows that hold it); or else
            `row`. The first of several.
        whole: the whole text equals a training text after folding.
    """

    words: int
    row: int
    start: int
    nearest_row: int
    whole: bool

    @property
    def is_copied(self) -> bool:
        """Whether the text is a whole training text, or holds COPIED_RUN consecutive words of one."""
        return bool(self.whole or self.words >= COPIED_RUN)


class CopyIndex:
    """The training texts, arranged for finding runs of words that another text shares with them."""

    def __init__(
        self,
        vocabulary: dict[str, int],
        search: WordSearch,
        hashes: NDArray[np.uint64],
        hash_rows: NDArray[np.int64],
    ) -> None:
        self._vocabulary = vocabulary
        self._search = search
        self._hashes = hashes  # (texts,) of the folded texts, ascending
        self._hash_rows = hash_rows  # (texts,) which text each hash is of, ascending where hashes are equal

    @classmethod
    def build(cls, texts: Iterable[str]) -> Self:
        """Index training texts; their rows are counted from 0 in the order given.

        Keeps no text: about 8 bytes a word, on disk too, and 30 while sorting.
        """
        vocabulary = WordNumbers()
        hashes: list[int] = []

        def hashed() -> Iterator[str]:
            for text in texts:
                hashes.append(_hash(text))
                yield text

        ids, starts = number_words(hashed(), vocabulary.__getitem__)
        search = WordSearch.build(ids, starts, len(vocabulary))
        text_hashes = np.array(hashes, dtype=np.uint64)
        hash_rows = np.argsort(text_hashes, kind="stable")
        return cls(dict(vocabulary), search, text_hashes[hash_rows], hash_rows)

    def look_up(self, texts: Sequence[str]) -> list[Copy]:
        """Return what each text copies."""
        return [
            copy
            for first in range(0, len(texts), _BATCH_TEXTS)
            for copy in self._look_up_batch(texts[first : first + _BATCH_TEXTS])
        ]

    def save(self, folder: Path) -> None:
        """Write the index into a new or empty folder; raises FileExistsError where something is in it."""
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError(folder)
        lines = "".join(f"{word}\n" for word in self._vocabulary)
        (folder / _VOCABULARY).write_text(lines, encoding="utf-8", newline="\n")
        arrays = {**vars(self._search), "hashes": self._hashes, "hash_rows": self._hash_rows}
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open an index that `save` wrote; the arrays stay on disk and are read where needed.

        Raises:
            ModelFolderError: a file is missing or is not what `save` wrote.
        """
        try:
            lines = (folder / _VOCABULARY).read_text(encoding="utf-8").splitlines()
            arrays = {name: _mapped(folder / f"{name}.npy", dtype) for name, dtype in _ARRAYS.items()}
        except (OSError, EOFError, ValueError) as fault:
            raise ModelFolderError(
                f"The index of training texts in {folder} cannot be read ({fault}); train the model again."
            ) from fault
        hashes, hash_rows = arrays.pop("hashes"), arrays.pop("hash_rows")
        search = WordSearch(**arrays)
        texts = len(search.text_starts)
        if not (
            len(search.word_starts) == len(lines) + 1
            and len(search.symbols) == len(search.suffixes) + texts
            and len(hashes) == len(hash_rows) == texts
        ):
            raise ModelFolderError(
                f"The files of the index of training texts in {folder} do not belong together; "
                "train the model again."
            )
        return cls({word: number for number, word in enumerate(lines)}, search, hashes, hash_rows)

    def _look_up_batch(self, texts: Sequence[str]) -> list[Copy]:
        numbered = [[self._vocabulary.get(word, -1) for word in words(text)] for text in texts]
        starts = np.cumsum([0] + [len(numbers) + 1 for numbers in numbered])
        asked = np.array([number for numbers in numbered for number in (*numbers, -1)], dtype=np.int64)
        matches = self._search.find(asked, NGRAM_WORDS)
        longest = np.maximum.reduceat(matches.lengths, starts[:-1])
        is_longest = matches.lengths == np.repeat(longest, np.diff(starts))
        begins = np.flatnonzero(is_longest)
        begins = begins[np.searchsorted(begins, starts[:-1])]  # the first place of each text's longest run
        rows = self._search.first_rows(matches.lows[begins], matches.highs[begins])
        equal = self._equal_rows(texts)
        nearest = self._nearest_by_ngrams(matches, starts)
        is_held = (nearest < 0) | (longest == np.diff(starts) - 1)
        nearest = np.where(equal >= 0, equal, np.where(is_held, rows, nearest))
        columns = (longest, rows, begins - starts[:-1], nearest, equal >= 0)
        return [Copy(*copy) for copy in zip(*(column.tolist() for column in columns), strict=True)]

    def _equal_rows(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return for each text the first row that equals it after folding, -1 without one."""
        hashes = np.array([_hash(text) for text in texts], dtype=np.uint64)
        places = np.searchsorted(self._hashes, hashes)
        found = np.full(len(texts), -1)
        known = np.flatnonzero(places < len(self._hashes))
        known = known[self._hashes[places[known]] == hashes[known]]
        found[known] = self._hash_rows[places[known]]
        found[[text.strip() == "" for text in texts]] = -1
        return found

    def _nearest_by_ngrams(self, matches: Matches, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each asked text the row with the most weight of shared n-grams, -1 if none is shared."""
        texts, rows = len(starts) - 1, len(self._search.text_starts)
        text_of_place = np.repeat(np.arange(texts), np.diff(starts))
        counts = matches.gram_highs - matches.gram_lows
        places = np.flatnonzero((counts > 0) & (counts <= COMMON))
        in_text = text_of_place[places] * len(self._search.suffixes) + matches.gram_lows[places]
        places = places[np.unique(in_text, return_index=True)[1]]
        lows, counts = matches.gram_lows[places], counts[places]
        gram_of = np.repeat(np.arange(len(places)), counts)
        suffixes = np.arange(len(gram_of)) + (lows - np.cumsum(counts) + counts)[gram_of]
        gram_of, row_of = _distinct_pairs(gram_of, self._search.rows(self._search.suffixes[suffixes]), rows)
        weights = np.log1p(rows / np.bincount(gram_of, minlength=len(places)))[gram_of]
        bounds = np.searchsorted(text_of_place[places][gram_of], np.arange(texts + 1))
        nearest = np.full(texts, -1)
        for text in np.flatnonzero(np.diff(bounds)):
            shared = slice(bounds[text], bounds[text + 1])
            nearest[text] = np.bincount(row_of[shared], weights[shared]).argmax()
        return nearest


def _distinct_pairs(
    first: NDArray[np.int64], second: NDArray[np.int64], seconds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each pair once, sorted; `np.unique` of numpy 2.4 takes ten times as long as a sort."""
    bits = seconds.bit_length()
    pairs = first << bits | second
    pairs.sort()
    is_new = np.ones(len(pairs), dtype=bool)
    is_new[1:] = pairs[1:] != pairs[:-1]
    pairs = pairs[is_new]
    return pairs >> bits, pairs & (1 << bits) - 1


def _hash(text: str) -> int:
    return int(text_hash(text), 16)


def _mapped(path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{path.name} holds {array.dtype} in {array.ndim} dimensions")
    return np.asarray(array)
