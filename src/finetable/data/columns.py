"""What each column of a table holds, and what it could serve for."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finetable.data.column_texts import ColumnTexts
from finetable.data.folding import words
from finetable.data.profile import ColumnKind, ColumnProfile
from finetable.data.table import Table

CELLS_LOOKED_AT = 5000
"""Kinds are judged by at most so many cells, drawn evenly over the column."""

MOST_LABELS = 1000
TEXT_WORDS = 5

_NEARLY_ALL = 0.95
_ROWS_PER_LABEL = 4
_FEW_LABELS = 20
_LEAST_ROWS = 10
_LABEL_LETTERS = 60
_ROWS_PER_NUMBERED_LABEL = 10
_LIST_CELLS = 0.05
_LIST_PARTS_DISTINCT = 0.8
_PART_WORDS = 4
_LIST_SEPARATORS = (",", ";", "|")
_SEPARATORS = (*_LIST_SEPARATORS, " ")
_PLAIN_WORD = re.compile(r"[^\W\d_]+[.,:]?")
_NAME_BONUS = 0.5
_GIVEN_KINDS = ("text", "label", "list")

_NUMBER = re.compile(r"[-+−]?[$€£¥]? ?\d[\d.,'_]*(?:[eE][-+]?\d+)? ?[%$€£¥]?|[-+−]?\.\d+")
_YEAR = re.compile(r"1\d{3}|20\d\d")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_TIME = r"(?:[T ,]+\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]m)?(?: ?(?:Z|UTC|[-+]\d\d:?\d\d))?)?"
_DATE = re.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}[- .]+{_MONTH}[-, ]+\d{{2,4}}){_TIME}",
    re.IGNORECASE,
)
_ID_NAME = re.compile(r"(?:.*[_\-. ])?(?:id|uuid|index|key|row|no|nr)|(?-i:.*[a-z]ID)|", re.IGNORECASE)
_LABEL_NAME = re.compile(
    r"(?:.*[_\-. ])?(?:label|class|category|genre|sentiment|target|topic|intent|emotion|stance)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Cells:
    """What is known of the cells of a column that are not blank."""

    name: str
    filled: pa.ChunkedArray
    sample: list[str]
    distinct: int
    spaced_words: float

    @property
    def count(self) -> int:
        return len(self.filled)


def column_profiles(table: Table) -> tuple[ColumnProfile, ...]:
    """The kind, the guessed role and the counts of each column, in the table's order.

    Kinds are judged by at most CELLS_LOOKED_AT cells, as is `median_words`; what is missing and distinct
    is counted over all. The longest text is guessed to be what is written, and the closed set that is
    named like a label or spread most evenly over the rows to be the label.
    """
    profiles = []
    balances: dict[str, float] = {}
    for name in table.column_names:
        cells, missing = _cells(table, name)
        kind, values = _kind(cells)
        counted = median(len(words(text)) for text in cells.sample) if cells.sample else 0.0
        role = "given" if kind == "id" and is_title_like(cells.sample) else ""
        profiles.append(ColumnProfile(name, kind, role, missing, cells.distinct, float(counted), values))
        if kind == "label":
            balances[name] = _plausibility(cells)
    return _with_roles(profiles, balances)


def is_title_like(sample: Sequence[str]) -> bool:
    """Whether most of these short cells are names for people, with a blank or a letter beyond ASCII."""
    named = sum(1 for text in sample if " " in text.strip() or not text.isascii())
    return named * 2 > len(sample)


def is_name_list(sample: Sequence[str]) -> bool:
    """Whether most of these texts are short parts between commas or the like, as in a list of actors."""
    for separator in _LIST_SEPARATORS:
        several = [text for text in sample if separator in text]
        if 2 * len(several) > len(sample):
            parts = [len(part.split()) for text in several for part in text.split(separator)]
            return bool(np.percentile(parts, 90) <= _PART_WORDS)
    return False


def even_sample(texts: pa.ChunkedArray, most: int) -> list[str]:
    """At most `most` of the texts, drawn evenly, in their order."""
    if len(texts) <= most:
        return list(texts.to_pylist())
    places = np.linspace(0, len(texts) - 1, most).astype(np.int64)
    return list(texts.take(pa.array(places)).to_pylist())


def _cells(table: Table, name: str) -> tuple[_Cells, int]:
    texts = table.texts(name)
    blank = pc.or_(pc.equal(texts, ""), pc.utf8_is_space(texts))
    filled = texts.filter(pc.invert(blank))
    sample = even_sample(filled, CELLS_LOOKED_AT)
    spaced = median(map(_spaced_words, sample)) if sample else 0.0
    cells = _Cells(name, filled, sample, pc.count_distinct(filled).as_py(), float(spaced))
    return cells, len(texts) - len(filled)


def _spaced_words(text: str) -> int:
    """Words between blanks, so that an address is one; the project's words where no blank is needed."""
    return len(text.split()) if text.isascii() else max(len(text.split()), len(words(text)))


def _kind(cells: _Cells) -> tuple[ColumnKind, int | None]:
    """The kind of a column, and for a list how many different values its cells hold."""
    if not cells.count:
        return "empty", None
    if cells.distinct == 1 and cells.count > 1:
        return "constant", None
    if _nearly_all(_DATE, cells.sample):
        return "date", None
    if _nearly_all(_NUMBER, cells.sample):
        return _kind_of_numbers(cells), None
    values = _list_values(cells)
    if values is not None:
        return "list", values
    if _is_closed_set(cells):
        return "label", None
    short = cells.spaced_words < TEXT_WORDS
    return ("id" if short and cells.distinct >= 0.9 * cells.count else "text"), None


def _nearly_all(pattern: re.Pattern[str], sample: Sequence[str]) -> bool:
    return sum(1 for text in sample if pattern.fullmatch(text.strip())) >= _NEARLY_ALL * len(sample)


def _kind_of_numbers(cells: _Cells) -> ColumnKind:
    whole = all(text.strip().isdecimal() for text in cells.sample)
    if not whole:
        return "number"
    if cells.distinct == cells.count and cells.count > 1 and _counts_rows(cells):
        return "id"
    is_years = all(_YEAR.fullmatch(text.strip()) for text in cells.sample)
    few = cells.distinct <= _FEW_LABELS and cells.distinct * _ROWS_PER_NUMBERED_LABEL <= cells.count
    return "label" if few and not is_years else "number"


def _counts_rows(cells: _Cells) -> bool:
    # By length first, as numbers without leading zeros stand in order: int refuses very long ones.
    numbers = [(len(bare), bare) for bare in (text.strip().lstrip("0") for text in cells.sample)]
    rising = all(one < other for one, other in pairwise(numbers))
    return rising or _ID_NAME.fullmatch(cells.name) is not None


def _list_values(cells: _Cells) -> int | None:
    """How many different values stand in the cells of a list; None where the column is no list."""
    for separator in _SEPARATORS:
        several = [text for text in cells.sample if separator in text]
        if len(several) < max(2, _LIST_CELLS * len(cells.sample)):
            continue
        lengths = [len(part.split()) for text in several for part in text.split(separator)]
        if np.percentile(lengths, 90) > _PART_WORDS or (separator == " " and not _are_codes(several)):
            continue
        parts = Counter(
            part.strip()
            for cell in ColumnTexts(cells.filled)
            for part in cell.split(separator)
            if part.strip()
        )
        recur = len(parts) < _LIST_PARTS_DISTINCT * parts.total()
        if recur and (cells.distinct > MOST_LABELS or len(parts) < cells.distinct):
            return len(parts)
    return None


def _are_codes(sample: Sequence[str]) -> bool:
    """Whether nearly all that stands between blanks is more than a plain word, as in `cs.CL stat.ML`."""
    parts = [part for text in sample for part in text.split()]
    return sum(1 for part in parts if not _PLAIN_WORD.fullmatch(part)) >= _NEARLY_ALL * len(parts)


def _is_closed_set(cells: _Cells) -> bool:
    if cells.count < _LEAST_ROWS or cells.distinct > MOST_LABELS or cells.spaced_words >= TEXT_WORDS:
        return False
    if max(map(len, cells.sample)) > _LABEL_LETTERS:
        return False
    rows_per_label = 2 if cells.distinct <= _FEW_LABELS else _ROWS_PER_LABEL
    return cells.distinct * rows_per_label <= cells.count


def _plausibility(cells: _Cells) -> float:
    """Normalized entropy of the labels, less for more than _FEW_LABELS, more for the name of a label."""
    counts = np.array(pc.value_counts(cells.filled).field("counts").to_pylist(), dtype=np.float64)
    shares = counts / counts.sum()
    balance = float(-(shares * np.log(shares)).sum()) / log(max(2, len(counts)))
    bonus = _NAME_BONUS if _LABEL_NAME.fullmatch(cells.name) else 0.0
    return balance * min(1.0, _FEW_LABELS / len(counts)) + bonus


def _with_roles(profiles: list[ColumnProfile], balances: dict[str, float]) -> tuple[ColumnProfile, ...]:
    texts = [column for column in profiles if column.kind == "text"]
    roles = {column.name: "given" for column in profiles if column.role or column.kind in _GIVEN_KINDS}
    if balances:
        roles[max(balances, key=lambda name: balances[name])] = "label"
    if texts:
        roles[max(texts, key=lambda column: column.median_words).name] = "write"
    return tuple(replace(column, role=roles.get(column.name, "")) for column in profiles)
