from dataclasses import replace
from typing import Any

import pytest

from finetable.inference.live_request import Ask, check_ask

CONTEXT, VOCABULARY = 96, 300
ASK = Ask((1, 2), 5)


def test_what_can_be_followed_is_not_refused() -> None:
    check_ask(ASK, CONTEXT, VOCABULARY)
    check_ask(
        Ask(
            ids=(0, VOCABULARY - 1) * 47,
            most_tokens=10**9,
            temperature=0,
            top_k=10**6,
            seed=-(2**90),
            draw=2**63 - 2,
            logit_bias={VOCABULARY - 1: -100.0},
            stop=("a", "b", "c", "d"),
            logprobs=0,
        ),
        CONTEXT,
        VOCABULARY,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ids": ()}, "0 ids where 1 to 95 are wanted"),
        ({"ids": (1,) * 96}, "96 ids where 1 to 95 are wanted"),
        ({"ids": (1, 10_000)}, "ids are from 0 to"),
        ({"ids": (1, -1)}, "ids are from 0 to"),
        ({"most_tokens": -1}, "most_tokens is not negative"),
        ({"temperature": -0.1}, "a temperature is not negative"),
        ({"temperature": float("nan")}, "numbers are finite"),
        ({"presence_penalty": float("inf")}, "numbers are finite"),
        ({"logit_bias": {1: float("-inf")}}, "numbers are finite"),
        ({"logit_bias": {10_000: 1.0}}, "logit_bias names ids of the vocabulary"),
        ({"top_k": -1}, "top_k is not negative"),
        ({"top_p": 0.0}, "top_p is above 0 and at most 1"),
        ({"draw": -1}, "a draw is an int64 from 0"),
        ({"stop": ("",)}, "a stop text is not empty"),
        ({"stop": tuple("abcde")}, "there are at most 4 stop texts"),
        ({"logprobs": -1}, "logprobs is not negative"),
    ],
)
def test_an_ask_that_cannot_be_followed_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_ask(replace(ASK, **change), CONTEXT, VOCABULARY)
