"""Our own server and a base in memory say the same of every row."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.serving.running import RunningServer

from finetable.bench_settings import FewShotSettings
from finetable.catalog import answerer_of
from finetable.errors import RemoteError
from finetable.inference import openai_engine
from finetable.inference.contestant import OUTSIDE
from finetable.inference.few_shot import FewShot
from finetable.settings import TaskSettings

TASK = TaskSettings(label="mood", given=("text",))
LABELS = ("bad", "good", "so-so", "so-so indeed")
TEXTS = ("sun at sea", "rain again", "late train", "tea", "warm sea", "no sleep", "a letter", "cold tea")
MOODS = ("good", "bad", "bad", "so-so", "good", "bad", "so-so indeed", "so-so")
EXAMPLES = (TEXTS, MOODS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, wide_folder: Path) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("few") / "home", str(wide_folder)).start()
    yield running
    running.stop()


ASKED = ("the warm sea", "rain and tea", "", "the warm sea " * 24, "été 🎬", "sea " * 400)


@pytest.mark.parametrize("labels_at_once", [2, 32])
@pytest.mark.parametrize(
    "words", ["k=0", "k=4,pick=random", "k=4,pick=balanced", "k=4,pick=nearest", "k=8,seed=3"]
)
def test_our_server_says_what_a_base_in_memory_says_row_by_row(
    served: RunningServer,
    wide_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    labels_at_once: int,
) -> None:
    monkeypatch.setattr(openai_engine, "LABELS_AT_ONCE", labels_at_once)
    here, there = (
        FewShotSettings.parsed(f"{model}@{words}{url}")
        for model, url in ((wide_folder, ""), ("wide", f",url={served.address}/v1"))
    )
    local, remote, again = (
        FewShot(settings, answerer_of(settings, tmp_path), TASK, LABELS, EXAMPLES)
        for settings in (here, there, there)
    )
    with closing(local), closing(remote), closing(again):
        known, found, once_more = (each.label(ASKED) for each in (local, remote, again))
        assert remote.prompt_for(ASKED[0]) == local.prompt_for(ASKED[0])
    assert known.probabilities is not None
    assert found.probabilities is not None
    assert once_more.probabilities is not None
    assert np.allclose(found.probabilities, known.probabilities, atol=1e-5)
    assert found.predicted.tolist() == known.predicted.tolist()
    assert known.predicted[-1] == OUTSIDE
    assert found.notes == (
        *known.notes,
        "The endpoint tells log-probabilities of given texts, so every label was scored.",
    )
    assert found.cost == known.cost == 0.0
    assert np.array_equal(once_more.probabilities, found.probabilities)


def test_a_model_that_the_server_does_not_have_is_a_sentence(served: RunningServer, tmp_path: Path) -> None:
    settings = FewShotSettings.parsed(f"gone@k=0,url={served.address}/v1")
    with closing(answerer_of(settings, tmp_path)) as engine, pytest.raises(RemoteError, match="404"):
        FewShot(settings, engine, TASK, LABELS, EXAMPLES).label(["sea"])
