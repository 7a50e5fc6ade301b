"""Texts with the words marked that one copies from another."""

from dataclasses import dataclass
from itertools import groupby

from finetable.data.copies import Copy
from finetable.data.folding import words

MOST_CHARACTERS = 1_200
"""Of a text beside which another is shown; what is cut is said by …."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, marked or not."""

    text: str
    marked: bool


@dataclass(frozen=True)
class CopiedPair:
    """A written text and the training text that it copies most of, which begins on `line` of the table."""

    copied_words: int
    written: tuple[Piece, ...]
    source: tuple[Piece, ...]
    line: int


def copied_pair(written: str, source: str, copy: Copy, line: int) -> CopiedPair:
    """Mark the longest run of words that the two texts share, as `copy` found it."""
    run = words(written)[copy.start : copy.start + copy.words]
    return CopiedPair(
        copy.words,
        marked(written, copy.start, len(run)),
        marked(source, place_of(words(source), run), len(run)),
        line,
    )


def place_of(text: list[str], run: list[str]) -> int:
    """Where a run of words begins in a text, counted in words; 0 where it does not stand there."""
    return next((at for at in range(len(text) - len(run) + 1) if text[at : at + len(run)] == run), 0)


def marked(text: str, start: int, count: int) -> tuple[Piece, ...]:
    """The text in pieces, with `count` words from word `start` on marked.

    A word of folding never reaches over a blank, so blanks are where a text can be taken apart. In a script
    without blanks the whole stretch between two blanks is marked.
    """
    spans, passed = [], 0
    for token in _tokens(text):
        inside = len(words(token))
        is_marked = inside > 0 and passed < start + count and passed + inside > start
        spans.append((token, is_marked))
        passed += inside
    pieces = [
        Piece("".join(token for token, _ in group), is_marked)
        for is_marked, group in groupby(_blanks_joined(spans), key=lambda span: span[1])
    ]
    return _shortened(pieces)


def _tokens(text: str) -> list[str]:
    """The text cut before and after every stretch of blanks; joined they are the text."""
    return ["".join(group) for _, group in groupby(text, key=str.isspace)]


def _blanks_joined(spans: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Blanks between two marked stretches are marked too."""
    joined = []
    for place, (token, is_marked) in enumerate(spans):
        between = 0 < place < len(spans) - 1 and spans[place - 1][1] and spans[place + 1][1]
        joined.append((token, is_marked or (token.isspace() and between)))
    return joined


def _shortened(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Cut what is not marked where the text is too long to be shown."""
    if sum(len(piece.text) for piece in pieces) <= MOST_CHARACTERS:
        return tuple(pieces)
    room = MOST_CHARACTERS // 4
    kept = []
    for place, piece in enumerate(pieces):
        text = piece.text
        if not piece.marked and len(text) > 2 * room:
            head = "" if place == 0 else text[:room]
            tail = "" if place == len(pieces) - 1 else text[-room:]
            text = f"{head} … {tail}"
        kept.append(Piece(text, piece.marked))
    return tuple(kept)
