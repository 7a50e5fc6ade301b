"""What makes two texts equal, and what a word is: the two rules that splits and copies share."""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def _combining_marks() -> str:
    """Ranges, for a character class, of the marks that belong to the letter before them.

    Python's `\\w` leaves marks out, which would cut Hindi, Tamil or pointed Hebrew into single letters.
    Only the first plane: marks beyond it make the class four times slower. Variation selectors are
    left out because they follow emoji.
    """
    codes = [
        code
        for code in range(0x300, 0x10000)
        if unicodedata.category(chr(code)) in ("Mn", "Mc") and not 0xFE00 <= code <= 0xFE0F
    ]
    return "".join(map(chr, codes))


UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""For a character class: Thai and Lao, Myanmar, Khmer, kana, Han, where no space stands between words, so
that each character is one."""
TERM = rf"[{UNSPACED}]|[^\W{UNSPACED}]{{2,}}"
"""What TF-IDF counts: words of two letters at least, as scikit-learn does, and single characters of these
scripts."""
_MARK = f"[{_combining_marks()}]"
_RUN = rf"(?:[^\W_{UNSPACED}]++{_MARK}*+)++"
_WORD = re.compile(rf"{_RUN}(?:'{_RUN})*+|[{UNSPACED}]{_MARK}*+")
_ASCII_WORD = re.compile(r"[a-z0-9]++(?:'[a-z0-9]++)*+")
# A mark belongs to the letter before it: without it the Hindi words for day, poor and gift were one.
_NOT_LETTER_OR_DIGIT = re.compile(rf"(?:[^\w{_combining_marks()}]|_)++{_MARK}*+")
_ASCII_NOT_LETTER_OR_DIGIT = {code: None for code in range(128) if not chr(code).isalnum()}
# Right and left quote, modifier letter, grave and acute accent: all are written for an apostrophe.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc`\u00b4", "'"))


def _without_case(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fold(text: str) -> str:
    """Return what equal texts have in common: their letters with marks and digits, without case and width.

    NFKC and casefold (The Unicode Standard, section 3.13, default caseless matching), then nothing but
    letters, their marks, and digits; what serves as an apostrophe is neither. A text without any, such as an
    emoji, folds to itself without the space around it.
    """
    if text.isascii():
        return text.lower().translate(_ASCII_NOT_LETTER_OR_DIGIT) or text.strip()
    return _NOT_LETTER_OR_DIGIT.sub("", _without_case(text.translate(_APOSTROPHES))) or text.strip()


def text_hash(text: str) -> str:
    """Return 16 hexadecimal digits that equal texts share: BLAKE2b of the folded text in UTF-8."""
    return blake2b(fold(text).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def words(text: str) -> list[str]:
    """Return the words of a text, folded: the unit of "copied words".

    A word is a run of letters with their marks, digits, and apostrophes between them; in a script that
    puts no space between words it is one character.
    """
    text = text.translate(_APOSTROPHES)
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(_without_case(text))


class WordNumbers(dict[str, int]):
    """Words by number; a word looked up for the first time gets the next number."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def number_words(
    texts: Iterable[str], number_of: Callable[[str], int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the words of all texts as numbers, and where each text begins.

    Takes the texts one at a time, so that they may come from a file.

    Returns:
        ids (words of all texts,): the texts one after the other.
        starts (texts + 1,): text i is `ids[starts[i] : starts[i + 1]]`.
    """
    ids = array("i")
    starts = array("q", [0])
    for text in texts:
        ids.extend(map(number_of, words(text)))
        starts.append(len(ids))
    # Not copied: they are as long as all texts have words.
    return np.frombuffer(ids, dtype=np.int32), np.frombuffer(starts, dtype=np.int64)
