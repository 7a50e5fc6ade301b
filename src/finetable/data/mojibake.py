"""UTF-8 that was read as Windows-1252 or Latin-1, told from text that is spelled so."""

import re

# Windows-1252 leaves five bytes undefined; Latin-1 and most readers give them the code of the byte.
_HIGH = bytes(range(0x80, 0xC0))
_CONTINUATION_OF = {
    **{chr(byte): byte for byte in _HIGH},
    **{
        char: 0x80 + place
        for place, char in enumerate(_HIGH[:0x20].decode("cp1252", "replace"))
        if char != "\ufffd"
    },
}
_CONTINUATION = "[" + "".join(map(re.escape, _CONTINUATION_OF)) + "]"
_SEQUENCES = re.compile(
    rf"(?:[\u00c2-\u00df]{_CONTINUATION}|[\u00e0-\u00ef]{_CONTINUATION}{{2}}"
    rf"|[\u00f0-\u00f4]{_CONTINUATION}{{3}})+"
)
# The closing quote “ loses its third byte where the undefined ones are dropped; read as Mac Roman, the
# typographic quotes and dashes all begin with ‚Ä.
_CERTAIN = re.compile("\ufffd|â€|‚Ä|ï»¿")
_PUNCTUATION = frozenset("\u00a0«»‘’“”„‚‹›…–—·¡¿°ºª")
"""What may follow an accented letter in well-spelled text; by itself it proves nothing."""


_IN_RUNS_ONLY = frozenset("ÐÑ×ØÙÞß")
"""Cyrillic, Hebrew, Arabic letters begin with these: one alone is more likely a letter or a sign."""


def find_mojibake(text: str) -> tuple[int, int] | None:
    """Where the first proof of mojibake begins and ends in a text; None where there is none.

    A proof is U+FFFD, or characters whose bytes in Windows-1252 are well-formed UTF-8 and which no
    spelling puts together: `NÃO`, `l’été`, `Spaß“` and `đã…` are left alone.
    """
    if text.isascii():
        return None
    certain = _CERTAIN.search(text)
    if certain is not None:
        return certain.span()
    for found in _SEQUENCES.finditer(text):
        if _decodes(found.group()) and _is_unspellable(text, found):
            return found.span()
    return None


def _decodes(run: str) -> bool:
    """Whether the bytes are well-formed UTF-8, and no Samaritan, which `à €` with a hard space would be."""
    try:
        decoded = bytes(_CONTINUATION_OF.get(char, ord(char) & 0xFF) for char in run).decode()
    except UnicodeDecodeError:
        return False
    return not any("\u0800" <= char <= "\u083f" for char in decoded)


def _is_unspellable(text: str, found: re.Match[str]) -> bool:
    run = found.group()
    followers = [char for char in run if char in _CONTINUATION_OF]
    leads = len(run) - len(followers)
    if leads > 1:
        return True
    if run[0] in _IN_RUNS_ONLY:
        return False
    if any(char not in _PUNCTUATION for char in followers):
        return True
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    return run[0].isupper() and (before.islower() or (after.islower() and run[0] in "ÂÃÄÅ"))
