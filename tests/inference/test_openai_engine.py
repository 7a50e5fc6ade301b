"""Models at an address: a hostile endpoint, and a process that is killed."""

import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.inference import hostile
from tests.inference.hostile import SECONDS, Endpoint, Fault

from finetable.bench_settings import FewShotSettings
from finetable.catalog import answerer_of
from finetable.errors import RemoteError
from finetable.inference import endpoint, openai_engine
from finetable.inference.answer_cache import FILE
from finetable.inference.answerer import Question
from finetable.inference.contestant import OUTSIDE, Labelled
from finetable.inference.few_shot import FewShot
from finetable.settings import TaskSettings

TASK = TaskSettings(label="mood", given=("text",))
LABELS = ("bad", "good", "so-so", "so-so indeed")
TEXTS = ("sun at sea", "rain again", "late train", "tea", "warm sea", "no sleep", "a letter", "cold tea")
MOODS = ("good", "bad", "bad", "so-so", "good", "bad", "so-so indeed", "so-so")
EXAMPLES = (TEXTS, MOODS)
FAULTS: tuple[tuple[Fault, ...], ...] = (
    ("limit",),
    ("busy", "limit"),
    ("broken",),
    ("cut", "shapeless"),
    ("gone",),
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-tests")


def number_of(prompt: str) -> int:
    found = re.search(r"row (\d+)\nmood:$", prompt)
    assert found is not None, prompt
    return int(found[1])


def answer_of(prompt: str) -> str:
    """A label, with blanks around it; every tenth in other words."""
    number = number_of(prompt)
    return "It is good." if number % 10 == 7 else f" {LABELS[number % 4]}\n"


def label(url: str, cache: Path, rows: Sequence[str], words: str = "k=0") -> Labelled:
    settings = FewShotSettings.parsed(f"some-model@url={url},{words}")
    contestant = FewShot(settings, answerer_of(settings, cache), TASK, LABELS, EXAMPLES)
    with closing(contestant):
        return contestant.label(rows)


def numbered(count: int) -> list[str]:
    return [f"row {number}" for number in range(count)]


def right(count: int) -> list[int]:
    return [OUTSIDE if number % 10 == 7 else number % 4 for number in range(count)]


def kept(cache: Path) -> int:
    with closing(sqlite3.connect(cache / FILE)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])


def test_a_thousand_rows_end_each_answered_once(tmp_path: Path) -> None:
    def faults(prompt: str) -> tuple[Fault, ...]:
        number = number_of(prompt)
        return FAULTS[number // 3 % len(FAULTS)] if number % 3 == 0 else ()

    with hostile.running(answer_of, faults) as found:
        found.holds = lambda prompt: number_of(prompt) in (20, 300, 777)
        late = threading.Thread(target=let_go_at_the_end, args=(found,))
        late.start()
        labelled = label(found.url, tmp_path, numbered(1000))
        late.join()
        again = label(found.url, tmp_path, numbered(1000))
    assert labelled.predicted.tolist() == again.predicted.tolist() == right(1000)
    assert (labelled.outside, labelled.probabilities, labelled.cost) == (100, None, 0.0)
    assert "letter by letter" in labelled.notes[0]
    assert again.notes[1:] == ("1,000 answers of 1,000 had been kept, and took no time now.",)
    assert sorted(map(number_of, found.answered)) == list(range(1000))
    assert set(found.answered.values()) == {1}
    for prompt, times in found.asked.items():
        assert times == 1 + len(faults(prompt))


def let_go_at_the_end(found: Endpoint) -> None:
    """Answer the slow ones when all three were asked and others have been answered meanwhile."""
    for _ in range(3):
        assert found.held.acquire(timeout=SECONDS)
    found.free.set()


PROCESS = """
import sys
from pathlib import Path
from tests.inference.test_openai_engine import label, numbered
label(sys.argv[1], Path(sys.argv[2]), numbered(60), "k=2,parallel=4")
"""


def test_nothing_is_paid_twice_after_kill_9_in_the_middle(tmp_path: Path) -> None:
    with hostile.running(answer_of) as found:
        found.holds = lambda _: found.answered.total() >= 25 or found.asked.total() > 25
        command = [sys.executable, "-c", PROCESS, found.url, str(tmp_path)]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        for _ in range(4):  # all four are held, so whatever was answered before has been kept
            assert found.held.acquire(timeout=SECONDS)
        process.send_signal(signal.SIGKILL)
        assert process.wait(SECONDS) == -signal.SIGKILL
        paid = {prompt for prompt, times in found.answered.items() if times}
        assert len(paid) == kept(tmp_path) == 25
        found.holds = lambda _: False
        found.asked.clear()
        labelled = label(found.url, tmp_path, numbered(60), "k=2,parallel=4")
        assert not paid & set(found.asked)
        assert sorted(found.asked.values()) == [1] * 35
    assert labelled.predicted.tolist() == right(60)
    assert labelled.notes[1] == "25 answers of 60 had been kept, and took no time now."


def test_the_key_is_sent_and_nowhere_kept_or_told(tmp_path: Path) -> None:
    key = "sk-secret-of-the-tests"
    with hostile.running(answer_of) as found:
        label(found.url, tmp_path, numbered(3))
        assert found.keys == {f"Bearer {key}"}
        for status in (400, 401):
            found.refusal = (status, {"error": {"message": f"Incorrect key {key}.", "code": "wrong"}})
            with pytest.raises(RemoteError) as told:
                label(found.url, tmp_path, numbered(4))
            assert key not in str(told.value)
            assert str(status) in str(told.value)
    for file in tmp_path.iterdir():
        assert key.encode() not in file.read_bytes()


def test_an_endpoint_that_never_answers_is_a_sentence_and_what_was_answered_stays(tmp_path: Path) -> None:
    broken: tuple[Fault, ...] = ("broken",) * 50

    with hostile.running(answer_of, lambda prompt: broken if number_of(prompt) == 9 else ()) as found:
        with pytest.raises(RemoteError, match=r"10 tries .*cannot be read.*kept"):
            label(found.url, tmp_path, numbered(12), "k=0,parallel=1")
        assert kept(tmp_path) == 9
        assert found.asked.total() == 9 + 10
        found.headers = {"Retry-After": "3600"}
        found.faults = lambda _: ("limit",)
        with pytest.raises(RemoteError, match=r"wait for 3,600 seconds"):
            label(found.url, tmp_path, numbered(40), "k=0,parallel=1")
    with pytest.raises(RemoteError, match="nobody listens"):
        label(found.url, tmp_path, numbered(1))


@pytest.mark.parametrize("code", ["insufficient_quota", "not_retried"])
def test_what_waiting_does_not_mend_is_not_tried_again(tmp_path: Path, code: str) -> None:
    with hostile.running(answer_of) as found:
        found.headers = {"x-should-retry": "false"} if code == "not_retried" else {}
        found.refusal = (429, {"error": {"message": "You have no money left.", "code": code}})
        with pytest.raises(RemoteError, match="no money left"):
            label(found.url, tmp_path, numbered(9))
        assert found.paths.total() == 1


def test_a_budget_is_never_exceeded_and_the_run_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FewShotSettings, "is_on_this_machine", False)
    prices = "input_price=1000,output_price=5000"
    with hostile.running(answer_of) as found:
        with pytest.raises(RemoteError, match=r"budget of \$1\.0000 is used up"):
            label(found.url, tmp_path, numbered(50), f"k=0,parallel=3,budget=1,{prices}")
        one = 100 / 1000 + 2 / 200
        answered = found.answered.total()
        assert 0 < answered * one <= 1
        whole = label(found.url, tmp_path, numbered(50), f"k=0,parallel=3,budget=100,{prices}")
        assert whole.predicted.tolist() == right(50)
        assert whole.cost == pytest.approx(50 * one)
        assert found.answered.total() == 50
        assert label(found.url, tmp_path, numbered(60), "k=0").cost is None


def echoed(texts: list[str], weights: str = "fp_1") -> dict[str, Any]:
    """Texts with a token for each letter, each as likely as the weights say."""
    nats = -1.0 if weights == "fp_1" else -0.5
    choices = [
        {
            "index": place,
            "text": text,
            "logprobs": {"tokens": list(text), "token_logprobs": [None, *[nats] * (len(text) - 1)]},
        }
        for place, text in enumerate(texts)
    ]
    return {"choices": choices[::-1], "system_fingerprint": weights}


def test_scores_are_sums_over_what_differs_and_a_broken_one_is_asked_for_again(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def echo(texts: list[str]) -> dict[str, Any]:
        asked.append(texts)
        whole = echoed(texts)
        if len(asked) == 2:
            del whole["choices"][0]
        if len(asked) == 3:
            whole["choices"][0]["logprobs"]["token_logprobs"][4] = None
        return whole

    with hostile.running(answer_of) as found:
        found.echo = echo
        labelled = label(found.url, tmp_path, ["row 1"])
    assert len(asked) == 4
    assert asked[1] == asked[2] == asked[3]
    assert [text.rsplit("mood:", 1)[1] for text in asked[3]] == [f" {label}\n" for label in LABELS]
    lengths = np.array([-float(len(label)) for label in LABELS])
    assert labelled.probabilities is not None
    assert np.allclose(labelled.probabilities[0], np.exp(lengths) / np.exp(lengths).sum())


@pytest.mark.parametrize("at_once", [2, 3, 32])
def test_labels_of_several_requests_are_told_against_the_same_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(openai_engine, "LABELS_AT_ONCE", at_once)
    labels = ["so", "so-so", "bad", "so-so indeed", "b"]
    with hostile.running(answer_of) as found:
        found.echo = echoed
        settings = FewShotSettings.parsed(f"some-model@url={found.url}")
        with closing(answerer_of(settings, tmp_path)) as engine:
            scores = engine.answer([Question(0, lambda _: "mood:")], labels).scores
    assert scores is not None
    lengths = np.array([len(label) for label in labels])
    assert np.allclose(scores[0] - scores[0, 0], 2 - lengths)


def test_answers_of_other_weights_under_the_same_name_are_not_taken(tmp_path: Path) -> None:
    with hostile.running(answer_of) as found:
        first, second, third = (after(found, tmp_path, weights) for weights in ("fp_1", "fp_2", "fp_1"))
    assert kept(tmp_path) == 2
    assert np.array_equal(first, third)
    assert not np.allclose(first, second)


def after(found: Endpoint, cache: Path, weights: str) -> np.ndarray:
    """Probabilities that an endpoint with these weights gives."""
    found.echo = lambda texts: echoed(texts, weights)
    labelled = label(found.url, cache, ["row 1"])
    assert labelled.probabilities is not None
    return labelled.probabilities


@pytest.mark.parametrize("lacks", ["logprobs", "text", "choices"])
def test_an_endpoint_that_takes_no_notice_of_echo_is_read(tmp_path: Path, lacks: str) -> None:
    def echo(texts: list[str]) -> dict[str, Any]:
        whole = echoed(texts)
        if lacks == "choices":
            return {"object": "text_completion"}
        whole["choices"][0][lacks] = None if lacks == "logprobs" else " and so on"
        return whole

    with hostile.running(answer_of) as found:
        found.echo = echo
        labelled = label(found.url, tmp_path, numbered(4))
        assert found.paths == {"/v1/completions": 1, "/v1/chat/completions": 4}
    assert labelled.probabilities is None
    assert labelled.predicted.tolist() == right(4)


def test_examples_that_an_endpoint_does_not_take_are_left_out(tmp_path: Path) -> None:
    with hostile.running(answer_of) as found:
        found.too_long = lambda prompt: len(prompt) > (190 if "row 0" in prompt else 60)
        labelled = label(found.url, tmp_path, numbered(2), "k=8,labels=false")
        again = label(found.url, tmp_path, numbered(2), "k=8,labels=false")
        assert max(len(prompt) for prompt in found.answered) <= 190
        assert found.answered.total() == 1
        assert set(found.asked.values()) == {1}
    left_out = 8 - next(iter(found.answered)).count("mood: ")
    assert 0 < left_out < 8
    assert labelled.predicted.tolist() == again.predicted.tolist() == [0, OUTSIDE]
    assert labelled.notes[:2] == (
        f"{left_out} examples were left out for want of room, the worst first, in the prompts of 1 row.",
        "1 row was too long to be asked about even without examples, and got no label.",
    )


def test_a_budget_of_tokens_is_kept_by_the_bytes_of_the_prompts(tmp_path: Path) -> None:
    with hostile.running(answer_of) as found:
        label(found.url, tmp_path, numbered(5), "k=8,labels=false,tokens=60")
    sizes = [len(prompt.encode()) + len(LABELS[-1]) for prompt in found.answered]
    assert len(sizes) == 5
    assert all(140 < size <= 180 for size in sizes)
