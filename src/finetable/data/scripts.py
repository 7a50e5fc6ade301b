"""Which script the texts of a column are written in, and which texts are written in another."""

import re
from collections.abc import Sequence

_LETTERS = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "Latin": re.compile(
        "[A-Za-zªº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]+"
    ),
    "Cyrillic": re.compile("[\u0400-\u052f]+"),
    "Greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]+"),
    "Armenian": re.compile("[\u0531-\u0587]+"),
    "Georgian": re.compile("[\u10a0-\u10ff\u1c90-\u1cbf]+"),
    "Hebrew": re.compile("[\u05d0-\u05ea]+"),
    "Arabic": re.compile("[\u0620-\u06ff\u0750-\u077f]+"),
    "Devanagari": re.compile("[\u0904-\u097f]+"),
    "Bengali": re.compile("[\u0980-\u09ff]+"),
    "Tamil": re.compile("[\u0b80-\u0bff]+"),
    "Telugu": re.compile("[\u0c00-\u0c7f]+"),
    "Thai": re.compile("[\u0e00-\u0e7f]+"),
    "Korean": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]+"),
    "Chinese or Japanese": re.compile(
        "[\u3041-\u30ff\u3105-\u312f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
    ),
}
_USUAL_SHARE = 0.9
_FEWEST_LETTERS = 10


def usual_script(sample: Sequence[str]) -> str | None:
    """The script that holds most letters of nine texts in ten; None where no script does."""
    lettered = [text for text in sample if _LETTERS.search(text)]
    for name in _SCRIPTS:
        within = sum(1 for text in lettered if not _is_elsewhere(text, name, fewest=1))
        if lettered and within >= _USUAL_SHARE * len(lettered):
            return name
    return None


def is_in_another_script(text: str, usual: str) -> bool:
    """Whether fewer than half of the letters, of at least ten, belong to the usual script."""
    return _is_elsewhere(text, usual, _FEWEST_LETTERS)


def _is_elsewhere(text: str, script: str, fewest: int) -> bool:
    if script == "Latin" and text.isascii():
        return False
    letters = sum(map(len, _LETTERS.findall(text)))
    if letters < fewest:
        return False
    usual = "".join(_SCRIPTS[script].findall(text))
    return 2 * sum(map(len, _LETTERS.findall(usual))) < letters
