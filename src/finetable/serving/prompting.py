"""What a client sends becomes what a model sees, checked against what it can see."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from finetable.inference.live_request import Ask
from finetable.serving.api_errors import invalid
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.text_requests import MOST_CHOICES, Sampling

MOST_TOKENS = 2**17
"""Tokens of a request that may be written, or scored, all its texts together."""

SMALLEST_TOP_P = 1e-9
Given = str | list[int]


@dataclass(frozen=True)
class Prompt:
    """All that a model sees before it writes; the client's own tokens stand from `first`, `count` of them."""

    text: str
    ids: tuple[int, ...]
    first: int
    count: int


def inputs_of(given: Given | Sequence[Given] | None, param: str) -> list[Given]:
    """One or several texts or lists of ids as a list; None is one empty text. Raises ApiError for none."""
    if given is None or isinstance(given, str):
        return [given or ""]
    if not given:
        raise invalid(f"Invalid value for '{param}': it is empty.", param, "invalid_value")
    if isinstance(given[0], int):
        return [[i for i in given if isinstance(i, int)]]
    return [each for each in given if not isinstance(each, int)]


def prompt_of_text(model: LoadedModel, given: Given, room: int, param: str) -> Prompt:
    """A text or ids in the model's template; raises ApiError where more than `room` tokens come of it."""
    own = model.encoded(given) if isinstance(given, str) else given
    ids = model.start_ids(own)
    check_ids(model, ids, room, param)
    text = given if isinstance(given, str) else model.encoder.decode(given)
    return Prompt(text, ids, 0 if model.opened is None else 1, len(own))


def check_ids(model: LoadedModel, ids: Sequence[int], room: int, param: str) -> None:
    """Raise ApiError for ids that are too many or not of the vocabulary."""
    if len(ids) > room:
        context = model.base.context
        raise invalid(
            f"This model's maximum context length is {context} tokens, of which {room} are for what it is "
            f"given; this request has {len(ids)}. Please shorten it.",
            param,
            "context_length_exceeded",
        )
    if max(ids) >= model.vocabulary:
        raise invalid(
            f"Invalid value for '{param}': this model's token ids are below {model.vocabulary}.",
            param,
            "invalid_value",
        )


def check_choices(choices: int, most_tokens: int) -> None:
    """Raise ApiError for more texts, or more tokens in them, than one request may ask for."""
    if choices > MOST_CHOICES:
        raise invalid(
            f"This request asks for {choices} texts; at most {MOST_CHOICES} are written for one request.", "n"
        )
    if choices * most_tokens > MOST_TOKENS:
        raise invalid(
            f"This request asks for {choices} texts of {most_tokens} tokens; at most {MOST_TOKENS:,} tokens "
            "are written for one request.",
            "max_tokens",
        )


def check_scored(tokens: int, param: str) -> None:
    """Raise ApiError for more tokens than one request may have looked at."""
    if tokens > MOST_TOKENS:
        raise invalid(
            f"This request holds {tokens:,} tokens; at most {MOST_TOKENS:,} are taken for one request.", param
        )


def asks_of(
    model: LoadedModel, body: Sampling, prompts: Sequence[Prompt], count: int, most: int, logprobs: int | None
) -> list[Ask]:
    """`count` texts for each prompt, of `most` tokens each, drawn as asked; each has a draw of its own."""
    bias = {int(token): value for token, value in (body.logit_bias or {}).items()}
    if bias and max(bias) >= model.vocabulary:
        raise invalid(
            f"Invalid value for 'logit_bias': this model's token ids are below {model.vocabulary}.",
            "logit_bias",
            "invalid_value",
        )
    seed = secrets.randbelow(2**63) if body.seed is None else body.seed
    return [
        Ask(
            ids=prompt.ids,
            most_tokens=most,
            temperature=1.0 if body.temperature is None else body.temperature,
            top_k=body.top_k or 0,
            top_p=1.0 if body.top_p is None else max(body.top_p, SMALLEST_TOP_P),
            seed=seed,
            draw=place * count + draw,
            frequency_penalty=body.frequency_penalty or 0.0,
            presence_penalty=body.presence_penalty or 0.0,
            logit_bias=bias,
            stop=body.stops,
            logprobs=logprobs,
        )
        for place, prompt in enumerate(prompts)
        for draw in range(count)
    ]
