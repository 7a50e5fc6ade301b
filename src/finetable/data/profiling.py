"""Put together everything that can be found in a table before any training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finetable.data.column_texts import ColumnTexts
from finetable.data.columns import column_profiles
from finetable.data.examples import prompt_of
from finetable.data.folding import text_hash, words
from finetable.data.lengths import Lengths
from finetable.data.pairs import EqualTexts
from finetable.data.profile import ColumnProfile, Profile
from finetable.data.suspicious import suspicions
from finetable.data.table import Table
from finetable.data.topics import topics_of, word_counts

JobKind = Literal["write", "label"]


@dataclass(frozen=True)
class _Job:
    """What is produced from what, as far as it is named."""

    target: str | None
    given: tuple[str, ...]
    kind: JobKind | None

    def roles(self, columns: tuple[ColumnProfile, ...]) -> tuple[ColumnProfile, ...]:
        """The columns with the roles that they have here; what was guessed where no job is named."""
        if self.target is None or self.kind is None:
            return columns
        roles: dict[str, str] = {**dict.fromkeys(self.given, "given"), self.target: self.kind}
        return tuple(replace(column, role=roles.get(column.name, "")) for column in columns)

    def compared(self, columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
        """The columns by which rows are compared; none where the table has no text."""
        if self.kind == "label" and self.given:
            return self.given
        if self.kind == "write" and self.target is not None:
            return (self.target,)
        texts = [column for column in columns if column.kind == "text" and column.name != self.target]
        return (max(texts, key=lambda column: column.median_words).name,) if texts else ()


def profile_table(
    table: Table,
    target: str | None,
    given: Sequence[str],
    kind: JobKind | None,
) -> Profile:
    """Find out what is in a table and what would go wrong with it.

    Rows are compared by the target column for write, by the prompt of the given columns for label, and
    else by the column that is guessed to be the text. Where no job is named, the label is guessed too.

    Args:
        table: the rows.
        target: the column to be produced; None where no job is named.
        given: the columns from which it is produced.
        kind: of the job; None where none is named.

    Raises:
        ColumnError: a column is not there.
    """
    assert (target is None) == (kind is None), "a target column and the kind of job go together"
    job = _Job(target, tuple(given), kind)
    table.require([*given, *([] if target is None else [target])])
    profile, compared = _of_columns(table, job)
    if not compared:
        return profile
    return _with_comparisons(profile, table, compared)


def glance(table: Table, target: str, given: Sequence[str], kind: JobKind) -> Profile:
    """What can be found quickly in the columns of a job: no near duplicates, topics or words are looked for.

    Raises ColumnError where a column is not there.
    """
    table.require([*given, target])
    narrow = replace(table, columns=table.columns.select([*given, target]))
    profile, compared = _of_columns(narrow, _Job(target, tuple(given), kind))
    texts, lines, filled = _compared_texts(narrow, compared)
    equal = EqualTexts.among(texts, lines)
    return _with_conflicts(replace(profile, duplicates=equal.duplicates()), narrow, equal, filled)


def _of_columns(table: Table, job: _Job) -> tuple[Profile, tuple[str, ...]]:
    """What each column says by itself, and the columns by which rows are to be compared."""
    columns = job.roles(column_profiles(table))
    words_of = {column.name: _words_of(table, column.name) for column in columns if _is_measured(column)}
    label = next((column.name for column in columns if column.role == "label"), None)
    compared = job.compared(columns)
    profile = Profile(
        name=table.name,
        format=table.format.describe(),
        notes=table.notes,
        rows=len(table),
        set_aside=table.set_aside,
        columns=tuple(_with_median(column, words_of) for column in columns),
        text=", ".join(compared),
        label=label,
        suspicions=suspicions(table, columns, words_of),
        lengths=tuple(_lengths_in_words(table, name, counted) for name, counted in words_of.items()),
        labels={} if label is None else _label_counts(table, label),
    )
    return profile, compared


def _is_measured(column: ColumnProfile) -> bool:
    return column.kind == "text" or column.role == "write"


def _words_of(table: Table, column: str) -> NDArray[np.int64]:
    """Words of each cell, (rows,); -1 where it is blank."""
    texts = (cell.as_py() for cell in table.texts(column))
    return np.fromiter((len(words(text)) if text.strip() else -1 for text in texts), np.int64, len(table))


def _with_median(column: ColumnProfile, words_of: dict[str, NDArray[np.int64]]) -> ColumnProfile:
    """The column with the median over all its cells where those were counted."""
    counted = words_of.get(column.name)
    if counted is None or not (counted >= 0).any():
        return column
    return replace(column, median_words=float(np.median(counted[counted >= 0])))


def _lengths_in_words(table: Table, column: str, counted: NDArray[np.int64]) -> Lengths:
    different = {text_hash(text) for cell in table.texts(column) if (text := cell.as_py()).strip()}
    return Lengths(column, "words", counted[counted >= 0], int((counted < 0).sum()), len(different))


def _label_counts(table: Table, label: str) -> dict[str, int]:
    """Rows of each label, the most frequent first; blank cells are no label."""
    counts = Counter(text for cell in table.texts(label) if (text := cell.as_py().strip()))
    return dict(counts.most_common())


def _compared_texts(
    table: Table, compared: Sequence[str]
) -> tuple[Sequence[str], NDArray[np.int64], NDArray[np.int64]]:
    """The texts by which rows are compared, their lines, and the places of their rows; no blank ones.

    The prompt of each row that has a given cell which is not blank.
    """
    columns = [table.texts(name) for name in compared]
    cells = [ColumnTexts(column) for column in columns]
    is_there = [any(cell.strip() for cell in row) for row in zip(*cells, strict=True)]
    filled = np.flatnonzero(np.array(is_there, np.bool_))
    if len(columns) == 1:
        return ColumnTexts(columns[0], filled), table.lines[filled], filled
    rows = zip(*cells, strict=True)
    texts = [prompt_of(compared, row) or "" for row, there in zip(rows, is_there, strict=True) if there]
    return texts, table.lines[filled], filled


def _with_comparisons(profile: Profile, table: Table, compared: Sequence[str]) -> Profile:
    """The profile with what comes of comparing the rows' texts with each other."""
    texts, lines, filled = _compared_texts(table, compared)
    equal = EqualTexts.among(texts, lines)
    topics, topic_rows = topics_of(texts, lines)
    profile = replace(
        profile,
        duplicates=equal.duplicates(),
        near_duplicates=equal.near_duplicates(),
        topics=topics,
        topic_rows=topic_rows,
        word_counts=word_counts(texts),
    )
    return _with_conflicts(profile, table, equal, filled)


def _with_conflicts(profile: Profile, table: Table, equal: EqualTexts, filled: NDArray[np.int64]) -> Profile:
    """The profile with the texts that stand under several labels, where there are labels."""
    if profile.label is None:
        return profile
    labels: list[str] = table.texts(profile.label).to_pylist()
    return replace(profile, conflicts=equal.conflicts([labels[row] for row in filled.tolist()]))
