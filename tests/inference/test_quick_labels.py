"""Labels scored in bf16: near the exact scores, with the same winners, and alone as in company."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.inference import quick_labels
from finetable.inference.label_scores import score_labels, score_labels_in_fixed_shapes
from finetable.inference.quick_labels import (
    NEARLY_TIED_NATS,
    NEARLY_TIED_SHARE,
    QuickLabels,
    nearly_tied,
)
from finetable.inference.torch_engine import TorchEngine
from finetable.models.base_model import BaseModel, window_of
from finetable.models.number_format import has_bf16_products

LABELS = ["drama", "dramedy", "film noir", "western"]
PROMPTS = [" ".join(["the sea and the moon"] * n) for n in range(1, 7)]
ALIKE = [f"the sea and the {noun}" for noun in ("moon", "sun", "ship", "wind", "sand", "king", "town") * 3]
"""More prompts of one width than a batch has rows, so that they change places."""

SCORES = st.lists(st.floats(-50, 0), min_size=3, max_size=3)


@pytest.fixture
def quick(taught: BaseModel) -> QuickLabels:
    if window_of(taught.network) is not None:
        pytest.skip("left to the exact way")
    return QuickLabels(taught, TorchEngine(taught, 64, 16))


def test_winners_are_those_of_exact_scores(quick: QuickLabels, taught: BaseModel) -> None:
    exact = TorchEngine(taught, 64, 16).score_labels(PROMPTS, LABELS, 64)
    found = quick.score_labels(PROMPTS, LABELS, 64)
    assert np.array_equal(found.argmax(axis=1), exact.argmax(axis=1))
    encoder = taught.encoder()
    with torch.inference_mode():
        largest = score_labels_in_fixed_shapes(taught, encoder.prompts(PROMPTS), encoder.answers(LABELS))[1]
    # No two labels that are not nearly tied have changed places.
    far = np.abs(found[:, :, None] - found[:, None]) >= NEARLY_TIED_NATS + NEARLY_TIED_SHARE * largest.max()
    assert far.any()
    ahead = [scores[:, :, None] > scores[:, None] for scores in (found, exact)]
    assert np.array_equal(ahead[0][far], ahead[1][far])


@pytest.mark.skipif(not has_bf16_products(torch.device("cpu")), reason="every score is exact here")
def test_a_prompt_gets_the_same_bits_alone_and_in_company(quick: QuickLabels, taught: BaseModel) -> None:
    prompts = [*PROMPTS, *ALIKE]
    encoder = taught.encoder()
    with torch.inference_mode():
        asked = (taught, encoder.prompts(prompts), encoder.answers(LABELS))
        clear = ~nearly_tied(*score_labels_in_fixed_shapes(*asked))
    assert clear.any()
    together = quick.score_labels(prompts, LABELS, 64)
    turned = quick.score_labels(prompts[::-1], LABELS, 3)[::-1]
    alone = np.concatenate([quick.score_labels([prompt], LABELS, 1) for prompt in prompts])
    assert np.array_equal(together[clear], turned[clear])
    assert np.array_equal(together[clear], alone[clear])


def test_nearly_tied_labels_are_scored_exactly(
    quick: QuickLabels, taught: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = TorchEngine(taught, 64, 16).score_labels(PROMPTS, LABELS, 4)
    monkeypatch.setattr(quick_labels, "NEARLY_TIED_NATS", 1e9)
    assert np.array_equal(quick.score_labels(PROMPTS, LABELS, 4), exact)


def test_a_prompt_as_long_as_the_context_is_scored(quick: QuickLabels, taught: BaseModel) -> None:
    long = ["the sea and the moon " * 40]
    exact = TorchEngine(taught, 64, 16).score_labels(long, LABELS, 1)
    found = quick.score_labels(long, LABELS, 1)
    assert np.isfinite(found).all()
    assert found.argmax() == exact.argmax()


def test_the_network_that_was_given_stays_as_it_is(taught: BaseModel) -> None:
    before = {name: weight.clone() for name, weight in taught.network.state_dict().items()}
    QuickLabels(taught, TorchEngine(taught, 64, 16)).score_labels(PROMPTS[:2], LABELS, 4)
    after = taught.network.state_dict()
    assert all(after[name].equal(weight) for name, weight in before.items())


@torch.inference_mode()
def test_fixed_shapes_give_the_scores_of_free_ones(taught: BaseModel) -> None:
    if window_of(taught.network) is not None:
        pytest.skip("left to the exact way")
    encoder = taught.encoder()
    asked = (taught, encoder.prompts(PROMPTS), encoder.answers(LABELS))
    found, _ = score_labels_in_fixed_shapes(*asked)
    assert np.allclose(found, score_labels(*asked, 64), atol=1e-4, rtol=0)
    none, largest = score_labels_in_fixed_shapes(taught, [], encoder.answers(LABELS))
    assert (none.shape, largest.shape) == ((0, len(LABELS)), (0,))


@settings(max_examples=50)
@given(st.lists(st.tuples(SCORES, st.floats(0, 90)), min_size=1, max_size=5))
def test_nearly_tied_rows_are_those_whose_two_best_are_near(rows: list[tuple[list[float], float]]) -> None:
    wanted = []
    for row, largest in rows:
        first, second = sorted(row, reverse=True)[:2]
        wanted.append(first - second < NEARLY_TIED_NATS + NEARLY_TIED_SHARE * largest)
    scores, sizes = np.array([row for row, _ in rows]), np.array([largest for _, largest in rows])
    assert nearly_tied(scores, sizes).tolist() == wanted


def test_one_label_is_never_tied() -> None:
    assert not nearly_tied(np.zeros((3, 1)), np.zeros(3)).any()


def test_attention_that_counts_places_is_left_to_the_exact_way(load_base: Callable[[str], BaseModel]) -> None:
    base = load_base("gpt_neo_local")
    exact = TorchEngine(base, 64, 16)
    found = QuickLabels(base, exact).score_labels(PROMPTS, LABELS, 4)
    assert np.array_equal(found, exact.score_labels(PROMPTS, LABELS, 4))
