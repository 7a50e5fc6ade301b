from collections.abc import Callable

import numpy as np
import pytest
import torch

from finetable.inference import tail_scores
from finetable.inference.torch_engine import TorchEngine
from finetable.models.base_model import BaseModel

Load = Callable[[str], BaseModel]

PROMPTS: tuple[str | None, ...] = (None, "", "the sea", "映画 🎬", "Un été à Paris, l'amour au café", "x")
ANSWERS = ("", "A film.", "été", "Two friends sail home.", "🎬", "<|endoftext|> and <|separator|>")


def engine_for(base: BaseModel) -> TorchEngine:
    return TorchEngine(base, longest_prompt=20, longest_answer=20)


def test_no_rows_no_scores(load_base: Load) -> None:
    assert engine_for(load_base("gpt2")).score([], [], 4).shape == (0,)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_scores_are_those_of_the_slow_way(
    base: BaseModel, batch_size: int, slow_score: Callable[[BaseModel, str | None, str], float]
) -> None:
    rows = [(prompt, answer) for prompt in PROMPTS for answer in ANSWERS][:: 5 if batch_size == 1 else 1]
    scores = engine_for(base).score(
        [prompt for prompt, _ in rows], [answer for _, answer in rows], batch_size
    )
    assert scores.dtype == np.float64
    assert scores.shape == (len(rows),)
    assert np.allclose(scores, [slow_score(base, *row) for row in rows], atol=1e-4, rtol=1e-5)


def test_scores_do_not_depend_on_how_many_logits_are_computed_at_once(
    load_base: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_for(load_base("gptj"))
    scores = engine.score(PROMPTS, ANSWERS, 4)
    monkeypatch.setattr(tail_scores, "LOGITS_AT_ONCE", 1)
    assert np.allclose(engine.score(PROMPTS, ANSWERS, 4), scores, atol=1e-5)


def test_a_text_written_greedily_is_likelier_than_another(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...]
) -> None:
    prompts, answers = zip(*taught_examples, strict=True)
    engine = engine_for(taught)
    right, wrong = engine.score(prompts, answers, 8), engine.score(prompts, answers[1:] + answers[:1], 8)
    assert (right > wrong + 5).all()


def test_prompts_that_leave_no_room_for_the_longest_answer_are_told(base: BaseModel) -> None:
    encoder, engine = base.encoder(), engine_for(base)
    answers = ["drama", "science fiction"]
    room = base.context - len(encoder.answers(answers)[1])
    prompts = ["ab" * count for count in range(10, 60)]
    too_long = [place for place, ids in enumerate(encoder.prompts(prompts)) if len(ids) > room]
    assert 0 < len(too_long) < len(prompts)
    assert engine.too_long(prompts, answers) == too_long
    assert engine.too_long([None, ""], answers) == []


@pytest.mark.parametrize("prompt", ["the sea", "moon " * 60])
def test_what_the_network_does_not_see_at_once_is_scored_in_windows(base: BaseModel, prompt: str) -> None:
    encoder, context = base.encoder(), base.context
    answer = "Two friends sail home, and the sea is calm. " * 9
    head, ids = encoder.prompts([prompt])[0], encoder.answers([answer])[0]
    row = head + ids
    assert len(row) > 2 * context
    wanted, new = 0.0, len(head)
    begin = 0 if new < context else new - context // 2
    while new < len(row):
        seen = row[begin : begin + context]
        with torch.inference_mode():
            nats = base.network(torch.tensor([seen]), use_cache=False).logits[0].double().log_softmax(dim=-1)
        for place in range(new - begin, len(seen)):
            wanted += float(nats[place - 1, seen[place]])
        new = begin + len(seen)
        begin = new - context // 2
    scores = engine_for(base).score([None, prompt, prompt], ["A film.", answer, "x"], 2)
    assert scores[1] == pytest.approx(wanted, rel=1e-5)
    assert scores[1] < 5 * scores[2]
