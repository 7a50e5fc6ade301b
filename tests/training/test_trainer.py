import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, dropout, dropout1d

from finetable.data.examples import Example
from finetable.data.tokens import IGNORED, TokenizedRows
from finetable.models.base_model import BaseModel, embedding_of, head_of, last_hidden
from finetable.training.batches import BatchPlan
from finetable.training.optimizer import BETAS
from finetable.training.plan import ANSWER_STEP, ROW_STEP, Plan
from finetable.training.trainer import NotFiniteError, Trainer

MakeBase = Callable[..., BaseModel]
MakePlan = Callable[..., Plan]
MakeRows = Callable[[BaseModel, Sequence[Example]], TokenizedRows]
MakeTrainer = Callable[..., Trainer]

KINDS = ("llama", "untied", "gpt2", "gptj")
ONE_BATCH = {"batch_tokens": 100_000, "micro_batch_tokens": 100_000}


def gradients_of_first_step(trainer: Trainer) -> dict[str, torch.Tensor]:
    """After one step AdamW's first moment is the gradient, weighed."""
    trainer.step(0)
    return {
        name.removesuffix(":exp_avg"): moment / (1 - BETAS[0])
        for name, moment in trainer.optimizer_state().items()
        if name.endswith(":exp_avg")
    }


def naive_nats(base: BaseModel, rows: TokenizedRows) -> tuple[torch.Tensor, int]:
    """Sum over all answer tokens, a row at a time through the network's own logits; and their number."""
    total, count = torch.zeros(()), 0
    for index in range(len(rows)):
        ids = torch.from_numpy(rows.row(index)).unsqueeze(0)
        scores = torch.log_softmax(base.network(input_ids=ids).logits[0], dim=-1)
        for place in range(int(rows.answer_starts[index]), ids.shape[1]):
            total = total - scores[place - 1, ids[0, place]]
            count += 1
    return total, count


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in trainer.masters.state().items()}


def assert_identical(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items())


@pytest.fixture(params=[(1, 1), (8, 64)], ids=["as long as they are", "padded as in bf16"])
def _padding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    row_step, answer_step = request.param
    monkeypatch.setitem(ROW_STEP, "fp32", row_step)
    monkeypatch.setitem(ANSWER_STEP, "fp32", answer_step)


@pytest.mark.usefixtures("_padding")
@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradient_are_those_of_a_naive_loop_over_rows(
    kind: str, make_base: MakeBase, make_rows: MakeRows, make_trainer: MakeTrainer, training: list[Example]
) -> None:
    base = make_base(kind)
    base.network.eval()
    total, count = naive_nats(base, make_rows(base, training))
    (total / count).backward()
    wanted = {
        name: weight.grad for name, weight in base.network.named_parameters() if weight.grad is not None
    }
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in wanted.values()))

    trainer = make_trainer(make_base(kind), dropout=0.0, clip=1e9, **ONE_BATCH)
    found = gradients_of_first_step(trainer)
    assert set(found) == set(wanted)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)
    again = make_trainer(make_base(kind), dropout=0.0, clip=1e9, **ONE_BATCH).step(0)
    assert again.loss_nats == pytest.approx(total.item() / count, abs=1e-5)
    assert again.gradient_norm == pytest.approx(norm, rel=1e-4)


def naive_accuracy(base: BaseModel, rows: TokenizedRows) -> float:
    """Share of answer tokens that are the likeliest, a row at a time through the network's own logits."""
    right, count = 0, 0
    for index in range(len(rows)):
        ids = torch.from_numpy(rows.row(index)).unsqueeze(0)
        with torch.inference_mode():
            likeliest = base.network(input_ids=ids).logits[0].argmax(dim=-1)
        for place in range(int(rows.answer_starts[index]), ids.shape[1]):
            right += int(likeliest[place - 1] == ids[0, place])
            count += 1
    return right / count


@pytest.mark.usefixtures("_padding")
def test_accuracy_is_that_of_a_naive_loop_over_rows(
    make_base: MakeBase, make_rows: MakeRows, make_trainer: MakeTrainer, training: list[Example]
) -> None:
    base = make_base()
    trainer = make_trainer(
        base, validation=training, validation_rows=len(training), dropout=0.0, learning_rate=0.03, **ONE_BATCH
    )
    for number in range(8):
        trainer.step(number)
    wanted = naive_accuracy(base, make_rows(base, training))
    assert 0.1 < wanted < 0.9, "else little would be compared"
    assert trainer.validate(8)[1] == wanted
    assert trainer.step(8).accuracy == wanted


@pytest.mark.parametrize("micro_batch_tokens", [16, 60, 96])
def test_weights_do_not_depend_on_how_a_batch_is_cut_for_memory(
    micro_batch_tokens: int, make_trainer: MakeTrainer
) -> None:
    whole = make_trainer(dropout=0.0, micro_batch_tokens=256)
    pieces = make_trainer(dropout=0.0, micro_batch_tokens=micro_batch_tokens)
    for number in range(4):
        assert pieces.step(number).loss_nats == pytest.approx(whole.step(number).loss_nats, abs=1e-5)
    for name, weight in weights_of(whole).items():
        torch.testing.assert_close(weights_of(pieces)[name], weight, rtol=0, atol=1e-5)


def test_rows_cost_the_same_beside_longer_rows_as_alone(
    make_base: MakeBase, make_trainer: MakeTrainer, training: list[Example]
) -> None:
    judged = training[:12]
    tokens = {"validation_rows": 1, "micro_batch_tokens": 100_000}
    alone = [make_trainer(validation=[example], **tokens).validate(0)[0] for example in judged]
    encoder = make_base().encoder()
    answers = [len(ids) for ids in encoder.answers([example.answer for example in judged])]
    total = sum(nats * count for nats, count in zip(alone, answers, strict=True))
    longest = Example(1, "western " * 9, "gold " * 9)
    together = make_trainer(validation=[*judged, longest], validation_rows=13, micro_batch_tokens=100_000)
    last = make_trainer(validation=[longest], **tokens).validate(0)[0]
    longest_answer = len(encoder.answers([longest.answer])[0])
    wanted = (total + last * longest_answer) / (sum(answers) + longest_answer)
    assert together.validate(0)[0] == pytest.approx(wanted, abs=1e-5)


def test_validation_is_the_naive_loss_in_micro_batches_of_any_size(
    make_base: MakeBase, make_rows: MakeRows, make_trainer: MakeTrainer, validation: list[Example]
) -> None:
    base = make_base()
    with torch.no_grad():
        total, count = naive_nats(base, make_rows(base, validation))
    for micro_batch_tokens in (1, 40, 100_000):
        trainer = make_trainer(validation_rows=9, micro_batch_tokens=micro_batch_tokens, dropout=0.5)
        assert trainer.validate(0)[0] == pytest.approx(total.item() / count, abs=1e-5)


def test_validation_judges_rows_from_the_whole_table_and_not_its_beginning(
    make_trainer: MakeTrainer, validation: list[Example]
) -> None:
    some = make_trainer(validation_rows=3)
    spread = make_trainer(validation=[validation[0], validation[3], validation[6]], validation_rows=3)
    assert some.validate(0)[0] == pytest.approx(spread.validate(0)[0], abs=1e-6)


def test_the_loss_falls_and_the_answers_are_learnt(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(steps=60, dropout=0.0, learning_rate=0.03, micro_batch_tokens=256)
    losses = [trainer.step(number).loss_nats for number in range(60)]
    assert min(losses[:3]) > 4
    assert max(losses[-3:]) < 2


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_same_seed_gives_the_same_bits(kind: str, make_base: MakeBase, make_trainer: MakeTrainer) -> None:
    one, other = (make_trainer(make_base(kind), dropout=0.3) for _ in range(2))
    torch.rand(7)  # what others draw in between is no concern of ours
    for number in range(5):
        found, wanted = one.step(number), other.step(number)
        assert (found.loss_nats, found.gradient_norm) == (wanted.loss_nats, wanted.gradient_norm)
    assert_identical(weights_of(one), weights_of(other))
    assert_identical(one.optimizer_state(), other.optimizer_state())


def test_another_seed_gives_other_weights(make_trainer: MakeTrainer) -> None:
    one, other = make_trainer(seed=1, **ONE_BATCH), make_trainer(seed=2, **ONE_BATCH)
    assert one.step(0).loss_nats == other.step(0).loss_nats  # dropout, the one thing drawn here, rises from 0
    assert one.step(1).loss_nats != other.step(1).loss_nats


def test_dropout_hides_tokens_and_hidden_states_as_the_naive_way_does(
    make_base: MakeBase, make_rows: MakeRows, make_trainer: MakeTrainer, training: list[Example]
) -> None:
    base, share, draws = make_base("gpt2"), 0.3, 40
    trained = make_trainer(base, steps=80, learning_rate=0.03, dropout=0.0, micro_batch_tokens=256)
    for number in range(80):
        trained.step(number)
    still = make_trainer(base, dropout=share, learning_rate=1e-12, **ONE_BATCH)
    found = [still.step(number).loss_nats for number in range(3, 3 + draws)]
    ids, targets = make_rows(base, training).batch(range(len(training)), pad=3)
    taught = targets != IGNORED
    wanted = []
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(draws):
            embedded = dropout1d(embedding_of(base.network)(ids), share)
            hidden = dropout(last_hidden(base.network, embedded)[taught], share)
            wanted.append(float(cross_entropy(head_of(base.network)(hidden), targets[taught])))
    assert len(set(found)) == draws
    assert np.mean(found) == pytest.approx(np.mean(wanted), abs=0.1)


def test_a_step_says_what_it_did(
    make_base: MakeBase, make_rows: MakeRows, make_trainer: MakeTrainer, training: list[Example]
) -> None:
    trainer = make_trainer(warmup=0.0)
    steps = [trainer.step(number) for number in range(trainer.steps_per_epoch)]
    assert [step.number for step in steps] == [1, 2, 3]
    assert [step.learning_rate for step in steps] == pytest.approx([0.01, 0.009, 0.008])
    assert sum(step.tokens for step in steps) == int(make_rows(make_base(), training).lengths.sum())
    assert all(step.seconds > 0 and 0 <= step.accuracy <= 1 for step in steps)
    assert {(step.validation_nats, step.validation_accuracy) for step in steps} == {(None, None)}


@pytest.mark.parametrize("clip", [1e-3, 1e9])
def test_a_gradient_is_clipped_to_its_largest_norm(clip: float, make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(clip=clip)
    gradients = gradients_of_first_step(trainer)
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients.values()))
    told = make_trainer(clip=clip).step(0).gradient_norm
    assert told > 0.1
    assert norm == pytest.approx(min(clip, told), rel=1e-3)


def test_going_back_to_a_saved_state_repeats_what_followed(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer.step(0)
    weights = weights_of(trainer)
    memory = {name: value.clone() for name, value in trainer.optimizer_state().items()}
    losses = [trainer.step(number).loss_nats for number in (1, 2, 3)]
    wanted = weights_of(trainer)
    trainer.load_state(weights, memory)
    assert_identical(weights_of(trainer), weights)
    assert [trainer.step(number).loss_nats for number in (1, 2, 3)] == losses
    assert_identical(weights_of(trainer), wanted)


def test_frozen_weights_stay_and_are_no_part_of_the_state(
    make_base: MakeBase, make_trainer: MakeTrainer
) -> None:
    base = make_base("untied")
    head_of(base.network).requires_grad_(False)
    embedding_of(base.network).requires_grad_(False)
    before = {name: weight.clone() for name, weight in base.network.named_parameters()}
    trainer = make_trainer(base)
    trainer.step(0)
    after = dict(base.network.named_parameters())
    moved = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert moved == set(weights_of(trainer))
    assert not moved & {"lm_head.weight", "model.embed_tokens.weight"}


def test_bf16_learns_with_masters_in_fp32(make_base: MakeBase, make_trainer: MakeTrainer) -> None:
    base = make_base()
    trainer = make_trainer(base, precision="bf16", dropout=0.0, learning_rate=0.03, micro_batch_tokens=256)
    assert {weight.dtype for weight in trainer.masters.weights} == {torch.float32}
    network = base.network
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}
    before = trainer.validate(0)[0]
    for number in range(10):
        trainer.step(number)
    assert trainer.validate(10)[0] < before - 1
    for name, weight in network.named_parameters():
        assert torch.equal(weight, trainer.masters.state()[name].bfloat16())


RowIdsOf = Callable[[list[Example], int], list[int]]


@pytest.fixture
def row_ids_of(make_base: MakeBase, make_rows: MakeRows, make_plan: MakePlan) -> RowIdsOf:
    """The rows of a step, as the batch plan has them."""

    def found(examples: list[Example], number: int) -> list[int]:
        rows, plan = make_rows(make_base(), examples), make_plan()
        batches = BatchPlan.of(rows.lengths, plan)
        return sorted(rows.row_ids[np.concatenate(batches.epoch(0)[number])].tolist())

    return found


def test_numbers_that_are_not_finite_stop_the_step_and_name_the_rows_of_its_batch(
    make_base: MakeBase, make_trainer: MakeTrainer, training: list[Example], row_ids_of: RowIdsOf
) -> None:
    culprit = Example(77, "#", "old gold")
    rows = [*training, culprit]
    stopped = 0
    for number in range(3):
        base = make_base("untied")
        with torch.no_grad():
            embedding_of(base.network).weight[base.encoder().prefix("#")] = torch.nan
        trainer = make_trainer(base, rows)
        before = weights_of(trainer)
        row_ids = row_ids_of(rows, number)
        if culprit.row_id not in row_ids:
            trainer.step(number)
            continue
        stopped += 1
        with pytest.raises(NotFiniteError) as fault:
            trainer.step(number)
        assert (fault.value.step, fault.value.row_ids) == (number + 1, row_ids)
        for name, weight in weights_of(trainer).items():
            assert torch.equal(weight.nan_to_num(), before[name].nan_to_num())
    assert stopped == 1


def test_weights_broken_by_the_last_step_are_found_at_validation(
    make_trainer: MakeTrainer, training: list[Example], row_ids_of: RowIdsOf
) -> None:
    trainer = make_trainer()
    with torch.no_grad():
        trainer.masters.weights[0].fill_(torch.inf)
    with pytest.raises(NotFiniteError) as fault:
        trainer.validate(3)
    assert fault.value.step == 3
    assert fault.value.row_ids == row_ids_of(training, 2)


def test_the_plan_decides_the_decay(make_trainer: MakeTrainer) -> None:
    trainers = [make_trainer(weight_decay=decay) for decay in (0.0, 5.0)]
    for trainer in trainers:
        trainer.step(0)
    plain, decayed = map(weights_of, trainers)
    assert torch.equal(plain["model.norm.weight"], decayed["model.norm.weight"])
    matrix = "model.layers.0.mlp.up_proj.weight"
    assert decayed[matrix].norm() < plain[matrix].norm()
