"""Rows into train, validation and test, so that equal and near-equal texts stay on one side."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from math import inf
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from finetable.data.disjoint_sets import DisjointSets
from finetable.data.folding import fold, text_hash
from finetable.data.near_duplicates import near_groups
from finetable.errors import TableError
from finetable.wording import counted

__all__ = ["SplitName", "fold", "group_rows", "near_groups", "split_by_column", "split_rows", "text_hash"]

SplitName = Literal["train", "validation", "test"]

_SPLITS: tuple[SplitName, ...] = get_args(SplitName)
_TRAIN, _VALIDATION, _TEST = range(len(_SPLITS))
_SPELLINGS = {
    **dict.fromkeys(("train", "training"), _TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development", "eval", "evaluation"), _VALIDATION),
    **dict.fromkeys(("test", "testing"), _TEST),
}
_GROUPS_FOR_A_TRAINING_ROW = 3
_GROUPS_FOR_EVERY_SPLIT = 10
_ALL_ROWS = -1  # stands beside the labels' numbers, so that the splits' sizes are kept like a label's

_Contents = tuple[tuple[int, int], ...]
"""What a group holds: (label, rows) for each of its labels and for _ALL_ROWS."""


def group_rows(keys: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Return a group number for each row; rows that are equal in a key column share it.

    Equal means equal after folding; rows are linked through others too. A cell that folds to nothing
    links to none.

    Args:
        keys: the key columns, each with one text per row.

    Returns:
        (rows,) numbers from 0 on, in the order of a hash of the groups' texts: they do not depend on the
        order of the rows, except those of rows without any text, which come in their own order.
    """
    rows = len(keys[0])
    links = DisjointSets(rows)
    digests = [b""] * rows
    for column in keys:
        first_with: dict[bytes, int] = {}
        for row, text in enumerate(column):
            folded = fold(text)
            digest = blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            digests[row] += digest
            if folded:
                links.join(row, first_with.setdefault(digest, row))
    roots = links.names().tolist()
    least: dict[int, bytes] = {}
    for root, digest in zip(roots, digests, strict=True):
        least[root] = min(digest, least.get(root, digest))
    numbers = {
        root: number for number, root in enumerate(sorted(least, key=lambda root: (least[root], root)))
    }
    return np.array([numbers[root] for root in roots], dtype=np.int64)


def split_rows(
    groups: NDArray[np.int64],
    labels: Sequence[str] | None,
    seed: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> NDArray[np.int8]:
    """Return the split of each row: whole groups, with each label's rows in the given proportions.

    Groups with the same labels and sizes are dealt out by the fractions in a random order, so that large
    groups do not gather in one split; what is left over goes, the largest first, to the split that is
    farthest behind in its labels. A label that stands in at least 3 groups has a row in train, and with at
    least 10 groups no split is empty.

    The answer follows from the group numbers, the labels, the seed and the fractions; the order of the
    rows plays no part, as `group_rows` numbers the groups by their texts.

    Args:
        groups: (rows,) group numbers.
        labels: one per row; None to keep the splits' sizes only.
        seed: decides which groups go where.
        fractions: of train, validation and test; they add up to 1, and train has some.

    Returns:
        (rows,) 0 train, 1 validation, 2 test.
    """
    assert fractions[_TRAIN] > 0 <= min(fractions), "train needs a fraction, and none is below zero"
    assert abs(sum(fractions) - 1) < 1e-9, "the fractions add up to 1"
    _, group_of = np.unique(groups, return_inverse=True)
    contents = _contents(group_of, labels)
    shuffled = _shuffled(len(contents), seed)
    splits = _dealt_out(contents, shuffled, fractions)
    _give_every_label_a_training_row(contents, shuffled, splits)
    _fill_empty_splits(contents, shuffled, splits, fractions)
    return splits[group_of]


def split_by_column(values: Sequence[str], groups: NDArray[np.int64]) -> tuple[NDArray[np.int8], int]:
    """Return the split that a column names for each row, and how many rows were moved.

    A group that the column puts into several splits goes to test if it names test, else to validation:
    every row that a person set aside for judging stays set aside, and its copies leave training.

    Args:
        values: train, validation (also valid, val, dev, development, eval, evaluation) or test, in any
            case, one per row.
        groups: (rows,) group numbers.

    Returns:
        splits (rows,): 0 train, 1 validation, 2 test.
        moved: rows whose split is not the one that the column names.

    Raises:
        TableError: a value names no split.
    """
    names = [value.strip().casefold() for value in values]
    unknown = Counter(value for value, name in zip(values, names, strict=True) if name not in _SPELLINGS)
    if unknown:
        found = ", ".join(f"{value!r} ({counted(rows, 'row')})" for value, rows in unknown.most_common(5))
        others = f" and {len(unknown) - 5} other values" if len(unknown) > 5 else ""
        raise TableError(
            f"The split column holds {found}{others}; "
            "write train, validation or test into every row, or take the rows out."
        )
    named = np.array([_SPELLINGS[name] for name in names], dtype=np.int8)
    _, group_of = np.unique(groups, return_inverse=True)
    of_group = np.zeros(int(group_of.max(initial=-1)) + 1, dtype=np.int8)
    np.maximum.at(of_group, group_of, named)
    splits = of_group[group_of]
    return splits, int(np.count_nonzero(splits != named))


def _shuffled(groups: int, seed: int) -> list[int]:
    """Return the groups in the order of a hash of their number and the seed, the same in every numpy."""
    return sorted(
        range(groups), key=lambda group: blake2b(f"{seed} {group}".encode(), digest_size=8).digest()
    )


def _contents(group_of: NDArray[np.int64], labels: Sequence[str] | None) -> list[_Contents]:
    """Return what each group holds; labels are numbered in alphabetical order."""
    groups = int(group_of.max(initial=-1)) + 1
    held: list[list[tuple[int, int]]] = [[] for _ in range(groups)]
    if labels is not None:
        numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
        label_of = np.array([numbers[label] for label in labels], dtype=np.int64)
        pairs, rows = np.unique(group_of * len(numbers) + label_of, return_counts=True)
        for pair, count in zip(pairs.tolist(), rows.tolist(), strict=True):
            group, label = divmod(pair, len(numbers))
            held[group].append((label, count))
    for group, count in enumerate(np.bincount(group_of, minlength=groups).tolist()):
        held[group].append((_ALL_ROWS, count))
    return [tuple(group) for group in held]


def _rows(contents: _Contents) -> int:
    return contents[-1][1]


class _Fill:
    """How many rows of each label every split holds, beside how many it should hold."""

    def __init__(self, contents: Sequence[_Contents], fractions: tuple[float, float, float]) -> None:
        totals: Counter[int] = Counter()
        for held in contents:
            totals.update(dict(held))
        # Labels of a row or two are nearest to their shares in train; a thousand such must not all go there.
        rare = sum(rows < _GROUPS_FOR_EVERY_SPLIT for rows in totals.values())
        importance = dict.fromkeys(totals, 1) | {_ALL_ROWS: max(1, rare)}
        self._weights = {  # label -> split -> weight over the rows that it should hold
            label: [importance[label] / (rows * fraction) if fraction > 0 else inf for fraction in fractions]
            for label, rows in totals.items()
        }
        self._rows = {label: [0] * len(fractions) for label in totals}

    def put(self, contents: _Contents, split: int, times: int = 1) -> None:
        """Count groups of these contents in a split."""
        for label, count in contents:
            self._rows[label][split] += count * times

    def farthest_behind(self, contents: _Contents) -> int:
        """Return the split that a group should go to.

        The one that adds least to Pearson's chi-squared between the rows that the splits hold and those
        that they should hold, summed over labels; for single rows that is the Sainte-Laguë method.
        """
        costs = [0.0] * len(_SPLITS)
        for label, count in contents:
            rows, weights = self._rows[label], self._weights[label]
            for split in range(len(_SPLITS)):
                costs[split] += count * (2 * rows[split] + count) * weights[split]
        return costs.index(min(costs))


def _dealt_out(
    contents: Sequence[_Contents], shuffled: Sequence[int], fractions: tuple[float, float, float]
) -> NDArray[np.int8]:
    """Return the split of each group, (groups,)."""
    splits = np.empty(len(contents), dtype=np.int8)
    fill = _Fill(contents, fractions)
    alike: defaultdict[_Contents, list[int]] = defaultdict(list)
    for group in shuffled:
        alike[contents[group]].append(group)
    left_over: list[int] = []
    for held, groups in alike.items():
        dealt = 0
        for split, fraction in enumerate(fractions):
            # Single rows come last, one by one: they even out what larger groups left uneven.
            share = int(len(groups) * fraction) if _rows(held) > 1 else 0
            splits[groups[dealt : dealt + share]] = split
            fill.put(held, split, share)
            dealt += share
        left_over += groups[dealt:]
    for group in sorted(left_over, key=lambda group: _rows(contents[group]), reverse=True):
        splits[group] = fill.farthest_behind(contents[group])
        fill.put(contents[group], int(splits[group]))
    return splits


def _groups_of_labels(contents: Sequence[_Contents], shuffled: Sequence[int]) -> dict[int, list[int]]:
    """Return the groups in which each label stands, the smallest first, for labels that stand in enough."""
    groups_of: defaultdict[int, list[int]] = defaultdict(list)
    for group in sorted(shuffled, key=lambda group: _rows(contents[group])):
        for label, _ in contents[group]:
            groups_of[label].append(group)
    return {label: groups for label, groups in groups_of.items() if len(groups) >= _GROUPS_FOR_A_TRAINING_ROW}


def _give_every_label_a_training_row(
    contents: Sequence[_Contents], shuffled: Sequence[int], splits: NDArray[np.int8]
) -> None:
    for groups in _groups_of_labels(contents, shuffled).values():
        if not (splits[groups] == _TRAIN).any():
            splits[groups[0]] = _TRAIN


def _fill_empty_splits(
    contents: Sequence[_Contents],
    shuffled: Sequence[int],
    splits: NDArray[np.int8],
    fractions: tuple[float, float, float],
) -> None:
    """Move the smallest group that can be spared into each split that has none.

    One always can: either the other judging split has two groups, or train has all groups but one, and
    then every label that stands in three groups is in train twice.
    """
    if len(contents) < _GROUPS_FOR_EVERY_SPLIT:
        return
    groups_of = _groups_of_labels(contents, shuffled)
    for empty, fraction in enumerate(fractions):
        if fraction == 0 or (splits == empty).any():
            continue
        needed = {
            groups[int(np.argmax(in_train))]
            for groups in groups_of.values()
            if np.count_nonzero(in_train := splits[groups] == _TRAIN) == 1
        }
        can_be_spared = (
            group
            for group in groups_of[_ALL_ROWS]
            if group not in needed and np.count_nonzero(splits == splits[group]) > 1
        )
        splits[next(can_be_spared)] = empty
