import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finetable.data.disjoint_sets import DisjointSets
from finetable.data.folding import fold
from finetable.data.splits import group_rows, near_groups, split_by_column, split_rows
from finetable.errors import TableError

TRAIN, VALIDATION, TEST = 0, 1, 2
cells = st.sampled_from(["", " ", "a", "A!", "b", "B.", "c", ":-)", " :-) "])
tables = st.integers(1, 3).flatmap(
    lambda columns: st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=12)
)
fractions_of_splits = st.sampled_from(
    [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.1, 0.45, 0.45), (0.96, 0.02, 0.02), (0.9, 0.1, 0.0)]
)


def columns_of(rows: list[list[str]]) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)]


def partition(groups: NDArray[np.int64] | list[int]) -> list[int]:
    """The first row of each row's group."""
    listed = list(groups)
    return [listed.index(group) for group in listed]


@settings(deadline=None)
@given(tables)
def test_rows_are_linked_by_every_equal_cell(rows: list[list[str]]) -> None:
    links = DisjointSets(len(rows))
    for row in range(len(rows)):
        for other in range(row):
            if any(fold(a) == fold(b) != "" for a, b in zip(rows[row], rows[other], strict=True)):
                links.join(row, other)
    groups = group_rows(columns_of(rows))
    assert partition(groups) == links.names().tolist()
    assert sorted(set(groups.tolist())) == list(range(len(set(groups.tolist()))))


@settings(deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_group_numbers_follow_the_texts_not_the_rows(rows: list[list[str]], order: random.Random) -> None:
    assume(all(any(fold(cell) for cell in row) for row in rows))
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)
    groups = group_rows(columns_of(rows))
    assert group_rows(columns_of([rows[row] for row in shuffled])).tolist() == groups[shuffled].tolist()


def test_a_cell_links_only_within_its_column() -> None:
    assert partition(group_rows([["dune", "heat"], ["heat", "dune"]])) == [0, 1]


@st.composite
def grouped_labels(draw: st.DrawFn) -> tuple[list[int], list[str]]:
    rows = draw(st.integers(1, 60))
    groups = draw(st.lists(st.integers(0, draw(st.integers(0, 40))), min_size=rows, max_size=rows))
    labels = draw(st.lists(st.sampled_from("abcdefghijkl"), min_size=rows, max_size=rows))
    return groups, labels


@settings(deadline=None)
@given(grouped_labels(), st.integers(0, 5), fractions_of_splits, st.booleans())
def test_what_a_split_promises(
    table: tuple[list[int], list[str]], seed: int, fractions: tuple[float, float, float], stratified: bool
) -> None:
    groups, labels = table
    splits = split_rows(np.array(groups), labels if stratified else None, seed, fractions)
    assert splits.dtype == np.int8
    of_group = defaultdict(set)
    groups_of_label = defaultdict(set)
    for group, label, split in zip(groups, labels, splits.tolist(), strict=True):
        of_group[group].add(split)
        groups_of_label[label].add(group)
    assert all(len(found) == 1 for found in of_group.values())
    if stratified:
        for found in groups_of_label.values():
            assert len(found) < 3 or any(of_group[group] == {TRAIN} for group in found)
    if len(of_group) >= 10:
        assert set(splits.tolist()) == {split for split, fraction in enumerate(fractions) if fraction > 0}
    if fractions[TEST] == 0:
        assert TEST not in splits


def test_an_empty_split_is_not_filled_with_the_only_training_row_of_a_label() -> None:
    sizes = [1, 2, 2, 3, 5, 1, 1, 1, 1, 1]
    groups = np.repeat(np.arange(10), sizes)
    labels = np.repeat(list("bcbacbcaab"), sizes).tolist()
    splits = split_rows(groups, labels, 0, (0.1, 0.88, 0.02))
    assert set(splits.tolist()) == {TRAIN, VALIDATION, TEST}
    assert {label for label, split in zip(labels, splits, strict=True) if split == TRAIN} >= {"a", "b", "c"}


@settings(deadline=None)
@given(grouped_labels(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_plays_no_part(
    table: tuple[list[int], list[str]], seed: int, order: random.Random
) -> None:
    groups, labels = np.array(table[0]), table[1]
    shuffled = list(range(len(labels)))
    order.shuffle(shuffled)
    splits = split_rows(groups, labels, seed)
    again = split_rows(groups[shuffled], [labels[row] for row in shuffled], seed)
    assert again.tolist() == splits[shuffled].tolist()


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(30, 120), min_size=1),
    st.integers(0, 5),
    fractions_of_splits,
)
def test_without_duplicates_every_label_is_shared_out_to_the_row(
    counts: dict[str, int], seed: int, fractions: tuple[float, float, float]
) -> None:
    labels = [label for label, count in counts.items() for _ in range(count)]
    splits = split_rows(np.arange(len(labels)), labels, seed, fractions)
    for label, count in counts.items():
        here = Counter(split for row, split in zip(labels, splits.tolist(), strict=True) if row == label)
        for split, fraction in enumerate(fractions):
            assert abs(here[split] - count * fraction) < 2


def test_labels_of_one_row_are_shared_out_together() -> None:
    splits = split_rows(np.arange(400), [f"label{row // 2}" for row in range(400)], seed=0)
    assert np.abs(np.bincount(splits) - [320, 40, 40]).max() <= 2


def test_labels_of_groups_are_shared_out_evenly() -> None:
    """As in the genre contest: a synopsis stands in a row for each of its genres."""
    draw = random.Random(0)
    genres = ["drama"] * 6 + ["comedy"] * 4 + ["horror"] * 2 + ["western"]
    listed = [
        (film, genre) for film in range(3000) for genre in set(draw.choices(genres, k=draw.randint(1, 4)))
    ]
    groups = np.array([film for film, _ in listed])
    labels = [genre for _, genre in listed]
    splits = split_rows(groups, labels, seed=1)
    for genre in set(labels):
        here = splits[[label == genre for label in labels]]
        shares = np.bincount(here, minlength=3) / len(here)
        assert np.abs(shares - [0.8, 0.1, 0.1]).max() < 0.002
    sizes = np.bincount(groups)
    mean_sizes = [sizes[np.unique(groups[splits == split])].mean() for split in range(3)]
    assert max(mean_sizes) - min(mean_sizes) < 0.2


def test_a_group_larger_than_a_judging_split_goes_to_train() -> None:
    groups = np.array([0] * 50 + list(range(1, 51)))
    splits = split_rows(groups, None, seed=3)
    assert np.bincount(splits).tolist() == [80, 10, 10]
    assert splits[0] == TRAIN


def test_the_seed_decides_and_nothing_else() -> None:
    groups = np.arange(200)
    first = split_rows(groups, None, seed=1)
    assert split_rows(groups, None, seed=1).tolist() == first.tolist()
    assert split_rows(groups, None, seed=2).tolist() != first.tolist()


def test_a_known_split_never_changes() -> None:
    groups = group_rows([["a tale of two cities", "Dune", "heat", "alien", "Alien!", "jaws", "up", "it"]])
    labels = ["drama", "scifi", "crime", "scifi", "horror", "horror", "drama", "horror"]
    assert groups.tolist() == [1, 6, 5, 0, 0, 4, 2, 3]
    assert split_rows(groups, labels, seed=7, fractions=(0.5, 0.25, 0.25)).tolist() == [
        0,
        2,
        0,
        0,
        0,
        1,
        1,
        2,
    ]


@pytest.mark.parametrize("fractions", [(0.0, 0.5, 0.5), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_that_do_not_share_out_all_rows_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(AssertionError):
        split_rows(np.arange(3), None, 0, fractions)


def test_no_rows_have_no_splits() -> None:
    assert group_rows([[], []]).tolist() == []
    assert split_rows(np.zeros(0, dtype=np.int64), [], 0).tolist() == []


def test_a_column_may_spell_the_splits_in_many_ways() -> None:
    values = ["train", " Training ", "VALID", "val", "dev", "eval", "validation", "test"]
    splits, moved = split_by_column(values, np.arange(8))
    assert splits.tolist() == [0, 0, 1, 1, 1, 1, 1, 2]
    assert moved == 0


def test_copies_of_rows_set_aside_leave_training() -> None:
    values = ["train", "test", "train", "validation", "test", "validation", "train"]
    splits, moved = split_by_column(values, np.array([5, 5, 3, 3, 9, 9, 8]))
    assert splits.tolist() == [TEST, TEST, VALIDATION, VALIDATION, TEST, TEST, TRAIN]
    assert moved == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["train", "dev", "test"])), min_size=1))
def test_a_column_never_parts_a_group_and_never_takes_a_row_out_of_test(rows: list[tuple[int, str]]) -> None:
    groups = np.array([group for group, _ in rows])
    splits, moved = split_by_column([value for _, value in rows], groups)
    assert all(len(set(splits[groups == group].tolist())) == 1 for group, _ in rows)
    named = [("train", "dev", "test").index(value) for _, value in rows]
    assert all(split >= name for split, name in zip(splits.tolist(), named, strict=True))
    assert moved == sum(split != name for split, name in zip(splits.tolist(), named, strict=True))
    untouched = [
        row for row in range(len(rows)) if len({named[o] for o in np.flatnonzero(groups == groups[row])}) == 1
    ]
    assert all(splits[row] == named[row] for row in untouched)


def test_an_unknown_split_is_an_error_that_names_what_was_found() -> None:
    values = ["train", "holdout", "holdout", "", *"abcdef"]
    with pytest.raises(
        TableError, match=r"'holdout' \(2 rows\), '' \(1 row\).* and 3 other values; write train"
    ):
        split_by_column(values, np.arange(len(values)))


def test_equal_then_near_then_split_keeps_every_copy_on_one_side() -> None:
    draw = random.Random(5)
    vocabulary = [f"w{i}" for i in range(300)]
    originals = [" ".join(draw.choices(vocabulary, k=30)) for _ in range(60)]
    texts = [copy for text in originals for copy in (text, text.upper() + "!", text + " again")]
    groups = near_groups(texts, group_rows([texts]))
    splits = split_rows(groups, None, seed=0)
    assert splits.reshape(60, 3).min(axis=1).tolist() == splits.reshape(60, 3).max(axis=1).tolist()
    assert np.bincount(splits).tolist() == [144, 18, 18]
