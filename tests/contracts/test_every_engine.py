"""What every engine must do, for every architecture: its fast ways equal slow, obvious ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.catalog import engine_of
from finetable.errors import UserError
from finetable.inference.engine import Engine, Request
from finetable.inference.sampling import sample, uniforms
from finetable.inference.utf8 import Utf8Constraint, token_bytes
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

PROMPTS = ["the sea", "Paris", "a much longer prompt about love, loss and the sea", "映画"]
LABELS = ["science", "science fiction", "sci", "drama", "drama, comedy", "été 🎬"]
MOST = 14


@pytest.fixture(params=["torch"])
def engine(request: pytest.FixtureRequest, base: BaseModel) -> Engine:
    return engine_of(request.param, base, 40, 20, lanes=8)


def written(engine: Engine, requests: list[Request], batch_size: int, **options: object) -> dict[int, str]:
    sampling = SamplingSettings.of(max_tokens=MOST, **options)
    return {text.request.row: text.text for text in engine.stream(requests, sampling, batch_size)}


def slowly_written(base: BaseModel, request: Request, sampling: SamplingSettings) -> str:
    """The whole sequence through the network for every token, and one row at a time."""
    encoder = base.encoder()
    ids = encoder.prompts([request.prompt])[0]
    vocabulary = base.network.config.vocab_size
    constraint = Utf8Constraint(token_bytes(base.tokenizer), vocabulary)
    allowed = constraint.allowed.clone()
    allowed[0, base.special.end] = True
    tokens: list[int] = []
    state = whole = 0
    for step in range(MOST):
        with torch.inference_mode():
            logits = base.network(torch.tensor([ids + tokens]), use_cache=False).logits[:, -1].float()
        numbers = [torch.tensor([number]) for number in (request.row, request.draw, step)]
        uniform = uniforms(sampling.seed, *numbers)
        masked = logits.masked_fill(~allowed[state], float("-inf"))
        token = int(sample(masked, uniform, sampling.temperature, sampling.top_k, sampling.top_p))
        if token == base.special.end:
            break
        tokens.append(token)
        state = int(constraint.following[state, token])
        whole = len(tokens) if state == 0 else whole
    return encoder.decode(tokens[:whole])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_equal_a_slow_obvious_loop(engine: Engine, base: BaseModel, temperature: float) -> None:
    sampling = SamplingSettings(temperature=temperature, top_k=20, seed=3)
    requests = [Request(row, prompt) for row, prompt in enumerate(PROMPTS)]
    fast = written(engine, requests, 8, temperature=temperature, top_k=20, seed=3)
    assert fast == {request.row: slowly_written(base, request, sampling) for request in requests}


def test_greedy_texts_equal_plain_transformers(engine: Engine, base: BaseModel, tmp_path: Path) -> None:
    base.network.save_pretrained(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)
    network: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    fast = written(engine, [Request(row, prompt) for row, prompt in enumerate(PROMPTS)], 4, temperature=0)
    banned = [[base.special.start], [base.special.pad], [base.special.separator]]
    for row, prompt in enumerate(PROMPTS):
        spelled = f"{tokenizer.bos_token}{prompt}<|separator|>"
        ids = tokenizer(spelled, add_special_tokens=False, return_tensors="pt").input_ids
        assert ids[0].tolist() == base.encoder().prompts([prompt])[0]
        output = network.generate(ids, max_new_tokens=MOST, do_sample=False, bad_words_ids=banned)
        plain = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
        if "\N{REPLACEMENT CHARACTER}" not in plain:
            assert fast[row] == plain


def test_a_row_is_the_same_whatever_is_asked_for_beside_it(engine: Engine) -> None:
    requests = [Request(row, PROMPTS[row % len(PROMPTS)]) for row in range(11)]
    many = written(engine, requests, 8, seed=1)
    assert written(engine, requests, 1, seed=1) == many
    assert written(engine, requests[::-1], 3, seed=1) == many
    assert written(engine, requests[4:6], 2, seed=1) == {4: many[4], 5: many[5]}
    other_draw = [Request(request.row, request.prompt, draw=1) for request in requests]
    assert written(engine, other_draw, 8, seed=1) != many
    assert written(engine, requests, 8, seed=2) != many


def test_texts_stop_at_the_most_tokens_with_whole_characters(engine: Engine, base: BaseModel) -> None:
    sampling = SamplingSettings(max_tokens=1, top_k=0, top_p=1.0, temperature=2.0)
    texts = list(engine.stream([Request(row, "Paris") for row in range(30)], sampling, 30))
    assert len(texts) == 30
    assert not all(text.ended for text in texts)
    for text in texts:
        assert "\N{REPLACEMENT CHARACTER}" not in text.text
        assert text.ended or len(base.encoder().answers([text.text])[0]) <= 2 + len(text.text.encode())


def test_what_was_learnt_is_written_and_goes_on_from_a_prefix(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...]
) -> None:
    engine = engine_of("torch", taught, 40, 60, lanes=8)
    greedy = SamplingSettings(temperature=0)
    for row, (prompt, answer) in enumerate(taught_examples):
        for length in (0, answer.index(" "), answer.rindex(" ")):
            text = next(engine.stream([Request(row, prompt, prefix=answer[:length])], greedy, 1))
            assert answer[:length] + text.text == answer
            assert text.ended


def test_a_prompt_longer_than_the_context_loses_its_end(engine: Engine) -> None:
    assert engine.too_long(["sea", "sea " * 500], [""]) == [1]
    longer, shorter = (written(engine, [Request(0, "sea " * times)], 1) for times in (500, 499))
    assert longer == shorter
    with pytest.raises(UserError, match="shorten"):
        written(engine, [Request(0, "sea", prefix="sea " * 500)], 1)


def test_scores_equal_the_logits(engine: Engine, base: BaseModel) -> None:
    answers = ["A film.", "Two friends sail home", "été 🎬", ""]
    encoder = base.encoder()
    for batch_size in (1, 3):
        scores = engine.score(PROMPTS, answers, batch_size)
        for place, (prompt, answer) in enumerate(zip(PROMPTS, answers, strict=True)):
            start, tail = encoder.prompts([prompt])[0], encoder.answers([answer])[0]
            with torch.inference_mode():
                logits = base.network(torch.tensor([start + tail])).logits[0].double()
            nats = logits.log_softmax(dim=1)[len(start) - 1 : -1].gather(1, torch.tensor(tail).unsqueeze(1))
            assert scores[place] == pytest.approx(float(nats.sum()), abs=2e-4)


@pytest.mark.parametrize("count", [2, 6])
def test_label_scores_equal_each_label_scored_alone(engine: Engine, count: int) -> None:
    labels = LABELS[:count]
    for batch_size in (1, 3, 64):
        scores = engine.score_labels(PROMPTS, labels, batch_size)
        assert scores.shape == (len(PROMPTS), count)
        for column, label in enumerate(labels):
            alone = engine.score(PROMPTS, [label] * len(PROMPTS), 2)
            np.testing.assert_allclose(scores[:, column], alone, atol=1e-4)


def test_many_labels(load_base: Callable[[str], BaseModel]) -> None:
    engine = engine_of("torch", load_base("gpt2"), 40, 20)
    labels = [f"label {number}" for number in range(300)]
    scores = engine.score_labels(["the sea"], labels, 8)
    alone = engine.score(["the sea"] * 300, labels, 64)
    np.testing.assert_allclose(scores[0], alone, atol=1e-4)


def test_prompts_without_room_for_a_label_are_told(engine: Engine) -> None:
    asked = ["sea", "sea " * 400]
    assert engine.too_long(asked, LABELS) == [1]
    assert engine.score_labels(asked, LABELS, 2).shape == (2, len(LABELS))
