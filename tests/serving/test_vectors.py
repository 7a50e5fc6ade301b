"""/v1/embeddings with the official client."""

import base64
from typing import Any

import httpx2
import numpy as np
import pytest
from openai import BadRequestError, OpenAI


def test_vectors_are_the_engines_own_whatever_their_spelling(loose: OpenAI, server: Any) -> None:
    texts = ["the sea", "a nurse falls in love"]
    answer = loose.embeddings.create(model="writer", input=texts)  # the client asks for base64 by itself
    with server.model("writer") as model:
        rows = [model.start_ids(text) for text in texts]
        wanted = model.engine.embed(rows).result()
    found = np.array([each.embedding for each in answer.data], np.float32)
    assert np.array_equal(found, wanted)
    assert [each.index for each in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(map(len, rows))
    with server.client(strict=True) as strict:
        numbers = strict.embeddings.create(model="writer", input=texts, encoding_format="float")
    assert np.array_equal(np.array([each.embedding for each in numbers.data], np.float32), wanted)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_base64_is_little_endian_float32(server: Any) -> None:
    body = {"model": "gpt2", "input": "sea", "encoding_format": "base64"}
    told = httpx2.post(f"{server.url}/v1/embeddings", json=body).json()["data"][0]["embedding"]
    numbers = httpx2.post(f"{server.url}/v1/embeddings", json={**body, "encoding_format": None}).json()
    found = np.frombuffer(base64.b64decode(told), "<f4")
    assert found.tolist() == numbers["data"][0]["embedding"]


def test_token_ids_and_fewer_dimensions(loose: OpenAI, server: Any) -> None:
    with server.model("gpt2") as model:
        ids = model.encoder.prefix("the sea")
    whole = loose.embeddings.create(model="gpt2", input="the sea").data[0].embedding
    for same in (ids, [ids], ["the sea"]):
        assert loose.embeddings.create(model="gpt2", input=same).data[0].embedding == whole
    short = loose.embeddings.create(model="gpt2", input="the sea", dimensions=5).data[0].embedding
    assert short == pytest.approx((np.array(whole[:5]) / np.linalg.norm(whole[:5])).tolist(), abs=1e-6)


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"input": ""}, "input", "a text is empty"),
    ({"input": ["a", ""]}, "input", "a text is empty"),
    ({"input": []}, "input", "it is empty"),
    ({"input": ["a"] * 2049}, "input", "up to 2,048"),
    ({"input": "x " * 400}, "input", "maximum context length"),
    ({"dimensions": 33}, "dimensions", "have 32"),
    ({"dimensions": 0}, "dimensions", "greater than or equal to 1"),
]


@pytest.mark.parametrize(("changes", "param", "message"), FAULTS)
def test_faults_are_told_in_the_apis_form(
    loose: OpenAI, changes: dict[str, Any], param: str, message: str
) -> None:
    with pytest.raises(BadRequestError) as fault:
        loose.embeddings.create(**{"model": "gpt2", "input": "x", **changes})
    assert fault.value.param == param
    assert message in fault.value.message
