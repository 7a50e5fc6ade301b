"""What texts begin and end with alike, and whether it can serve as a separator or an ending."""

import re
from collections.abc import Sequence

SEPARATORS = ("\n\n###\n\n", "\n\n===\n\n", "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n")
"""What may end a prompt, the first that stands in none of them; `->` goes before these on single lines."""

ARROW, LAST_SEPARATOR = " ->", "\n\n### =>\n\n"

ENDINGS = ("\n", ".", " END", "***", "+++", "&&&", "$$$", "@@@", "%%%")
"""What may end a completion, the first that stands in none of them."""

LAST_ENDING = " [END]"

_EVERY_SEPARATOR = (LAST_SEPARATOR, *SEPARATORS, ARROW)
_MARKS = re.compile(r"[#=\->*+&$@%|<~^_/\\]{2,}\s*\Z")
_FIRST_SIGN = re.compile(r"\s*[\n#=\->*+&$@%|<~^_/\\]")
_WORD_BEGINS = re.compile(r"\W(?=\w*\Z)")


def common_prefix(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    # Whatever the least and the greatest share in the order of characters, all between them share.
    least, greatest = min(texts), max(texts)
    return least[: _shared_length(least, greatest)]


def common_suffix(texts: Sequence[str]) -> str:
    """What all texts end with."""
    return common_prefix([text[::-1] for text in texts])[::-1]


def whole_words_prefix(texts: Sequence[str]) -> str:
    """What all texts begin with, up to where a word begins: nothing is ever cut off within one."""
    shared = common_prefix(texts)
    found = _WORD_BEGINS.search(shared)
    return shared[: found.end()] if found else ""


def new_separator(prompts: Sequence[str]) -> str:
    """A separator that stands in no prompt."""
    candidates = SEPARATORS if any("\n" in prompt for prompt in prompts) else (ARROW, *SEPARATORS)
    return next((mark for mark in candidates if not _stands_in(mark, prompts)), LAST_SEPARATOR)


def new_ending(completions: Sequence[str]) -> str:
    """An ending that stands in no completion."""
    return next((mark for mark in ENDINGS if not _stands_in(mark, completions)), LAST_ENDING)


def separator_of(prompts: Sequence[str]) -> str:
    """The separator that all prompts end with; "" where what they share is only their last words.

    A shared question mark or ` is here` tells no model where a prompt ends. A separator is one that we
    would add ourselves, or holds a line break, or ends in two or more marks such as `=>`.
    """
    shared = common_suffix(prompts)
    ours = next((mark for mark in _EVERY_SEPARATOR if shared.endswith(mark)), None)
    return _mark_in(shared) if ours is None else ours


def ending_of(completions: Sequence[str]) -> str:
    """The ending of all completions, told as `separator_of` tells a separator.

    A full stop and ` END` are words of a text as well: they are an ending where they stand nowhere else.
    """
    shared = common_suffix(completions)
    if shared.endswith(LAST_ENDING):
        return LAST_ENDING
    for mark in ENDINGS:
        if shared.endswith(mark):
            is_mark = mark not in (".", " END") or all(text.count(mark) == 1 for text in completions)
            return mark if is_mark else ""
    return _mark_in(shared)


def _shared_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (first, second) in pairs if first != second), min(len(one), len(other)))


def _mark_in(shared: str) -> str:
    if "\n" not in shared and _MARKS.search(shared) is None:
        return ""
    found = _FIRST_SIGN.search(shared)
    assert found is not None
    return shared[found.start() :]


def _stands_in(mark: str, texts: Sequence[str]) -> bool:
    return any(mark in text for text in texts)
