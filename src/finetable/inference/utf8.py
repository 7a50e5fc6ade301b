"""Keeps sampling within valid UTF-8 where tokens are pieces of bytes.

A byte-level tokenizer can spell one character over several tokens; a model that strays in the middle
of it leaves bytes that decode to U+FFFD. The automaton here says which tokens may come next.
"""

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")

STATES = 8
BROKEN = STATES
TRANSITIONS = (
    (0, 0x00, 0x7F, 0),
    (0, 0xC2, 0xDF, 1),
    (0, 0xE0, 0xE0, 4),
    (0, 0xE1, 0xEC, 2),
    (0, 0xED, 0xED, 5),
    (0, 0xEE, 0xEF, 2),
    (0, 0xF0, 0xF0, 6),
    (0, 0xF1, 0xF3, 3),
    (0, 0xF4, 0xF4, 7),
    (1, 0x80, 0xBF, 0),
    (2, 0x80, 0xBF, 1),
    (3, 0x80, 0xBF, 2),
    (4, 0xA0, 0xBF, 1),
    (5, 0x80, 0x9F, 1),
    (6, 0x90, 0xBF, 2),
    (7, 0x80, 0x8F, 2),
)
"""State, first byte, last byte, next state: the grammar of RFC 3629, section 4. State 0 stands between
characters; 1, 2 and 3 lack as many bytes; 4 to 7 follow E0, ED, F0 and F4, where some second bytes would
be an overlong form, a surrogate or past U+10FFFF."""


def token_bytes(tokenizer: PreTrainedTokenizerFast) -> list[bytes | None]:
    """Give, by token id, the bytes that the token adds to a text; None for special and unknown tokens.

    The tokenizer's decoder tells what its tokens are. ByteLevel: every letter is a byte, by GPT-2's
    table (Radford et al. 2019). The decoders of SentencePiece (Kudo and Richardson 2018): text in which
    "▁" is a space and, with ByteFallback, "<0xE3>" is a byte; the space that they take off the start of
    a whole text stays. Any other: the UTF-8 of the token decoded on its own.
    """
    special = _special_ids(tokenizer)
    # A tokenizer made elsewhere may name its unknown token in the model alone.
    unknown = getattr(tokenizer.backend_tokenizer.model, "unk_token", None)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    id_of = {token: at for token, at in vocabulary.items() if token != unknown and at not in special}
    decoders = _decoders(tokenizer)
    if any(decoder["type"] == "ByteLevel" for decoder in decoders):
        bytes_of = _byte_level(list(id_of))
    elif decoders and all(_is_sentencepiece(decoder) for decoder in decoders):
        bytes_of = _sentencepiece(list(id_of), decoders)
    else:
        decoded = tokenizer.batch_decode([[token_id] for token_id in id_of.values()])
        bytes_of = [text.encode() for text in decoded]
    pieces: list[bytes | None] = [None] * (max(vocabulary.values(), default=-1) + 1)
    for token_id, its_bytes in zip(id_of.values(), bytes_of, strict=True):
        pieces[token_id] = its_bytes
    return pieces


class Utf8Constraint:
    """Which tokens may follow, by state of the text so far; state 0 is a text that may end.

    ``allowed`` (8, V) bool: whether a token continues valid UTF-8 from a state. ``following`` (8, V)
    uint8: the state after an allowed token. Tokens without bytes of their own (None, or an id past the
    pieces) are never allowed: whoever samples adds the end token, in state 0 only. An allowed token
    never leads to where no token could complete the character, so that some token is always allowed
    (if one is in state 0).
    """

    allowed: Tensor
    following: Tensor

    def __init__(self, pieces: list[bytes | None], vocabulary: int) -> None:
        """Take the pieces as ``token_bytes`` gives them and V, the width of the logits."""
        known = [(token_id, piece) for token_id, piece in enumerate(pieces[:vocabulary]) if piece is not None]
        ids = np.array([token_id for token_id, _ in known], dtype=np.int64)
        following = np.full((STATES, vocabulary), BROKEN, dtype=np.uint8)
        following[:, ids] = _states_after([piece for _, piece in known])
        completed = _states_that_reach_zero(following)
        allowed = completed[following]
        self.allowed = torch.from_numpy(allowed)
        self.following = torch.from_numpy(np.where(allowed, following, 0).astype(np.uint8))


def _states_after(pieces: list[bytes]) -> npt.NDArray[np.uint8]:
    """Run each of N pieces from each state: the states afterwards, (STATES, N), BROKEN where invalid."""
    table = np.full((STATES + 1, 256), BROKEN, dtype=np.uint8)
    for state, first, last, following in TRANSITIONS:
        table[state, first : last + 1] = following
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    joined = np.frombuffer(b"".join(pieces), dtype=np.uint8)
    longest_first = np.argsort(-lengths, kind="stable")
    states = np.repeat(np.arange(STATES, dtype=np.uint8)[:, None], len(pieces), axis=1)
    for position in range(int(lengths.max(initial=0))):
        still_going = longest_first[: np.count_nonzero(lengths > position)]
        next_bytes = joined[starts[still_going] + position]
        states[:, still_going] = table[states[:, still_going], next_bytes]
    # Decoders join only neighbouring byte tokens, so nothing may stand between them, not even nothing.
    states[1:, lengths == 0] = BROKEN
    return states


def _states_that_reach_zero(following: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Tell from which states (STATES + 1,) some run of tokens completes the character; BROKEN is not one."""
    reaches = np.zeros(STATES + 1, dtype=np.bool_)
    reaches[0] = True
    for _ in range(STATES):
        reaches[:STATES] |= reaches[following].any(axis=1)
    return reaches


def _decoders(tokenizer: PreTrainedTokenizerFast) -> list[dict[str, Any]]:
    """List the tokenizer's decoders as their JSON, those of a sequence one by one."""
    decoder = tokenizer.backend_tokenizer.decoder
    if decoder is None:
        return []
    # What pickle asks for is the decoder's JSON; the whole tokenizer's takes a hundred times as long.
    described: dict[str, Any] = json.loads(decoder.__getstate__())
    return _flattened(described)


def _flattened(decoder: dict[str, Any]) -> list[dict[str, Any]]:
    if decoder["type"] != "Sequence":
        return [decoder]
    return [inner for part in decoder["decoders"] for inner in _flattened(part)]


def _special_ids(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    marked = {token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return marked.union(tokenizer.all_special_ids)


def _byte_level(tokens: list[str]) -> list[bytes]:
    byte_of = _byte_of_letter()
    # The decoder, too, takes a token with a letter that is not in the table (an added one) as plain text.
    return [
        bytes(byte_of[letter] for letter in token) if byte_of.keys() >= set(token) else token.encode()
        for token in tokens
    ]


def _byte_of_letter() -> dict[str, int]:
    """Give GPT-2's table: a visible Latin-1 character is its own byte, the other bytes follow from U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(visible))
    return {chr(byte): byte for byte in visible} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _is_sentencepiece(decoder: dict[str, Any]) -> bool:
    if decoder["type"] == "Replace":
        return "String" in decoder["pattern"]  # the other kind is a regular expression
    return decoder["type"] in {"ByteFallback", "Fuse", "Metaspace", "Strip"}


def _sentencepiece(tokens: list[str], decoders: list[dict[str, Any]]) -> list[bytes]:
    has_byte_tokens = any(decoder["type"] == "ByteFallback" for decoder in decoders)
    replacements = [
        (decoder["pattern"]["String"], decoder["content"])
        for decoder in decoders
        if decoder["type"] == "Replace"
    ] + [(decoder["replacement"], " ") for decoder in decoders if decoder["type"] == "Metaspace"]
    bytes_of = []
    for token in tokens:
        byte = BYTE_TOKEN.fullmatch(token) if has_byte_tokens else None
        text = token
        for sign, content in replacements:
            text = text.replace(sign, content)
        bytes_of.append(text.encode() if byte is None else bytes.fromhex(byte[1]))
    return bytes_of
