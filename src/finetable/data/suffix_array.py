"""Sorting the suffixes of a long sequence of numbers, with nothing but numpy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    packed = keys.astype(np.int64)
    packed <<= index_bits
    packed |= np.arange(len(keys))
    packed.sort()
    packed &= (1 << index_bits) - 1
    return packed


def suffix_array(symbols: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return where each suffix of `symbols` begins, in the order of the suffixes.

    Prefix doubling that sorts again only the suffixes that are still equal (Larsson and Sadakane, Faster
    suffix sorting, Theoretical Computer Science 387, 2007, section 2).

    Args:
        symbols: (n,), each >= 0; the last one must stand nowhere else, so that no suffix is the beginning
            of another.

    Returns:
        (n,) positions in `symbols`.
    """
    order, same_as_before, depth = _sorted_by_first_symbols(symbols)
    bits = len(symbols).bit_length()
    rank = np.empty(len(symbols), dtype=np.int32)
    rank[order] = _group_starts(same_as_before)
    places = _places_in_groups(same_as_before)  # indices into `order` of the suffixes still equal to another
    while len(places) > 0:
        suffixes = order[places]
        by_rest = stable_order(rank[suffixes + depth], bits)
        suffixes = suffixes[by_rest]
        by_group = stable_order(rank[suffixes], bits)
        suffixes = suffixes[by_group]
        order[places] = suffixes
        first, rest = rank[suffixes], rank[suffixes + depth]
        same_as_before = np.zeros(len(places), dtype=bool)
        same_as_before[1:] = (first[1:] == first[:-1]) & (rest[1:] == rest[:-1])
        rank[suffixes] = places[_group_starts(same_as_before)]
        places = places[_places_in_groups(same_as_before)]
        depth *= 2
    return order


def _sorted_by_first_symbols(
    symbols: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.bool_], int]:
    """Sort the suffixes by as many first symbols as fit in a key; also say how many that were."""
    symbol_bits = max(1, int(symbols.max(initial=0)).bit_length())
    depth = max(1, (63 - len(symbols).bit_length()) // symbol_bits)
    keys = np.zeros(len(symbols), dtype=np.int64)
    for offset in range(min(depth, len(symbols))):
        keys <<= symbol_bits
        keys[: len(symbols) - offset] |= symbols[offset:]
    order = stable_order(keys, depth * symbol_bits)
    keys = keys[order]
    same_as_before = np.zeros(len(symbols), dtype=bool)
    same_as_before[1:] = keys[1:] == keys[:-1]
    return order.astype(np.int32), same_as_before, depth


def _group_starts(same_as_before: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each place, the place where its run of equals begins."""
    return np.maximum.accumulate(np.where(same_as_before, 0, np.arange(len(same_as_before))))


def _places_in_groups(same_as_before: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places whose run of equals is longer than one."""
    in_group = same_as_before.copy()
    in_group[:-1] |= same_as_before[1:]
    return np.flatnonzero(in_group)
