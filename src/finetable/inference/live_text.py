"""Tokens become text while they are written: whole characters, stop texts cut, each token beside its text."""

from collections import deque
from collections.abc import Sequence

from finetable.data.tokens import Encoder
from finetable.inference.live_request import Ask, Finish, Piece, TokenScore
from finetable.inference.stop_texts import StopTexts
from finetable.inference.utf8 import Utf8Constraint, token_bytes
from finetable.models.base_model import BaseModel, head_of


class Spelling:
    """How the tokens of a base spell text; shared by all asks, and never changed."""

    def __init__(self, base: BaseModel) -> None:
        self._encoder: Encoder = base.encoder()
        self._pieces = token_bytes(base.tokenizer)
        constraint = Utf8Constraint(self._pieces, head_of(base.network).weight.shape[0])
        self.allowed = constraint.allowed
        self.following = constraint.following.numpy()

    def bytes_of(self, token: int) -> bytes:
        """The bytes that a token adds to a text, none for a special one."""
        return (self._pieces[token] if token < len(self._pieces) else None) or b""

    def name_of(self, token: int) -> bytes:
        """The bytes that a token adds to a text, or the name of one that adds none (b"" for a spare id)."""
        if token >= len(self._pieces):
            return b""
        piece = self._pieces[token]
        return self._encoder.pieces([token])[0].encode() if piece is None else piece

    def beginning(self, before: int, tokens: Sequence[int]) -> str:
        """The text of the first tokens written, whole characters, after the token `before`.

        SentencePiece's decoders take the blank off the start of a text, which stands behind a special token.
        """
        if self.bytes_of(before):
            return b"".join(map(self.bytes_of, tokens)).decode()
        return self._encoder.decode(tokens)


class LiveText:
    """The text of one ask under way.

    Scores, if asked for, wait for their text: each is kept with the byte at which that ends.
    """

    def __init__(self, spelling: Spelling, ask: Ask) -> None:
        self._spelling = spelling
        self._stops = StopTexts(ask.stop)
        self._before: int | None = ask.ids[-1]
        self._first: list[int] = []
        self._half = b""
        self._scored = ask.logprobs is not None
        self._scores: deque[tuple[int, TokenScore]] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        self._bytes_told = 0
        self.state = 0
        self.written = 0

    def add(self, token: int, score: TokenScore | None) -> Piece | None:
        """Take a token that is not the end; give what is certain now, None for nothing."""
        self.written += 1
        self.state = int(self._spelling.following[self.state, token])
        its_bytes = self._spelling.bytes_of(token)
        self._half += its_bytes
        if score is not None:
            self._bytes_in += len(its_bytes)
            self._scores.append((self._bytes_in, score))
        if self._before is not None:
            self._first.append(token)
        if self.state:
            return None
        text, stopped = self._stops.feed(self._whole())
        return self._piece(text, "stop" if stopped else None)

    def end(self, finish: Finish) -> Piece:
        """Give the last piece, where no stop text was met; half a character never comes out."""
        text = self._stops.rest()
        scores, self._scores = tuple(score for _, score in self._scores), deque()
        return Piece(text, scores, self.written, finish)

    def _whole(self) -> str:
        half, self._half = self._half, b""
        if self._before is None:
            return half.decode()
        text = self._spelling.beginning(self._before, self._first)
        self._bytes_out += len(half) - len(text.encode())
        self._before, self._first = None, []
        return text

    def _piece(self, text: str, finish: Finish | None) -> Piece | None:
        scores = []
        if self._scored:
            self._bytes_out += len(text.encode())
            # Of the token in whose middle a stop text begins, some text has come out.
            begun = finish is not None and self._bytes_told < self._bytes_out
            while self._scores and (begun or self._scores[0][0] <= self._bytes_out):
                self._bytes_told, score = self._scores.popleft()
                scores.append(score)
                begun = finish is not None and self._bytes_told < self._bytes_out
        if finish is None and not text and not scores:
            return None
        return Piece(text, tuple(scores), self.written, finish)
