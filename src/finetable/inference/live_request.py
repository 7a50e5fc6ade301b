"""What the live engine is asked for, and what it gives back piece by piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

Finish = Literal["stop", "length"]

MOST_STOPS = 4


@dataclass(frozen=True)
class Ask:
    """One text to write: ids to follow, and how to draw.

    `ids` are everything that the model sees first, special tokens included. `temperature` 0 takes the
    likeliest token; `top_k` 0 and `top_p` 1 limit nothing. The stream of random numbers is that of `seed`,
    row 0 and `draw`. Penalties are OpenAI's, over tokens written so far; `logit_bias` is added to logits, by
    token id. A `stop` text ends the text and is not part of it. `logprobs` None asks for none, k for those
    of each token written and of the k likeliest ones beside it.
    """

    ids: tuple[int, ...]
    most_tokens: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    draw: int = 0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    logprobs: int | None = None


@dataclass(frozen=True)
class TokenScore:
    """A token with its log-probability in nats, of the model's own distribution: before any limit or ban.

    `token` is the bytes that the token adds to a text; of a special token, which adds none, its name.
    `top` holds id, bytes and log-probability of the likeliest tokens, likeliest first.
    """

    token_id: int
    token: bytes
    logprob: float
    top: tuple[tuple[int, bytes, float], ...]


@dataclass(frozen=True)
class Piece:
    """Text that is certain: whole characters, no part of what may become a stop text.

    `tokens`, where asked for, are those whose text has come out; with the last piece all have, but those of
    the stop text. `written` counts tokens so far, without the end token. `finish` is set in the last piece:
    "stop" at the end token or a stop text, "length" where the text was cut.
    """

    text: str
    tokens: tuple[TokenScore, ...]
    written: int
    finish: Finish | None


@dataclass(eq=False)
class Ticket:
    """Stands for one ask; what has been cancelled is let go at the next step."""

    cancelled: bool = False


def check_ask(ask: Ask, context: int, vocabulary: int) -> None:
    """Raise ValueError for an ask that the model cannot follow, of which others must feel nothing."""
    check_ids(ask.ids, context - 1, vocabulary)
    numbers = (ask.temperature, ask.frequency_penalty, ask.presence_penalty, *ask.logit_bias.values())
    wanted = {
        "most_tokens is not negative": ask.most_tokens >= 0,
        "numbers are finite": all(map(isfinite, numbers)),
        "a temperature is not negative": ask.temperature >= 0,
        "top_k is not negative": ask.top_k >= 0,
        "top_p is above 0 and at most 1": 0 < ask.top_p <= 1,
        "a draw is an int64 from 0": 0 <= ask.draw < 2**63 - 1,
        f"there are at most {MOST_STOPS} stop texts": len(ask.stop) <= MOST_STOPS,
        "a stop text is not empty": all(ask.stop),
        "logprobs is not negative": ask.logprobs is None or ask.logprobs >= 0,
        "logit_bias names ids of the vocabulary": all(0 <= i < vocabulary for i in ask.logit_bias),
    }
    for rule, holds in wanted.items():
        if not holds:
            raise ValueError(f"{rule}: {ask}")


def check_ids(ids: Sequence[int], most: int, vocabulary: int) -> None:
    """Raise ValueError for ids that are none, more than `most`, or not of the vocabulary."""
    if not 0 < len(ids) <= most:
        raise ValueError(f"{len(ids):,} ids where 1 to {most:,} are wanted")
    if not 0 <= min(ids) <= max(ids) < vocabulary:
        raise ValueError(f"ids are from 0 to {vocabulary - 1:,}, not {min(ids):,} to {max(ids):,}")
