from collections.abc import Callable

import numpy as np
import pytest
import torch

from finetable.inference import live_scores
from finetable.inference.live_engine import LiveEngine
from finetable.inference.quick_labels import QuickScores
from finetable.inference.torch_engine import TorchEngine
from finetable.inference.utf8 import token_bytes
from finetable.models.base_model import BaseModel, last_hidden

Load = Callable[[str], BaseModel]
Open = Callable[..., LiveEngine]

SECONDS = 60
ROWS = [[5, 6, 7], [9], list(range(1, 97)), [40, 41, 42, 43, 44], [8, 8]]


def nats_of(base: BaseModel, row: list[int]) -> torch.Tensor:
    """Log-probabilities (T, V) after each token of a row, by the shortest way through transformers."""
    with torch.inference_mode():
        nats: torch.Tensor = base.network(torch.tensor([row])).logits[0].double().log_softmax(dim=-1)
    return nats


def test_scores_are_those_of_a_naive_pass(base: BaseModel, open_engine: Open) -> None:
    pieces = token_bytes(base.tokenizer)
    found = open_engine(base).score(ROWS, 3).result(SECONDS)
    for row, scores in zip(ROWS, found, strict=True):
        nats = nats_of(base, row)
        assert [score.token_id for score in scores] == row[1:]
        for place, score in enumerate(scores):
            assert score.logprob == pytest.approx(float(nats[place, score.token_id]), abs=1e-3)
            assert pieces[score.token_id] in (None, score.token)
            best = nats[place].topk(3).values.tolist()
            assert [logprob for _, _, logprob in score.top] == pytest.approx(best, abs=1e-3)
            for token, _, logprob in score.top:
                assert logprob == pytest.approx(float(nats[place, token]), abs=1e-3)


def test_scores_add_up_to_those_of_the_other_engine(base: BaseModel, open_engine: Open) -> None:
    prompts, answers = ["the sea", None, "Paris"], ["A film.", "Un été", "映画"]
    encoder = base.encoder()
    before, after = encoder.prompts(prompts), encoder.answers(answers)
    rows = [one + other for one, other in zip(before, after, strict=True)]
    found = open_engine(base).score(rows, 0).result(SECONDS)
    sums = [
        sum(score.logprob for score in scores[len(one) - 1 :])
        for one, scores in zip(before, found, strict=True)
    ]
    slow = TorchEngine(base, longest_prompt=20, longest_answer=20).score(prompts, answers, 2)
    assert sums == pytest.approx(slow.tolist(), abs=1e-2)


def test_special_tokens_are_called_by_name_and_spare_ids_nothing(load_base: Load, open_engine: Open) -> None:
    base = load_base("gpt_neox")
    special, spare = base.special, base.network.config.vocab_size - 1
    (scores,) = open_engine(base).score([[5, special.end, spare]], 0).result(SECONDS)
    assert [score.token for score in scores] == [b"<|endoftext|>", b""]
    assert [score.top for score in scores] == [(), ()]


def test_batches_of_any_size_give_the_same(
    base: BaseModel, open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(base)
    scores, vectors = engine.score(ROWS, 1).result(SECONDS), engine.embed(ROWS).result(SECONDS)
    monkeypatch.setattr(live_scores, "TOKENS_AT_ONCE", 1)
    monkeypatch.setattr(live_scores, "LOGITS_AT_ONCE", 1)
    again = engine.score(ROWS, 1).result(SECONDS)
    for one, other in zip(scores, again, strict=True):
        assert [s.logprob for s in one] == pytest.approx([s.logprob for s in other], abs=1e-3)
    assert np.allclose(engine.embed(ROWS).result(SECONDS), vectors, atol=1e-5)


def test_vectors_are_means_of_hidden_states_of_length_one(base: BaseModel, open_engine: Open) -> None:
    vectors = open_engine(base).embed(ROWS).result(SECONDS)
    assert vectors.shape == (len(ROWS), 32)
    assert vectors.dtype == np.float32
    for row, vector in zip(ROWS, vectors, strict=True):
        with torch.inference_mode():
            embedded = base.network.get_input_embeddings()(torch.tensor([row]))
            mean = last_hidden(base.network, embedded)[0].mean(dim=0).numpy()
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-4)


def test_labels_are_scored_as_everywhere(base: BaseModel, open_engine: Open) -> None:
    labels = base.encoder().answers(["drama", "comedy", "drama and comedy"])
    prompts = [ROWS[0], ROWS[3], *([number, 5] for number in range(40))]
    found = open_engine(base).score_labels(prompts, labels).result(SECONDS)
    with torch.inference_mode():
        assert np.allclose(found, QuickScores(base).score(prompts, labels, 64), atol=1e-3)


def test_nothing_asked_for_is_nothing(load_base: Load, open_engine: Open) -> None:
    engine = open_engine(load_base("llama"))
    assert engine.score([], 1).result(SECONDS) == []
    assert engine.embed([]).result(SECONDS).shape == (0, 32)
    assert engine.score_labels([], [[1]]).result(SECONDS).shape == (0, 1)


def test_rows_that_the_network_cannot_see_are_refused(load_base: Load, open_engine: Open) -> None:
    engine = open_engine(load_base("llama"))
    bad: list[list[list[int]]] = [[[]], [[1] * 97], [[1, 10_000]]]
    for rows in bad:
        with pytest.raises(ValueError, match="ids"):
            engine.score(rows, 0)
        with pytest.raises(ValueError, match="ids"):
            engine.embed(rows)
        with pytest.raises(ValueError, match="ids"):
            engine.score_labels([[1]], rows)
    with pytest.raises(ValueError, match="97 ids where 1 to 94 are wanted"):
        engine.score_labels([[1] * 97], [[1, 2]])
