"""Few-shot prompting from training rows to labels, with a tiny base."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.bench_settings import FewShotSettings
from finetable.catalog import answerer_of
from finetable.errors import RecipeError
from finetable.inference.answerer import Answerer
from finetable.inference.contestant import OUTSIDE
from finetable.inference.few_shot import FewShot
from finetable.settings import TaskSettings

TASK = TaskSettings(label="mood", given=("text",))
LABELS = ("bad", "good", "so-so")
TEXTS = ("sun at sea", "rain again", "late train", "tea", "warm sea", "no sleep", "a letter", "cold tea")
MOODS = ("good", "bad", "bad", "so-so", "good", "bad", "good", "so-so")


@pytest.fixture(scope="module")
def answerer(wide_folder: Path) -> Answerer:
    return answerer_of(FewShotSettings(model=str(wide_folder)), wide_folder / "unused")


def few_shot(answerer: Answerer, words: str) -> FewShot:
    return FewShot(FewShotSettings.parsed(f"m@{words}"), answerer, TASK, LABELS, (TEXTS, MOODS))


def shown(prompt: str) -> list[tuple[str, str]]:
    """The examples of a prompt in their order."""
    blocks = [block.rsplit("\nmood: ", 1) for block in prompt.split("\n\n")[1:-1]]
    return [(text, mood) for text, mood in blocks]


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(0, 12),
    pick=st.sampled_from(["random", "balanced", "nearest", "nearest,by=embedding"]),
    order=st.sampled_from(["best-last", "best-first", "shuffled"]),
    seed=st.integers(0, 3),
    question=st.text(max_size=8) | st.sampled_from(TEXTS),
)
def test_examples_are_training_rows_and_each_stands_once(
    answerer: Answerer, k: int, pick: str, order: str, seed: int, question: str
) -> None:
    contestant = few_shot(answerer, f"k={k},pick={pick},order={order},seed={seed},labels=false")
    prompt = contestant.prompt_for(question.replace("\n", " "))
    found = shown(prompt)
    assert len(found) == min(k, len(TEXTS))
    assert not Counter(found) - Counter(zip(TEXTS, MOODS, strict=True))
    if pick == "balanced" and found:
        counts = Counter(mood for _, mood in found)
        assert max(counts.values()) - min(counts[label] for label in LABELS) <= 1
    labels = contestant.label([question.replace("\n", " ")])
    assert labels.probabilities is not None
    assert np.allclose(labels.probabilities.sum(axis=1), 1)


def test_the_most_alike_example_stands_next_to_the_question_unless_told_otherwise(answerer: Answerer) -> None:
    nearest = shown(few_shot(answerer, "k=3,pick=nearest,labels=false").prompt_for("the warm sea"))
    assert [text for text, _ in nearest][-2:] == ["sun at sea", "warm sea"]
    first = shown(
        few_shot(answerer, "k=3,pick=nearest,labels=false,order=best-first").prompt_for("the warm sea")
    )
    assert first == nearest[::-1]
    shuffled = few_shot(answerer, "k=3,pick=nearest,labels=false,order=shuffled,seed=4")
    assert sorted(shown(shuffled.prompt_for("the warm sea"))) == sorted(nearest)
    assert shuffled.prompt_for("the warm sea") == shuffled.prompt_for("the warm sea")


def test_the_worst_examples_are_left_out_and_counted(answerer: Answerer) -> None:
    wide = few_shot(answerer, "k=8,pick=nearest,labels=false")
    prompts = ["the warm sea " * 24, "rain on the warm sea " * 19, "sea " * 400]
    found = wide.label(prompts)
    counts = [len(shown(wide.prompt_for(prompt))) for prompt in prompts]
    assert 0 < counts[1] < counts[0] < 8
    assert shown(wide.prompt_for(prompts[0]))[-1][0] == "warm sea"
    left_out = sum(8 - count for count in counts[:2])
    assert found.notes == (
        f"{left_out} examples were left out for want of room, the worst first, in the prompts of 2 rows.",
        "1 row was too long to be asked about even without examples, and got no label.",
    )
    assert found.predicted[2] == OUTSIDE
    assert found.outside == 1
    assert found.probabilities is not None
    assert np.allclose(found.probabilities[2], 1 / 3)


def test_rows_are_labelled_alike_whatever_stands_beside_them(answerer: Answerer) -> None:
    for words in ("k=0", "k=3,pick=nearest", "k=2,order=shuffled"):
        contestant = few_shot(answerer, words)
        together, turned = contestant.label(TEXTS), contestant.label(TEXTS[::-1])
        assert together.probabilities is not None
        assert turned.probabilities is not None
        assert np.allclose(together.probabilities, turned.probabilities[::-1], atol=1e-5)
        assert (together.cost, together.outside, together.notes) == (0.0, 0, ())
        assert together.predicted.tolist() == together.probabilities.argmax(axis=1).tolist()
        assert together.seconds > 0


def test_more_examples_than_rows_are_told(answerer: Answerer) -> None:
    notes = few_shot(answerer, "k=9,labels=false").label(["sea"]).notes
    assert notes[0] == "There are 8 training rows, so no more than those could be shown of 9."


def test_a_label_of_no_training_row_is_fine_and_a_training_row_of_no_label_is_not(answerer: Answerer) -> None:
    with pytest.raises(RecipeError, match="which is no label"):
        FewShot(FewShotSettings(model="m"), answerer, TASK, ("good", "bad"), (TEXTS, MOODS))
    wider = FewShot(FewShotSettings(model="m", k=2), answerer, TASK, (*LABELS, "none"), (TEXTS, MOODS))
    assert wider.label(["sea"]).predicted.shape == (1,)


def test_no_rows(answerer: Answerer) -> None:
    found = few_shot(answerer, "k=2,pick=nearest").label([])
    assert found.predicted.shape == (0,)
    assert found.probabilities is not None
    assert found.probabilities.shape == (0, 3)
