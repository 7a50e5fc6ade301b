"""Cells that a person should look at before a model learns from them."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from finetable.data.column_texts import ColumnTexts
from finetable.data.columns import is_name_list, is_title_like
from finetable.data.mojibake import find_mojibake
from finetable.data.profile import ColumnProfile, Suspicion, SuspicionKind
from finetable.data.scripts import is_in_another_script, usual_script
from finetable.data.table import Table

EXCERPT_LETTERS = 80

_Span = tuple[int, int]
_Check = Callable[[str], _Span | None]

# A letter beyond ASCII is two or more bytes in UTF-8, and each may have become several blanks. What follows
# the end of a sentence is layout.
_GAP = re.compile(r"(?<=[^\s.!?:;]) {4,}(?=\S)|(?<=\S) {4,}$")
_SHORT_GAP = re.compile(r"(?<=[^\s.!?:;]) {2,3}(?=\S)")
_PADDED_SHARE = 0.2
_LOST_APOSTROPHE = re.compile(r"[a-z]{2}\?(?:s|t|re|ve|ll|d|m)(?=[\s,.;:]|$)")
_LOST_IN_NAME = re.compile(r"[^\W\d_]\?[a-z]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Possessive and bounded, so that a long text without blanks takes no longer than others.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{2,64}+@(?P<host>(?:[\w-]{1,63}+\.){1,8})[a-z]{2,24}+(?!\w)")
_HOST_LETTER = re.compile(r"[A-Za-z][\w-]+\.$")
_PHONE = re.compile(
    r"(?<![\w.,+/=-])(?:"
    r"\+[1-9]\d{0,2}[ -]?(?:\(0?\d{1,4}\)[ -]?)?\d{1,4}(?:[ -]?\d{2,4}){2,4}"
    r"|(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d(?P<mark>[-.]))[2-9]\d\d[-.]\d{4}"
    r"|0[1-9](?P<blank>[ .-])\d\d(?:(?P=blank)\d\d){3}"
    r"|0\d{2,4}[ -]\d{3,4} \d{3,4}"
    r")(?![\w%]|[.,:/-]\d|-\w)"
)
_PHONE_DIGITS = range(9, 16)
_MAY_BE_PHONE = re.compile(r"\d[\d ().-]{6}")

_KINDS: tuple[SuspicionKind, ...] = get_args(SuspicionKind)
_TEXTS_FOR_SCRIPT = 1000

_SHORT_FLOOR_WORDS = 15
_LONG_FLOOR_WORDS = 8
_IQR_FACTOR = 3.0
_LEAST_LOG_IQR = 0.25
_LONG_MEDIANS = 2.5
_SHORT_MEDIANS = 0.25


def suspicions(
    table: Table, columns: Sequence[ColumnProfile], lengths: dict[str, NDArray[np.int64]]
) -> tuple[Suspicion, ...]:
    """Every cell that looks damaged, out of place or private, in the order of its kind, column and line.

    Columns of texts are searched for all kinds; lists and short columns that hold names for mojibake,
    lost letters and HTML entities only.

    Args:
        table: the rows.
        columns: what `column_profiles` found.
        lengths: (rows,) words of each cell of the text columns.
    """
    found: list[Suspicion] = []
    for column in columns:
        if column.kind not in ("text", "id", "list"):
            continue
        texts = ColumnTexts(table.texts(column.name))
        if column.kind == "id" and not is_title_like(texts):
            continue
        for kind, check in _checks(texts, column.kind == "text").items():
            found += _search(table, column.name, texts, kind, check)
        if column.kind == "text":
            found += _unusual_lengths(table, column.name, texts, lengths[column.name])
    return tuple(sorted(found, key=lambda one: _KINDS.index(one.kind)))


def excerpt_of(text: str, start: int = 0, end: int = 0) -> str:
    """At most EXCERPT_LETTERS of a text about a place, on one line, with an ellipsis where it is cut."""
    first = max(0, min((start + end - EXCERPT_LETTERS) // 2, len(text) - EXCERPT_LETTERS))
    piece = text[first : first + EXCERPT_LETTERS]
    before = "…" if first else ""
    after = "…" if first + EXCERPT_LETTERS < len(text) else ""
    return before + re.sub(r"[\r\n\t]", " ", piece) + after


def _checks(texts: Sequence[str], is_text: bool) -> dict[SuspicionKind, _Check]:
    lost_sign = _LOST_APOSTROPHE if is_text else _LOST_IN_NAME
    checks: dict[SuspicionKind, _Check] = {
        "mojibake": find_mojibake,
        "letters lost": partial(_find_lost_letters, gaps=_has_telling_gaps(texts), sign=lost_sign),
        "HTML entities": _find_entity,
    }
    if not is_text:
        return checks
    usual = usual_script(texts[:: max(1, len(texts) // _TEXTS_FOR_SCRIPT)])
    if usual is not None:
        checks["another script"] = partial(_find_other_script, usual=usual)
    return checks | _PERSONAL


def kind_of_personal_data(text: str) -> SuspicionKind | None:
    """The first kind of personal data that a text seems to hold, None for none."""
    return next((kind for kind, check in _PERSONAL.items() if check(text) is not None), None)


def _has_telling_gaps(texts: Sequence[str]) -> bool:
    """Whether wide gaps are rare damage: not the habit of people who type two blanks, and not padding."""
    if sum(1 for text in texts if text.endswith("    ")) > _PADDED_SHARE * len(texts):
        return False
    wide = sum(1 for text in texts if "    " in text and _GAP.search(text))
    short = sum(1 for text in texts if "  " in text and _SHORT_GAP.search(text))
    return wide >= short


def _search(
    table: Table, column: str, texts: Sequence[str], kind: SuspicionKind, check: _Check
) -> Iterator[Suspicion]:
    for row, text in enumerate(texts):
        span = check(text)
        if span is not None:
            yield Suspicion(kind, column, int(table.lines[row]), excerpt_of(text, *span))


def _find_lost_letters(text: str, gaps: bool, sign: re.Pattern[str]) -> _Span | None:
    """Blanks or a question mark in a place where only a letter or an apostrophe can have stood."""
    found = _GAP.search(text) if gaps and "    " in text else None
    if found is None and "?" in text:
        found = sign.search(text)
    return found.span() if found else None


def _find_entity(text: str) -> _Span | None:
    if "&" not in text:
        return None
    for found in _ENTITY.finditer(text):
        if html.unescape(found.group()) != found.group():
            return found.span()
    return None


def _find_other_script(text: str, usual: str) -> _Span | None:
    return (0, 0) if is_in_another_script(text, usual) else None


def _find_email(text: str) -> _Span | None:
    if "@" not in text:
        return None
    for found in _EMAIL.finditer(text):
        if _HOST_LETTER.search(found["host"]):
            return found.span()
    return None


def _find_phone(text: str) -> _Span | None:
    if _MAY_BE_PHONE.search(text) is None:
        return None
    for found in _PHONE.finditer(text):
        if sum(map(str.isdecimal, found.group())) in _PHONE_DIGITS:
            return found.span()
    return None


_PERSONAL: dict[SuspicionKind, _Check] = {"e-mail address": _find_email, "phone number": _find_phone}


def _unusual_lengths(
    table: Table, column: str, texts: Sequence[str], lengths: NDArray[np.int64]
) -> Iterator[Suspicion]:
    """Texts far outside the quartiles of their column, on the scale of logarithms.

    Tukey's outer fences (Exploratory data analysis, 1977), and in any case 2.5 times or a quarter of the
    median; columns of short texts, and lists of names, have none that are very short.
    """
    filled = np.log(lengths[lengths > 0])
    if not len(filled):
        return
    low, middle, high = np.percentile(filled, [25, 50, 75])
    reach = _IQR_FACTOR * max(_LEAST_LOG_IQR, high - low)
    long = max(high + reach, middle + np.log(_LONG_MEDIANS), np.log(_LONG_FLOOR_WORDS))
    short = min(low - reach, middle + np.log(_SHORT_MEDIANS))
    logs = np.log(np.maximum(lengths, 1))
    for row in np.flatnonzero(logs > long).tolist():
        yield Suspicion("very long", column, int(table.lines[row]), excerpt_of(texts[row]))
    if middle < np.log(_SHORT_FLOOR_WORDS) or is_name_list(texts):
        return
    for row in np.flatnonzero((logs < short) & (lengths > 0)).tolist():
        yield Suspicion("very short", column, int(table.lines[row]), excerpt_of(texts[row]))
