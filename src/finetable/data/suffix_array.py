"""Sorting the suffixes of a long sequence of numbers, with nothing but numpy."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
"""How many suffixes are sorted at a time: the memory that sorting takes is for so many, not for all."""


def stable_order(keys: NDArray[np.integer[Any]], key_bits: int) -> NDArray[np.int64]:
    """Return the indices that sort `keys`, equal keys in their old order.

    The index travels in the low bits of the key, because `np.sort` of whole numbers is about ten times
    as fast as `np.argsort` (13 million on AVX2: 0.4 and 4.6 seconds).

    Args:
        keys: (n,), each 0 <= key < 2**key_bits; key_bits + bits of n must be at most 63.
        key_bits: what the largest key takes.
    """
    index_bits = len(keys).bit_length()
    assert key_bits + index_bits <= 63, "keys and indices do not fit in 63 bits"
    packed = np.empty(len(keys), dtype=np.int64)
    for first in range(0, len(keys), BLOCK):  # so that the indices need no array of their own
        piece = packed[first : first + BLOCK]
        piece[:] = keys[first : first + BLOCK]
        piece <<= index_bits
        piece |= np.arange(first, first + len(piece))
    packed.sort()
    packed &= (1 << index_bits) - 1
    return packed


def suffix_array(symbols: NDArray[np.int32], most_at_once: int = BLOCK) -> NDArray[np.int32]:
    """Return where each suffix of `symbols` begins, in the order of the suffixes.

    Prefix doubling that sorts again only the suffixes that are still equal (Larsson and Sadakane, Faster
    suffix sorting, Theoretical Computer Science 387, 2007, section 2), a block of groups at a time. Takes
    about 25 bytes a symbol beside `symbols`.

    Args:
        symbols: (n,), each >= 0; the last one must stand nowhere else, so that no suffix is the beginning
            of another.
        most_at_once: how many suffixes are sorted at a time, at least 1; more only where so many are equal.

    Returns:
        (n,) positions in `symbols`.
    """
    order = stable_order(symbols, int(symbols.max(initial=0)).bit_length()).astype(np.int32)
    is_first = np.ones(len(symbols), dtype=bool)  # of a group of equals in `order`
    is_first[1:] = symbols[order[1:]] != symbols[order[:-1]]
    places = np.arange(len(symbols), dtype=np.int32)  # indices into `order` of suffixes that equal another
    rank = np.empty(len(symbols), dtype=np.int32)
    rank[order] = _group_starts(places, is_first)
    places = places[_is_in_group(is_first)]
    # So that a number of the group, a rank and an index fit in the 63 bits of a key.
    most_at_once = min(most_at_once, 1 << (64 - len(symbols).bit_length()) // 2)
    depth = 1
    while len(places) > 0:
        left = []
        for block in blocks_of_groups(places, is_first[places], most_at_once):
            _sort_by_rest(order, is_first, rank, block, depth)
            left.append(block[_is_in_group(is_first[block])])
        places = np.concatenate(left)
        depth *= 2
    return order


def blocks_of_groups(
    places: NDArray[np.int32], is_first: NDArray[np.bool_], most: int
) -> Iterator[NDArray[np.int32]]:
    """Cut places where groups begin, into blocks of fewer than `most` and blocks of one group.

    Args:
        places: (n,) one group after the other.
        is_first: (n,) whether a group begins there.
        most: at least 1.
    """
    starts = np.flatnonzero(is_first)
    held_by = np.searchsorted(starts, np.arange(0, len(places), most), side="right") - 1
    cut_groups = np.unique(np.concatenate([held_by, held_by + 1, [len(starts)]]))
    cuts = np.append(starts, len(places))[cut_groups]
    for first, end in pairwise(cuts):
        yield places[first:end]


def _sort_by_rest(
    order: NDArray[np.int32],
    is_first: NDArray[np.bool_],
    rank: NDArray[np.int32],
    places: NDArray[np.int32],
    depth: int,
) -> None:
    """Sort each group at `places`, equal in the first `depth` symbols, by what follows these.

    Other blocks may have been sorted deeper already: their ranks are finer then, and never wrong.
    """
    suffixes = order[places]
    groups = np.cumsum(is_first[places])
    rank_bits = len(rank).bit_length()
    keys = groups - 1 << rank_bits | rank[suffixes + depth]
    by_rest = stable_order(keys, rank_bits + int(groups[-1] - 1).bit_length())
    keys, suffixes = keys[by_rest], suffixes[by_rest]
    order[places] = suffixes
    is_new = np.ones(len(places), dtype=bool)
    is_new[1:] = keys[1:] != keys[:-1]
    is_first[places] = is_new
    rank[suffixes] = _group_starts(places, is_new)


def _group_starts(places: NDArray[np.int32], is_first: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return, for each place, the place where its group begins."""
    starts = places * is_first
    return np.maximum.accumulate(starts, out=starts)


def _is_in_group(is_first: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of these, groups one after the other, are in a group of more than one."""
    in_group = ~is_first
    in_group[:-1] |= ~is_first[1:]
    return in_group
