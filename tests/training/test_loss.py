import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from finetable.data.tokens import IGNORED
from finetable.training import loss
from finetable.training.loss import answer_loss, answer_nats

ROWS, WIDTH, VOCABULARY = st.integers(1, 40), st.integers(1, 12), st.integers(2, 30)
LOGITS_AT_ONCE = st.integers(1, 400)
SEED = st.integers(0, 2**31)


class Case:
    """Hidden states, a head and targets, drawn from a seed; twice the same for ours and the reference."""

    def __init__(self, rows: int, width: int, vocabulary: int, bias: bool, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.hidden = torch.randn(rows, width, generator=random).requires_grad_()
        self.head = nn.Linear(width, vocabulary, bias=bias)
        with torch.no_grad():
            for weight in self.head.parameters():
                weight.copy_(torch.randn(weight.shape, generator=random))
        self.targets = torch.randint(vocabulary, (rows,), generator=random)
        self.targets[torch.rand(rows, generator=random) < 0.2] = IGNORED

    def dense(self) -> torch.Tensor:
        return cross_entropy(self.head(self.hidden), self.targets, reduction="sum")

    def ours(self) -> torch.Tensor:
        return answer_loss(self.hidden, self.head, self.targets)[0]

    def right(self) -> int:
        """How many targets are the likeliest, a row at a time."""
        logits = self.head(self.hidden).tolist()
        return sum(
            row.index(max(row)) == target for row, target in zip(logits, self.targets.tolist(), strict=True)
        )

    def gradients(self, total: torch.Tensor) -> dict[str, torch.Tensor | None]:
        leaves = {"hidden": self.hidden, **dict(self.head.named_parameters())}
        for leaf in leaves.values():
            leaf.grad = None
        total.backward()
        return {name: leaf.grad for name, leaf in leaves.items()}


def in_pieces(logits: int, case: Case) -> torch.Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "LOGITS_AT_ONCE", logits)
        return case.ours()


def assert_close(found: torch.Tensor | None, wanted: torch.Tensor | None) -> None:
    assert found is not None
    assert wanted is not None
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(ROWS, WIDTH, VOCABULARY, st.booleans(), SEED, LOGITS_AT_ONCE)
def test_value_and_gradients_are_those_of_dense_cross_entropy_in_pieces_of_any_size(
    rows: int, width: int, vocabulary: int, bias: bool, seed: int, logits_at_once: int
) -> None:
    case = Case(rows, width, vocabulary, bias, seed)
    wanted = case.dense()
    found = in_pieces(logits_at_once, case)
    assert_close(found, wanted)
    wanted_gradients, found_gradients = case.gradients(wanted), case.gradients(found)
    assert set(found_gradients) == ({"hidden", "weight", "bias"} if bias else {"hidden", "weight"})
    for name, gradient in wanted_gradients.items():
        assert_close(found_gradients[name], gradient)


def test_a_vocabulary_larger_than_one_piece_is_done_row_by_row() -> None:
    case = Case(rows=5, width=3, vocabulary=30, bias=True)
    assert_close(in_pieces(1, case), case.dense())


@settings(max_examples=60, deadline=None)
@given(st.floats(-8, 8, width=32))
def test_the_gradient_from_above_scales_every_gradient(scale: float) -> None:
    case = Case(rows=7, width=4, vocabulary=9, bias=True)
    wanted = case.gradients(case.dense() * scale)
    for name, gradient in case.gradients(case.ours() * scale).items():
        assert_close(gradient, wanted[name])


@pytest.mark.parametrize("bias", [False, True])
def test_a_frozen_head_gets_no_gradient_and_the_hidden_states_get_theirs(bias: bool) -> None:
    case = Case(rows=7, width=4, vocabulary=9, bias=bias)
    wanted = case.gradients(case.dense())["hidden"]
    case.head.requires_grad_(False)
    found = case.gradients(case.ours())
    assert_close(found.pop("hidden"), wanted)
    assert set(found.values()) == {None}


def test_a_bias_is_learnt_beside_a_frozen_matrix() -> None:
    case = Case(rows=7, width=4, vocabulary=9, bias=True)
    wanted = case.gradients(case.dense())["bias"]
    case.head.weight.requires_grad_(False)
    found = case.gradients(case.ours())
    assert_close(found["bias"], wanted)
    assert found["weight"] is None


def test_hidden_states_that_need_no_gradient_leave_the_head_its_own() -> None:
    case = Case(rows=7, width=4, vocabulary=9, bias=False)
    wanted = case.gradients(case.dense())["weight"]
    case.hidden.requires_grad_(False)
    assert_close(case.gradients(case.ours())["weight"], wanted)


def test_a_weight_that_is_also_the_embedding_gets_the_sum_of_both_gradients() -> None:
    case = Case(rows=6, width=4, vocabulary=9, bias=False)
    ids = torch.tensor([0, 1, 2, 2, 8, 3])
    gradients = []
    for total in (
        answer_loss(case.head.weight[ids], case.head, case.targets)[0],
        cross_entropy(case.head(case.head.weight[ids]), case.targets, reduction="sum"),
    ):
        gradients.append(torch.autograd.grad(total, case.head.weight)[0])
    assert_close(*gradients)


def test_logits_far_apart_neither_overflow_nor_lose_the_loss() -> None:
    case = Case(rows=4, width=3, vocabulary=6, bias=False)
    with torch.no_grad():
        case.head.weight.mul_(1e4)
    wanted = case.dense()
    torch.testing.assert_close(case.ours(), wanted)
    gradient = case.gradients(case.ours())["weight"]
    assert gradient is not None
    assert gradient.isfinite().all()


def test_narrow_numbers_are_summed_in_fp32() -> None:
    case = Case(rows=3000, width=8, vocabulary=40, bias=True)
    wanted = case.dense()
    case.head.to(torch.bfloat16)
    case.hidden = case.hidden.detach().to(torch.bfloat16).requires_grad_()
    found = case.ours()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-2, atol=0)
    assert {gradient.dtype for gradient in case.gradients(found).values() if gradient is not None} == {
        torch.bfloat16
    }


@settings(max_examples=60, deadline=None)
@given(ROWS, VOCABULARY, st.booleans(), LOGITS_AT_ONCE)
def test_the_value_alone_is_the_same_in_pieces_of_any_size(
    rows: int, vocabulary: int, bias: bool, logits_at_once: int
) -> None:
    case = Case(rows, 5, vocabulary, bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "LOGITS_AT_ONCE", logits_at_once)
        found, right = answer_nats(case.hidden, case.head, case.targets)
    assert found == pytest.approx(float(case.dense().detach()), rel=1e-5, abs=1e-5)
    assert right == case.right()


@settings(max_examples=60, deadline=None)
@given(ROWS, VOCABULARY, st.booleans(), SEED, LOGITS_AT_ONCE)
def test_the_likeliest_are_counted_in_pieces_of_any_size(
    rows: int, vocabulary: int, bias: bool, seed: int, logits_at_once: int
) -> None:
    case = Case(rows, 5, vocabulary, bias, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "LOGITS_AT_ONCE", logits_at_once)
        _, right = answer_loss(case.hidden, case.head, case.targets)
    assert not right.requires_grad
    assert int(right) == case.right()


def test_of_likeliest_that_are_alike_only_the_first_is_right() -> None:
    case = Case(rows=4, width=3, vocabulary=5, bias=True)
    with torch.no_grad():
        for weight in case.head.parameters():
            weight.zero_()
    case.targets = torch.tensor([0, 1, 0, 4])
    assert int(answer_loss(case.hidden, case.head, case.targets)[1]) == 2
    assert answer_nats(case.hidden, case.head, case.targets)[1] == 2
