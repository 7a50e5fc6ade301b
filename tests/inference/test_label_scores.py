from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.inference import label_scores
from finetable.inference.torch_engine import TorchEngine
from finetable.models.base_model import BaseModel

Load = Callable[[str], BaseModel]
SlowScore = Callable[[BaseModel, str | None, str], float]

PROMPTS: tuple[str | None, ...] = (
    "the sea",
    "",
    None,
    "Un été à Paris, l'amour au café",
    "映画 🎬",
    "a film",
)
LABELS = (
    "science",
    "science fiction",
    "science fiction!",
    "sci",
    "documentary",
    "drama",
    "été",
    "étés",
    "映画",
    "映",
    "🎬",
    "<|endoftext|>",
)


def engine_for(base: BaseModel) -> TorchEngine:
    return TorchEngine(base, longest_prompt=20, longest_answer=20)


def one_by_one(engine: TorchEngine, prompts: Sequence[str | None], labels: Sequence[str]) -> np.ndarray:
    pairs = [(prompt, label) for prompt in prompts for label in labels]
    scores = engine.score([prompt for prompt, _ in pairs], [label for _, label in pairs], 16)
    return np.asarray(scores.reshape(len(prompts), len(labels)))


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_labels_score_what_each_scores_alone(base: BaseModel, batch_size: int) -> None:
    engine = engine_for(base)
    scores = engine.score_labels(PROMPTS, LABELS, batch_size)
    assert scores.dtype == np.float64
    assert scores.shape == (len(PROMPTS), len(LABELS))
    assert np.allclose(scores, one_by_one(engine, PROMPTS, LABELS), atol=1e-4, rtol=0)


def test_labels_score_what_plain_transformers_gives(base: BaseModel, slow_score: SlowScore) -> None:
    scores = engine_for(base).score_labels(PROMPTS[:3], LABELS, 8)
    slow = [[slow_score(base, prompt, label) for label in LABELS] for prompt in PROMPTS[:3]]
    assert np.allclose(scores, slow, atol=1e-4, rtol=0)


def test_after_a_prompt_some_label_and_no_other_text_is_certain_only_together(taught: BaseModel) -> None:
    """No set of texts of which none begins with another can be likelier than certain."""
    scores = engine_for(taught).score_labels(PROMPTS, [*LABELS, "A film."], 8)
    assert (scores < 0).all()
    assert (np.exp(scores).sum(axis=1) <= 1 + 1e-6).all()


def test_the_label_that_was_learnt_wins(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...]
) -> None:
    prompts, answers = zip(*taught_examples, strict=True)
    scores = engine_for(taught).score_labels(prompts, [*LABELS, *answers], 8)
    assert scores.argmax(axis=1).tolist() == [len(LABELS), len(LABELS) + 1, len(LABELS) + 2]


@pytest.fixture(scope="module")
def engines(load_base: Load) -> list[TorchEngine]:
    """One of each way: rotary and learnt positions, and the window that takes the slow path."""
    return [engine_for(load_base(shape)) for shape in ("llama", "gpt2", "gpt_neo_local")]


@settings(max_examples=30, deadline=None)
@given(
    way=st.integers(0, 2),
    labels=st.lists(st.text(max_size=6) | st.sampled_from(LABELS), unique=True, min_size=1, max_size=9),
    prompts=st.lists(st.none() | st.text(max_size=8) | st.sampled_from(PROMPTS), min_size=1, max_size=4),
    batch_size=st.integers(1, 5),
)
def test_any_labels_after_any_prompts(
    engines: list[TorchEngine], way: int, labels: list[str], prompts: list[str | None], batch_size: int
) -> None:
    found = engines[way].score_labels(prompts, labels, batch_size)
    assert np.allclose(found, one_by_one(engines[way], prompts, labels), atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_one_label_and_hundreds(base: BaseModel, count: int) -> None:
    engine = engine_for(base)
    labels = [f"label {number * 7919 % 1000}" for number in range(count)]
    found = engine.score_labels(PROMPTS[:2], labels, 2)
    places = list(range(0, count, max(1, count // 10)))
    some = one_by_one(engine, PROMPTS[:2], [labels[place] for place in places])
    assert np.allclose(found[:, places], some, atol=1e-4, rtol=0)


def test_the_order_of_labels_and_prompts_is_kept(load_base: Load) -> None:
    engine = engine_for(load_base("qwen3"))
    scores = engine.score_labels(PROMPTS, LABELS, 4)
    turned = engine.score_labels(PROMPTS[::-1], LABELS[::-1], 4)
    assert np.allclose(turned, scores[::-1, ::-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("limit", ["MASK_AT_ONCE", "LOGITS_AT_ONCE"])
def test_computing_less_at_once_changes_nothing(
    load_base: Load, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    engine = engine_for(load_base("gptj"))
    scores = engine.score_labels(PROMPTS, LABELS, 64)
    monkeypatch.setattr(label_scores, limit, 1)
    assert np.allclose(engine.score_labels(PROMPTS, LABELS, 64), scores, atol=1e-4, rtol=0)


def test_a_prompt_that_is_too_long_loses_its_end_and_keeps_its_separator(base: BaseModel) -> None:
    encoder, engine = base.encoder(), engine_for(base)
    whole = encoder.prompts(["moon over the sea " * 20])[0]
    answers = encoder.answers(LABELS)
    cut = [*whole[: base.context - max(map(len, answers)) - 1], base.special.separator]
    expected = []
    for ids in answers:
        with torch.inference_mode():
            logits = base.network(torch.tensor([cut + ids]), use_cache=False).logits[0].double()
        nats = logits.log_softmax(dim=-1)[len(cut) - 1 : -1]
        expected.append(float(nats[torch.arange(len(ids)), torch.tensor(ids)].sum()))
    found = engine.score_labels(["the sea", "moon over the sea " * 20], LABELS, 2)
    assert np.allclose(found[1], expected, atol=1e-4, rtol=0)
    assert engine.too_long(["the sea", "moon over the sea " * 20], LABELS) == [1]


def test_no_prompts_no_scores(load_base: Load) -> None:
    assert engine_for(load_base("gpt2")).score_labels([], LABELS, 4).shape == (0, len(LABELS))
