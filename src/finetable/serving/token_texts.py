"""Log-probabilities of tokens as the API tells them: each token as a text, and where it begins."""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from finetable.inference.live_request import Piece, TokenScore

LOWEST = -9999.0
"""What stands for minus infinity, which JSON has no word for."""


def text_of_token(token: bytes) -> str:
    """A token as a text; one that is no whole characters is spelled by its bytes."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)


class TextScores:
    """The tokens of one text that grows: their log-probabilities and offsets in characters."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._at = 0
        self._begun = False

    def move(self, text: str) -> None:
        """Go on behind a text whose tokens are not told."""
        self._at += len(text)

    def lists(self, scores: Iterable[tuple[TokenScore, bool]]) -> dict[str, list[Any]]:
        """The four parallel lists; a token without anything before it, marked False, has None for numbers."""
        told: dict[str, list[Any]] = {name: [] for name in LISTS}
        for score, is_scored in scores:
            text = text_of_token(score.token)
            told["tokens"].append(text)
            told["token_logprobs"].append(_number(score.logprob) if is_scored else None)
            told["top_logprobs"].append(_top(score, text) if is_scored else None)
            told["text_offset"].append(self._at)
            self._at += len(self._decoder.decode(score.token))
        return told

    def of_piece(self, piece: Piece) -> Sequence[TokenScore]:
        """The tokens of a piece; the first of a text without the blank that the text has not."""
        tokens = piece.tokens
        if tokens and not self._begun:
            self._begun = True
            first = tokens[0]
            if first.token.startswith(b" ") and piece.text and not piece.text.startswith(" "):
                return (replace(first, token=first.token[1:]), *tokens[1:])
        return tokens


LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def chat_items(scores: Sequence[TokenScore]) -> list[dict[str, Any]]:
    """Tokens as chat completions tell them."""
    return [
        {
            **_item(score.token, score.logprob),
            "top_logprobs": [_item(token, logprob) for _, token, logprob in score.top],
        }
        for score in scores
    ]


def _item(token: bytes, logprob: float) -> dict[str, Any]:
    return {"token": text_of_token(token), "logprob": _number(logprob), "bytes": list(token)}


def _top(score: TokenScore, text: str) -> dict[str, float]:
    """The likeliest tokens and the one that came; of two that are spelled alike the likelier."""
    told: dict[str, float] = {}
    for _, token, logprob in score.top:
        told.setdefault(text_of_token(token), _number(logprob))
    told.setdefault(text, _number(score.logprob))
    return told


def _number(logprob: float) -> float:
    return max(logprob, LOWEST)
