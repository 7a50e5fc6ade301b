"""Labels scored behind few-shot prompts, against the whole text through plain transformers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from finetable.inference import local_answers
from finetable.inference.answerer import NOT_ASKED, SPELLED, Question, end_of_answer, same_beginning
from finetable.inference.contestant import OUTSIDE
from finetable.inference.local_answers import LocalAnswerer
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import load_pretrained

LABELS = ("science", "science fiction", "sci", "drama!", "été 🎬", "positive")
PROMPTS = ("the sea\nkind:", "Un été à Paris\nkind:", "a film\nkind: drama\n\nlove and the sea\nkind:")


@pytest.fixture(scope="module")
def plain(architecture: str, base_folder: Callable[[str], Path]) -> BaseModel:
    """A base as it came."""
    return load_pretrained(str(base_folder(architecture)), with_separator=False)


@pytest.fixture(scope="module")
def gpt2(base_folder: Callable[[str], Path]) -> BaseModel:
    return load_pretrained(str(base_folder("gpt2")), with_separator=False)


def fixed(*prompts: str) -> list[Question]:
    """Questions without examples."""

    def text_of(prompt: str) -> Callable[[int], str]:
        return lambda _: prompt

    return [Question(0, text_of(prompt)) for prompt in prompts]


def slow_scores(base: BaseModel, prompt: str, labels: Sequence[str], end: str) -> np.ndarray:
    """Log-probability in nats of each whole text but its first token, one text at a time."""
    scores = []
    for label in labels:
        ids = base.encoder().plain([f"{prompt} {label}{end}"])[0]
        with torch.inference_mode():
            nats = base.network(torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(dim=-1)
        scores.append(sum(float(nats[place, token]) for place, token in enumerate(ids[1:])))
    return np.array(scores)


def relative(scores: np.ndarray) -> np.ndarray:
    """Scores up to a constant for each row."""
    return np.asarray(scores - scores.max(axis=-1, keepdims=True))


def test_scores_are_those_of_the_whole_texts(plain: BaseModel) -> None:
    answers = LocalAnswerer(plain, None, batch_size=2).answer(fixed(*PROMPTS), LABELS)
    slow = np.array([slow_scores(plain, prompt, LABELS, "\n") for prompt in PROMPTS])
    assert answers.scores is not None
    assert np.allclose(relative(answers.scores), relative(slow), atol=2e-4, rtol=0)
    assert answers.chosen.tolist() == slow.argmax(axis=1).tolist()
    assert (answers.shown.tolist(), answers.cost) == ([0, 0, 0], 0.0)


def test_pieces_change_nothing(gpt2: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LocalAnswerer(gpt2, None).answer(fixed(*PROMPTS), LABELS)
    monkeypatch.setattr(local_answers, "TEXTS_AT_ONCE", 1)
    apart = LocalAnswerer(gpt2, None, batch_size=1).answer(fixed(*PROMPTS), LABELS)
    assert whole.scores is not None
    assert apart.scores is not None
    assert np.allclose(whole.scores, apart.scores, atol=1e-5)


@pytest.fixture(scope="module")
def joining(base_folder: Callable[[str], Path]) -> BaseModel:
    """A base whose tokenizer makes one token of a prompt's end and the beginning of some labels."""
    base = load_pretrained(str(base_folder("gpt2")), with_separator=False)
    spelled = json.loads(base.tokenizer.backend_tokenizer.to_str())
    spelled["pre_tokenizer"]["use_regex"] = False
    model = spelled["model"]
    freed = sorted((token for token in model["vocab"] if len(token) > 1), key=model["vocab"].get)[-4:]
    model["merges"] = [merge for merge in model["merges"] if not {*merge, "".join(merge)} & set(freed)]
    for old, new in zip(freed, [":Ġ", ":Ġp", "ĊĊ", "!Ċ"], strict=True):
        model["vocab"][new] = model["vocab"].pop(old)
    model["merges"][:0] = [[":", "Ġ"], [":Ġ", "p"], ["Ċ", "Ċ"], ["!", "Ċ"]]
    base.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spelled)),
        bos_token=base.tokenizer.bos_token,
        eos_token=base.tokenizer.eos_token,
        pad_token=base.tokenizer.pad_token,
    )
    return base


def test_a_label_is_scored_in_the_tokens_of_the_whole_text(joining: BaseModel) -> None:
    ids = joining.encoder().plain(["kind: positive", "kind: negative", "kind:"])
    assert same_beginning(ids) < len(ids[2]), "the tokenizer joins what it was made to join"
    answers = LocalAnswerer(joining, None).answer(fixed(*PROMPTS), LABELS)
    slow = np.array([slow_scores(joining, prompt, LABELS, "\n\n") for prompt in PROMPTS])
    assert answers.scores is not None
    assert np.allclose(relative(answers.scores), relative(slow), atol=2e-4, rtol=0)


def test_what_ends_an_answer_is_what_ends_it_in_the_examples(plain: BaseModel, joining: BaseModel) -> None:
    for base, end in ((plain, "\n"), (joining, "\n\n")):
        encoder = base.encoder()
        tokens = [encoder.decode([token]) for token in encoder.plain([SPELLED])[0]]
        assert end_of_answer(tokens) == end


@settings(max_examples=25, deadline=None)
@given(
    examples=st.lists(st.text("ab \n", max_size=40), max_size=6),
    question=st.text("cd ", max_size=90),
    most=st.none() | st.integers(1, 120),
)
def test_as_many_examples_as_the_budget_holds(
    gpt2: BaseModel, examples: list[str], question: str, most: int | None
) -> None:
    answerer = LocalAnswerer(gpt2, most)
    asked = Question(len(examples), lambda count: "\n\n".join([*examples[:count], f"{question}:"]))
    room = min(gpt2.context, most or gpt2.context)

    def tokens(count: int) -> int:
        texts = [f"{asked.text(count)} {label}\n" for label in LABELS]
        return max(len(ids) for ids in gpt2.encoder().plain(texts))

    fitting = [count for count in range(len(examples) + 1) if tokens(count) <= room]
    expected = max(fitting, default=NOT_ASKED)
    assert answerer.shown(asked, LABELS) == expected
    answers = answerer.answer([asked], LABELS)
    assert answers.shown.tolist() == [expected]
    assert (answers.chosen[0] == OUTSIDE) == (expected == NOT_ASKED)


def test_vectors_are_means_of_hidden_states_of_length_one(gpt2: BaseModel) -> None:
    texts = ["the sea", "a much longer text about love, loss and the sea", "", "sea " * 200]
    vectors = LocalAnswerer(gpt2, None).vectors(texts)
    for text, vector in zip(texts, vectors, strict=True):
        ids = gpt2.encoder().plain([text])[0][: gpt2.context] or [gpt2.special.start]
        with torch.inference_mode():
            mean = gpt2.network.base_model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0)
        assert np.allclose(vector, (mean / mean.norm()).numpy(), atol=1e-5)
