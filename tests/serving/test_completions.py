"""/v1/completions with the official client: texts, scores, counts, streams and faults."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types import Completion

from finetable.inference.live_request import Ask, Piece, TokenScore

JSON = {"Content-Type": "application/json"}
Write = Callable[[str, Ask], list[Piece]]


def joined(chunks: Sequence[Completion]) -> dict[int, dict[str, Any]]:
    """The choices that the chunks of a stream amount to."""
    found: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            known = found.setdefault(choice.index, {"text": "", "finish_reason": None, "logprobs": None})
            known["text"] += choice.text
            known["finish_reason"] = known["finish_reason"] or choice.finish_reason
            if choice.logprobs is not None:
                lists = choice.logprobs.model_dump()
                before = known["logprobs"] or {name: [] for name in lists}
                known["logprobs"] = {name: before[name] + lists[name] for name in lists}
    return found


def test_text_is_the_engines_own_and_counted(client: OpenAI, server: Any, write: Write) -> None:
    answer = client.completions.create(model="writer", prompt="crime", max_tokens=12, seed=7, temperature=0.9)
    with server.model("writer") as model:
        ids = model.start_ids("crime")
        fingerprint = model.fingerprint
    pieces = write("writer", Ask(ids, 12, temperature=0.9, seed=7))
    assert answer.choices[0].text == "".join(piece.text for piece in pieces)
    assert answer.choices[0].finish_reason == pieces[-1].finish
    assert answer.usage is not None
    written = pieces[-1].written
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(ids), written)
    assert answer.usage.total_tokens == len(ids) + written
    assert answer.system_fingerprint == fingerprint
    assert answer.id.startswith("cmpl-")


@pytest.mark.parametrize("model", ["writer", "gpt2", "llama"])
def test_streams_join_to_the_whole_answer(loose: OpenAI, model: str) -> None:
    asked: dict[str, Any] = {
        "model": model,
        "prompt": ["two sisters", "été"],
        "n": 2,
        "max_tokens": 14,
        "seed": 3,
        "logprobs": 2,
        "echo": True,
    }
    whole = loose.completions.create(**asked)
    chunks = list(loose.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert {(chunk.id, chunk.created) for chunk in chunks} == {(chunks[0].id, chunks[0].created)}
    found = joined(chunks)
    for choice in whole.choices:
        assert choice.logprobs is not None
        assert found[choice.index]["text"] == choice.text
        assert found[choice.index]["finish_reason"] == choice.finish_reason
        assert found[choice.index]["logprobs"] == choice.logprobs.model_dump()
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert len(chunks) > 8


@pytest.mark.parametrize("model", ["writer", "free", "gpt2", "llama"])
def test_tokens_stand_where_they_are_in_the_text(loose: OpenAI, model: str) -> None:
    for echo in (False, True):
        choice = loose.completions.create(
            model=model, prompt="the sea", max_tokens=15, logprobs=0, echo=echo, seed=5, temperature=0.5
        ).choices[0]
        assert choice.logprobs is not None
        assert choice.logprobs.tokens is not None
        assert choice.logprobs.text_offset is not None
        for token, offset in zip(choice.logprobs.tokens, choice.logprobs.text_offset, strict=True):
            if not token.startswith("bytes:"):
                assert choice.text[offset : offset + len(token)] == token


@pytest.mark.parametrize(("model", "first_is_known"), [("gpt2", False), ("free", True), ("writer", True)])
def test_echo_scores_the_prompt_as_the_engine_does(
    loose: OpenAI, server: Any, model: str, first_is_known: bool
) -> None:
    text = "an old sailor"
    answer = loose.completions.create(model=model, prompt=text, max_tokens=0, echo=True, logprobs=3)
    choice = answer.choices[0]
    with server.model(model) as loaded:
        own = loaded.encoder.prefix(text)
        row = own if model == "gpt2" else [loaded.base.special.start, *own]
        scores: list[TokenScore] = loaded.engine.score([row], 3).result()[0]
    assert choice.text == text
    assert choice.finish_reason == "length"
    assert choice.logprobs is not None
    assert choice.logprobs.tokens is not None
    assert "".join(choice.logprobs.tokens) == text
    told: list[Any] = list(choice.logprobs.token_logprobs or ())
    assert (told[0] is not None) == first_is_known
    assert told[0 if first_is_known else 1 :] == pytest.approx([score.logprob for score in scores])
    tops: list[Any] = list(choice.logprobs.top_logprobs or ())
    assert len(tops) == len(own)
    assert all(len(top) in (3, 4) for top in tops[1:])
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 0


def test_a_prompt_as_long_as_the_context_can_be_scored_but_not_gone_on_from(loose: OpenAI) -> None:
    ids = [1] * 96
    scored = loose.completions.create(model="gpt2", prompt=ids, max_tokens=0, echo=True, logprobs=0)
    assert scored.choices[0].logprobs is not None
    assert len(scored.choices[0].logprobs.tokens or ()) == 96
    with pytest.raises(BadRequestError) as fault:
        loose.completions.create(model="gpt2", prompt=ids, max_tokens=1)
    assert fault.value.code == "context_length_exceeded"


def test_several_prompts_give_one_flat_list(client: OpenAI) -> None:
    prompts = ["crime", "love", "crime"]
    answer = client.completions.create(model="writer", prompt=prompts, n=2, max_tokens=10, seed=2)
    assert [choice.index for choice in answer.choices] == list(range(6))
    alone = client.completions.create(model="writer", prompt="crime", n=2, max_tokens=10, seed=2)
    assert [choice.text for choice in answer.choices[:2]] == [choice.text for choice in alone.choices]
    # The same prompt for the second time in one request is another draw, as people expect who ask so.
    texts = [choice.text for choice in answer.choices]
    assert texts[:2] != texts[4:]
    assert len(set(texts)) > 2


def test_best_of_gives_the_likeliest_and_counts_all(client: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "writer", "prompt": "love", "max_tokens": 8, "seed": 4}
    every = client.completions.create(**asked, n=6, logprobs=0)

    def mean(choice: Any) -> float:
        numbers = choice.logprobs.token_logprobs
        return sum(numbers) / len(numbers) if numbers else -math.inf

    best = client.completions.create(**asked, n=2, best_of=6)
    wanted = sorted(every.choices, key=mean, reverse=True)[:2]
    assert [choice.text for choice in best.choices] == [choice.text for choice in wanted]
    assert [choice.index for choice in best.choices] == [0, 1]
    assert best.choices[0].logprobs is None
    assert best.usage == every.usage


def test_token_ids_and_null_are_prompts(client: OpenAI, server: Any) -> None:
    with server.model("gpt2") as model:
        ids = model.encoder.prefix("the sea")
        start = model.base.special.start
    asked: dict[str, Any] = {"model": "gpt2", "max_tokens": 6, "seed": 1}
    texts = [
        client.completions.create(prompt=prompt, **asked).choices[0].text
        for prompt in ("the sea", ids, [ids], ["the sea"])
    ]
    assert len(set(texts)) == 1
    nothing = client.completions.create(prompt=None, **asked).choices[0].text
    assert nothing == client.completions.create(prompt=[start], **asked).choices[0].text
    assert nothing == client.completions.create(prompt="", **asked).choices[0].text


def test_stop_texts_end_a_text_across_chunks(loose: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "gpt2", "prompt": "A film", "max_tokens": 40, "seed": 9}
    text = loose.completions.create(**asked).choices[0].text
    stop = text[9:14]
    assert len(stop) == 5
    before = text[: text.index(stop)]
    whole = loose.completions.create(**asked, stop=["never in it", stop])
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == (before, "stop")
    chunks = list(loose.completions.create(**asked, stop=stop, stream=True))
    assert joined(chunks)[0]["text"] == before
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_biases_and_penalties_reach_the_engine(loose: OpenAI, server: Any) -> None:
    with server.model("gpt2") as model:
        letter = model.encoder.prefix("x")[0]
    asked: dict[str, Any] = {"model": "gpt2", "prompt": "A", "max_tokens": 12, "temperature": 0}
    asked["logit_bias"] = {str(letter): 12}
    assert loose.completions.create(**asked).choices[0].text == "x" * 12
    tired = loose.completions.create(**asked, frequency_penalty=2).choices[0].text
    assert tired.startswith("x")
    assert tired != "x" * 12


def test_every_optional_field_may_be_null(server: Any) -> None:
    names = (
        *("max_tokens", "n", "best_of", "echo", "logprobs", "stop", "seed", "temperature", "top_p", "top_k"),
        *(
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "suffix",
            "stream",
            "stream_options",
            "user",
        ),
    )
    body = {"model": "writer", "prompt": None, **dict.fromkeys(names)}
    answer = httpx2.post(f"{server.url}/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["completion_tokens"] <= 16


def test_options_that_change_nothing_are_no_fault(loose: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "gpt2", "prompt": "x", "seed": 3}
    plain = loose.completions.create(**asked)
    idle: dict[str, Any] = {
        "logit_bias": {"foo": 0},
        "best_of": 0,
        "stop": "",
        "stream_options": {"include_usage": True},
    }
    assert loose.completions.create(**asked, **idle).choices == plain.choices


FAULTS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"prompt": "x " * 500}, "prompt", "maximum context length is"),
    ({"prompt": []}, "prompt", "it is empty"),
    ({"prompt": [1.5]}, "prompt", "a list of token ids"),
    ({"prompt": [10_000_000]}, "prompt", "token ids are below"),
    ({"prompt": "\ud800"}, None, "half of a surrogate pair"),
    ({"suffix": "the end"}, "suffix", "left to right"),
    ({"n": 129}, "n", "less than or equal to 128"),
    ({"prompt": ["a"] * 65, "n": 2}, "n", "at most 128"),
    ({"n": 3, "best_of": 2}, "best_of", "at least n"),
    ({"best_of": 2, "stream": True}, "best_of", "cannot be streamed"),
    ({"logprobs": 6}, "logprobs", "less than or equal to 5"),
    ({"max_tokens": -1}, "max_tokens", "greater than or equal to 0"),
    ({"temperature": 2.1}, "temperature", "less than or equal to 2"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "up to 4 texts"),
    ({"stop": [""]}, "stop", "none of them empty"),
    ({"logit_bias": {"x": 1}}, "logit_bias", "token ids"),
    ({"logit_bias": {"9999999": 1}}, "logit_bias", "token ids are below"),
    ({"model": "scratch"}, "model", "fine-tune it first"),
]


@pytest.mark.parametrize(("changes", "param", "message"), FAULTS)
def test_faults_are_told_in_the_apis_form(
    server: Any, changes: dict[str, Any], param: str | None, message: str
) -> None:
    body = {"model": "gpt2", "prompt": "x", **changes}
    for stream in ({}, {"stream": True}) if "stream" not in str(changes) else ({},):
        content = json.dumps({**body, **stream})  # which spells half a character as JSON can
        answer = httpx2.post(f"{server.url}/v1/completions", content=content, headers=JSON)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert message in error["message"]


def test_more_tokens_than_one_request_may_have_are_refused(loose: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="at most 131,072 tokens"):
        loose.completions.create(model="long", prompt="x", n=2, max_tokens=70_000)
    prompts = [[1] * 70_000] * 2
    with pytest.raises(BadRequestError, match="are taken for one request"):
        loose.completions.create(model="long", prompt=prompts, max_tokens=0, echo=True, logprobs=0)


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as fault:
        client.completions.create(model="nobody", prompt="x")
    assert (fault.value.code, fault.value.param) == ("model_not_found", "model")
