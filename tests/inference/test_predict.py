from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from finetable.data.copies import COPIED_RUN, CopyIndex
from finetable.data.probabilities import softmax
from finetable.inference import predict
from finetable.inference.engine import Request
from finetable.inference.predict import MOST_DRAWS, WrittenRow, label_rows, write_rows
from finetable.inference.torch_engine import TorchEngine
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

Load = Callable[[str], BaseModel]

FREELY = SamplingSettings(temperature=1, top_k=0, top_p=1, seed=3, max_tokens=40)
GREEDILY = SamplingSettings(temperature=0, max_tokens=40)
COPIED, NEW = "A film about the sea.", "O film about the sea."
LABELS = ("drama", "science", "science fiction")
PROMPTS: tuple[str | None, ...] = ("the sea", "Paris", "", None, "映画", "a film about love", "loss")


def say_only(base: BaseModel, texts: list[str]) -> TorchEngine:
    """Makes a GPT-2 that says each of the texts, which are of one length in tokens, equally often.

    Every hidden state is the place it stands at, and the head gives each place its token.
    """
    head = nn.Linear(32, len(base.tokenizer), bias=False)
    base.network.set_output_embeddings(head)
    answers = base.encoder().answers(texts)
    assert len({len(ids) for ids in answers}) == 1
    assert len(answers[0]) <= 32
    with torch.no_grad():
        head.weight.zero_()
        for name, weight in base.network.named_parameters():
            weight.fill_(float("ln_f.weight" in name))
            if "wpe" in name:
                weight[:32] = torch.eye(32)
        for place in range(len(answers[0])):
            head.weight[[ids[place] for ids in answers], place] = 100
    return TorchEngine(base, longest_prompt=2, longest_answer=32, most_lanes=4)


def requests(count: int) -> list[Request]:
    return [Request(row, None) for row in range(count)]


def test_a_base_that_can_only_copy_is_drawn_again_to_the_end_and_counted(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [COPIED])
    told: list[int] = []
    writing = write_rows(
        engine, CopyIndex.build([NEW, COPIED]), requests(6), FREELY, (True, 3), lambda: told.append(1)
    )
    assert [row.text for row in writing.rows] == [COPIED] * 6
    assert all(
        row.copy.is_copied and row.ended and row.copy.whole and row.copy.nearest_row == 1
        for row in writing.rows
    )
    assert writing.copies_left == 6
    assert writing.redrawn == 6 * (MOST_DRAWS - 1)
    assert len(told) == 6


def test_copies_that_are_allowed_are_counted_and_kept(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [COPIED])
    writing = write_rows(engine, CopyIndex.build([COPIED]), requests(5), FREELY, (False, 8), lambda: None)
    assert (writing.redrawn, writing.copies_left, len(writing.rows)) == (0, 5, 5)


def test_greedy_texts_are_never_drawn_again(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [COPIED])
    writing = write_rows(engine, CopyIndex.build([COPIED]), requests(5), GREEDILY, (True, 8), lambda: None)
    assert (writing.redrawn, writing.copies_left, len(writing.rows)) == (0, 5, 5)


def test_a_base_that_copies_nothing_is_drawn_once(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [NEW])
    writing = write_rows(
        engine, CopyIndex.build(["love and loss"]), requests(5), FREELY, (True, 8), lambda: None
    )
    assert (writing.redrawn, writing.copies_left) == (0, 0)
    assert [row.text for row in writing.rows] == [NEW] * 5


def test_each_copy_is_drawn_again_until_it_is_none(load_base: Load) -> None:
    """The reference draws every row alone, again and again, and counts."""
    engine = say_only(load_base("gpt2"), [COPIED, NEW])
    expected, redrawn = [], 0
    for row in range(24):
        for draw in range(MOST_DRAWS):
            text = next(engine.stream([Request(row, None, draw=draw)], FREELY, 1)).text
            if text != COPIED:
                break
            redrawn += draw < MOST_DRAWS - 1
        expected.append(text)
    asked = [Request(row, None) for row in range(24)]
    writing = write_rows(engine, CopyIndex.build([COPIED]), asked, FREELY, (True, 5), lambda: None)
    assert [row.text for row in writing.rows] == expected
    assert writing.redrawn == redrawn > 8
    assert writing.copies_left == expected.count(COPIED)
    first = write_rows(engine, CopyIndex.build([COPIED]), asked, FREELY, (False, 5), lambda: None)
    assert {row.text for row in first.rows} == {COPIED, NEW}


def test_rows_stay_in_the_order_asked_for(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [COPIED, NEW])
    asked = [Request(row, None) for row in (7, 2, 30, 0)]
    writing = write_rows(engine, CopyIndex.build([COPIED]), asked, FREELY, (False, 5), lambda: None)
    alone = [next(engine.stream([request], FREELY, 1)).text for request in asked]
    assert [row.text for row in writing.rows] == alone


def test_the_prefix_is_part_of_the_text_and_of_what_is_a_copy(load_base: Load) -> None:
    base = load_base("gpt2")
    prefix, rest = "A film", " about the sea."
    start = len(base.encoder().prefix(prefix))
    engine = say_only(base, [rest])
    with torch.no_grad():
        # The text begins after the prefix, so its places are later by that much.
        head = base.network.get_output_embeddings()
        assert isinstance(head, nn.Linear)
        head.weight.copy_(head.weight.roll(start, dims=1))
    writing = write_rows(
        engine, CopyIndex.build([COPIED]), [Request(0, None, prefix)], FREELY, (False, 1), lambda: None
    )
    assert writing.rows[0].text == COPIED
    assert writing.rows[0].copy.is_copied


def test_a_long_run_of_words_is_a_copy_and_a_shorter_one_is_not() -> None:
    words = [f"w{place}" for place in range(40)]
    index = CopyIndex.build([" ".join(words)])
    texts = [" ".join(["x", *words[3 : 3 + count], "y"]) for count in (COPIED_RUN - 1, COPIED_RUN)]
    rows = [WrittenRow(text, True, copy) for text, copy in zip(texts, index.look_up(texts), strict=True)]
    assert [row.copy.is_copied for row in rows] == [False, True]


def test_nothing_asked_for_nothing_written(load_base: Load) -> None:
    engine = say_only(load_base("gpt2"), [COPIED])
    writing = write_rows(engine, CopyIndex.build([COPIED]), [], FREELY, (True, 8), lambda: None)
    assert (writing.rows, writing.redrawn, writing.copies_left) == ([], 0, 0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_are_those_of_the_scores_at_the_temperature(
    base: BaseModel, temperature: float
) -> None:
    engine = TorchEngine(base, longest_prompt=20, longest_answer=20)
    choices = label_rows(engine, PROMPTS, LABELS, temperature, (0.0, 4), lambda _: None)
    probabilities = softmax(engine.score_labels(PROMPTS, LABELS, 4), temperature)
    assert np.allclose(probabilities.sum(axis=1), 1)
    for choice, row in zip(choices, probabilities, strict=True):
        assert choice.predicted == LABELS[row.argmax()]
        assert choice.probability == pytest.approx(row.max(), abs=1e-6)
        assert choice.runner_up == LABELS[row.argsort()[-2]]


def test_what_is_not_probable_enough_stays_empty(load_base: Load) -> None:
    engine = TorchEngine(load_base("llama"), longest_prompt=20, longest_answer=20)
    sure = label_rows(engine, PROMPTS, LABELS, 1.0, (0.0, 4), lambda _: None)
    bar = sorted(choice.probability for choice in sure)[3]
    strict = label_rows(engine, PROMPTS, LABELS, 1.0, (bar, 4), lambda _: None)
    assert [choice.predicted == "" for choice in strict] == [choice.probability < bar for choice in sure]
    assert sum(choice.predicted == "" for choice in strict) == 3
    assert [choice.probability for choice in strict] == [choice.probability for choice in sure]
    assert [choice.runner_up for choice in strict] == [choice.runner_up for choice in sure]


def test_pieces_give_the_same_and_are_told(load_base: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TorchEngine(load_base("gpt2"), longest_prompt=20, longest_answer=20)
    whole = label_rows(engine, PROMPTS, LABELS, 1.0, (0.0, 2), lambda _: None)
    monkeypatch.setattr(predict, "LABELLED_AT_ONCE", 3)
    told: list[int] = []
    pieces = label_rows(engine, PROMPTS, LABELS, 1.0, (0.0, 2), told.append)
    assert told == [3, 3, 1]
    assert [choice.predicted for choice in pieces] == [choice.predicted for choice in whole]
    assert np.allclose([c.probability for c in pieces], [c.probability for c in whole], atol=1e-6)


def test_no_rows_no_choices(load_base: Load) -> None:
    engine = TorchEngine(load_base("gpt2"), longest_prompt=20, longest_answer=20)
    assert label_rows(engine, [], LABELS, 1.0, (0.0, 4), lambda _: None) == []
