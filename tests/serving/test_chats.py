"""/v1/chat/completions with the official client: each kind of model in its way, closed sets, streams."""

import enum
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

from finetable.data.probabilities import softmax
from finetable.inference.live_request import Ask, Piece
from finetable.serving.chat_template import rendered

Write = Callable[[str, Ask], list[Piece]]
MESSAGES: list[Any] = [
    {"role": "system", "content": "Write plots."},
    {"role": "user", "content": "love"},
    {"role": "assistant", "content": "a nurse falls in love"},
    {"role": "user", "content": [{"type": "text", "text": "cri"}, {"type": "text", "text": "me"}]},
]


class Genre(enum.Enum):
    CRIME = "crime"
    LOVE = "love"


class Film(BaseModel):
    genre: Genre


def test_a_model_of_chats_reads_all_messages(client: OpenAI, server: Any, write: Write) -> None:
    answer = client.chat.completions.create(
        model="ft:chat", messages=MESSAGES, max_completion_tokens=9, seed=3
    )
    with server.model("ft:chat") as model:
        ids = model.start_ids(rendered(MESSAGES))
    pieces = write("ft:chat", Ask(ids, 9, seed=3))
    assert answer.choices[0].message.content == "".join(piece.text for piece in pieces)
    assert answer.choices[0].finish_reason == pieces[-1].finish
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.refusal is None
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(ids), pieces[-1].written)


@pytest.mark.parametrize("model", ["ft:completion", "writer"])
def test_other_models_of_ours_read_the_last_message_of_the_user(loose: OpenAI, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "max_tokens": 9, "seed": 5}
    chat = loose.chat.completions.create(messages=MESSAGES, **asked).choices[0].message.content
    assert chat == loose.completions.create(prompt="crime", **asked).choices[0].text


def test_a_base_uses_its_own_template_with_its_special_tokens(
    loose: OpenAI, server: Any, write: Write
) -> None:
    with server.model("qwen2") as model:
        end = model.base.tokenizer.eos_token
        text = f"<|system|>Be brief.{end}<|user|>Hi{end}<|assistant|>"
        parts = [model.encoder.prefix(part) for part in text.split(end)]
        special = model.base.special.end
        ids = (*parts[0], special, *parts[1], special, *parts[2])
    messages: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    answer = loose.chat.completions.create(model="qwen2", messages=messages, max_tokens=8, seed=1)
    pieces = write("qwen2", Ask(ids, 8, seed=1))
    assert answer.choices[0].message.content == "".join(piece.text for piece in pieces)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(ids)
    tool: list[Any] = [{"role": "tool", "content": "x", "tool_call_id": "1"}]
    with pytest.raises(BadRequestError, match="unknown role"):
        loose.chat.completions.create(model="qwen2", messages=tool)


@pytest.mark.parametrize("model", ["writer", "llama"])
def test_streams_join_to_the_whole_answers(loose: OpenAI, model: str) -> None:
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "horror"}],
        "n": 3,
        "max_tokens": 12,
        "seed": 8,
        "logprobs": True,
        "top_logprobs": 2,
    }
    whole = loose.chat.completions.create(**asked)
    chunks = list(loose.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert {(chunk.id, chunk.created, chunk.object) for chunk in chunks} == {
        (chunks[0].id, chunks[0].created, "chat.completion.chunk")
    }
    for choice in whole.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert parts[0].delta.role == "assistant"
        assert "".join(part.delta.content or "" for part in parts) == choice.message.content
        assert [part.finish_reason for part in parts] == [None] * (len(parts) - 1) + [choice.finish_reason]
        assert choice.logprobs is not None
        items = choice.logprobs.content or []
        told = [item for part in parts if part.logprobs for item in part.logprobs.content or ()]
        assert told == items
        spelled = b"".join(bytes(item.bytes or ()) for item in items)
        assert spelled.decode(errors="ignore") == choice.message.content  # half a character may be cut off
        assert all(len(item.top_logprobs) == 2 for item in items)
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_strict_clients_take_streams_of_chats(client: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "horror"}]
    chunks = client.chat.completions.create(model="writer", messages=messages, stream=True, max_tokens=5)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] in ("length", "stop")


def test_without_a_limit_an_answer_may_fill_the_context(loose: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "x"}]
    bias = {"5": 100}
    answer = loose.chat.completions.create(model="qwen2", messages=messages, logit_bias=bias)
    assert answer.usage is not None
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens in (96, 97)


def test_labellers_answer_with_the_likeliest_label(client: OpenAI, server: Any) -> None:
    prompt = "title: Film 1\nplot: a thief hides the money"
    messages: list[Any] = [{"role": "user", "content": prompt}]
    answer = client.chat.completions.create(
        model="labeller", messages=messages, logprobs=True, top_logprobs=20, n=2
    )
    with server.model("labeller") as model:
        ids = model.encoder.answers(model.labels)
        scores = model.engine.score_labels([model.start_ids(prompt)], ids).result()
        probabilities = dict(zip(model.labels, softmax(scores, model.temperature)[0], strict=True))
    best = max(probabilities, key=probabilities.__getitem__)
    assert [choice.message.content for choice in answer.choices] == [best, best]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].logprobs is not None
    (item,) = answer.choices[0].logprobs.content or []
    assert item.token == best
    told = {top.token: math.exp(top.logprob) for top in item.top_logprobs}
    assert told == pytest.approx(probabilities)
    stream = client.chat.completions.create(model="labeller", messages=messages, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == best


def enum_format(schema: dict[str, Any]) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "film", "schema": schema}}


def test_an_enum_is_chosen_from_and_told_as_its_json(client: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "a thief"}]
    alone = {"type": "string", "enum": ["crime", "love", "“war”"]}
    answer = client.chat.completions.create(
        model="writer", messages=messages, response_format=enum_format(alone)
    )
    assert json.loads(answer.choices[0].message.content or "") in alone["enum"]
    inside = {"type": "object", "properties": {"genre": alone, "note": {}}, "required": ["genre"]}
    answer = client.chat.completions.create(
        model="qwen2", messages=messages, response_format=enum_format(inside)
    )
    told = json.loads(answer.choices[0].message.content or "")
    assert told.keys() == {"genre"}
    assert told["genre"] in alone["enum"]
    parsed = client.chat.completions.parse(model="writer", messages=messages, response_format=Film)
    assert isinstance(parsed.choices[0].message.parsed, Film)


LONG_ENUM = enum_format({"enum": ["x" * 90, "d"]})
FAULTS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"response_format": {"type": "json_object"}}, "response_format", "'json_object' is not offered"),
    ({"response_format": {"type": "json_schema"}}, "response_format", "Missing"),
    ({"response_format": enum_format({"type": "object"})}, "response_format", "enum of texts"),
    ({"response_format": enum_format({"enum": [1, 2]})}, "response_format", "enum of texts"),
    ({"response_format": enum_format({"$ref": "#"})}, "response_format", "enum of texts"),
    ({"response_format": enum_format({"enum": ["a b c " * 900, "d"]})}, "response_format", "chosen from"),
    (
        {"model": "qwen2", "response_format": enum_format({"enum": ["x" * 90, "d"]})},
        "messages",
        "maximum context length",
    ),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "tools are not offered"),
    ({"functions": [{"name": "f"}]}, "tools", "tools are not offered"),
    ({"modalities": ["text", "audio"]}, "modalities", "do not speak"),
    ({"top_logprobs": 2}, "top_logprobs", "needs logprobs"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages", "message 1 has the role 'robot'"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages", "last message of the user"),
    ({"messages": [{"role": "user", "content": "x " * 900}]}, "messages", "maximum context length"),
    ({"model": "gpt2"}, "model", "no chat template"),
    ({"n": 129}, "n", "less than or equal to 128"),
]


@pytest.mark.parametrize(("changes", "param", "message"), FAULTS)
def test_faults_are_told_in_the_apis_form(
    loose: OpenAI, changes: dict[str, Any], param: str | None, message: str
) -> None:
    body = {"model": "writer", "messages": [{"role": "user", "content": "x"}], **changes}
    for stream in (False, True):
        with pytest.raises(BadRequestError) as fault:
            loose.chat.completions.create(**body, stream=stream)
        assert fault.value.param == param
        assert message in fault.value.message


@pytest.mark.parametrize(
    "idle",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"functions": [{"name": "f"}], "function_call": "none"},
        {"modalities": ["text"], "audio": {"format": "wav", "voice": "alloy"}},
        {"logit_bias": {"foo": 0}, "stream_options": {"include_usage": True}, "top_logprobs": 0},
    ],
)
def test_options_that_change_nothing_are_no_fault(loose: OpenAI, idle: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"model": "writer", "messages": MESSAGES, "max_tokens": 3, "seed": 3}
    plain = loose.chat.completions.create(**asked)
    assert loose.chat.completions.create(**asked, **idle).choices == plain.choices
