import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.suffix_array import blocks_of_groups, stable_order, suffix_array


@settings(deadline=None)
@given(st.lists(st.integers(0, 6)))
def test_order_is_that_of_a_stable_sort(keys: list[int]) -> None:
    assert stable_order(np.array(keys, dtype=np.int32), 3).tolist() == sorted(
        range(len(keys)), key=keys.__getitem__
    )


def test_keys_too_large_to_carry_an_index_are_refused() -> None:
    with pytest.raises(AssertionError, match="63 bits"):
        stable_order(np.array([0, 1]), 62)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 15))
def test_blocks_are_small_or_one_group(sizes: list[int], most: int) -> None:
    is_first = np.array([place == 0 for size in sizes for place in range(size)])
    places = np.arange(100, 100 + len(is_first), dtype=np.int32)
    blocks = list(blocks_of_groups(places, is_first, most))
    assert np.concatenate(blocks).tolist() == places.tolist()
    assert len(blocks) <= 2 * len(places) / most + 2
    for block in blocks:
        begins = is_first[block - 100]
        assert begins[0]
        assert len(block) < most or begins.sum() == 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), max_size=80), st.integers(3, 2**31 - 1), st.integers(1, 90))
def test_suffixes_are_in_order(symbols: list[int], last: int, most_at_once: int) -> None:
    symbols = [*symbols, last]
    expected = sorted(range(len(symbols)), key=lambda start: symbols[start:])
    assert suffix_array(np.array(symbols, dtype=np.int32), most_at_once).tolist() == expected


def test_the_last_symbol_may_be_the_least() -> None:
    assert suffix_array(np.array([1, 2, 1, 2, 1, 0], dtype=np.int32)).tolist() == [5, 4, 2, 0, 3, 1]


def test_one_symbol_over_and_over() -> None:
    symbols = np.append(np.zeros(5000, dtype=np.int32), np.int32(1))
    assert suffix_array(symbols).tolist() == list(range(5001))


def test_nothing_has_no_suffixes() -> None:
    assert suffix_array(np.zeros(0, dtype=np.int32)).tolist() == []
