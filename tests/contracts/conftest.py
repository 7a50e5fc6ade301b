"""Findings with every part that a figure can be drawn from."""

import numpy as np
import pytest

from finetable.data.copies import Copy
from finetable.data.lengths import Lengths
from finetable.data.profile import Topic
from finetable.reporting.findings import (
    Findings,
    LabelFindings,
    RunFindings,
    TableFindings,
    TextFindings,
    Validation,
)

LABELS = ("drama", "comedy", "science fiction", "documentary", "horror")
STEPS = 600
TEST_ROWS = 400
TEXTS = 60
WORDS = ["sea", "moon", "love", "ghost", "train", "city", "war", "child", "robot", "king", "letter", "summer"]
MORE_WORDS = [*WORDS, "night", "river", "dream", "map"]


@pytest.fixture(scope="session")
def full_findings() -> Findings:
    return Findings(table=table_part(), run=run_part(), label=label_part(LABELS), text=text_part())


def table_part(labels: tuple[str, ...] = LABELS) -> TableFindings:
    random = np.random.default_rng(1)
    values = random.gamma(4, 22, size=3_000).astype(np.int64) + 3
    return TableFindings(
        lengths=(
            Lengths("description", "tokens", values, missing=40, distinct=2_950, limit=256),
            Lengths("title", "words", random.integers(1, 9, size=3_040), missing=0, distinct=2_400),
        ),
        labels={label: 1_200 // (place + 1) for place, label in enumerate(labels)},
        word_counts={
            f"{word}{suffix}": 400 // (k + 1) for k, word in enumerate(MORE_WORDS) for suffix in ("", "s")
        }
        | {"映画": 90, "кино": 70, "été": 60, "فيلم": 50, "हिन्दी": 45},
        rows=3_040,
        duplicates=50,
        near_duplicates=112,
        topics=(
            Topic(("sea", "ship", "island", "storm", "captain", "harbour"), 0.31, (2, 5)),
            Topic(("robot", "planet", "space", "signal", "colony"), 0.22, (3,)),
            Topic(("love", "letter", "summer", "paris"), 0.09, (9,)),
        ),
    )


def run_part() -> RunFindings:
    random = np.random.default_rng(2)
    steps = np.arange(1, STEPS + 1)
    fall = 2.6 + 2.4 * np.exp(-steps / 120)
    at = np.arange(50, STEPS + 1, 50)
    nats = 2.75 + 2.2 * np.exp(-at / 110) + np.maximum(0, at - 400) * 0.0004
    return RunFindings(
        steps=steps,
        seconds=0.7 * steps.astype(np.float64),
        loss_nats=fall + random.normal(0, 0.12, size=STEPS),
        learning_rate=3e-4 * np.minimum(steps / 40, 1 - (steps - 40) / (STEPS * 1.05)),
        validation=Validation(steps=at, seconds=0.7 * at.astype(np.float64), nats=nats),
        kept_step=int(at[nats.argmin()]),
        bytes_per_token=3.9,
    )


def label_part(labels: tuple[str, ...], rows: int = TEST_ROWS) -> LabelFindings:
    random = np.random.default_rng(3)
    truth = random.integers(len(labels), size=rows)
    scores = random.normal(0, 1, size=(rows, len(labels)))
    scores[np.arange(rows), truth] += 1.6
    weights = np.exp(1.3 * scores)
    return LabelFindings(
        labels=labels,
        truth=truth,
        probabilities=weights / weights.sum(axis=1, keepdims=True),
        temperature=1.7,
        per_class=[
            {"label": label, "rows": 90 - place % 90}
            | {f"{measure}{end}": 0.8 - 0.5 * (place % 7) / 7 + shift
               for measure in ("precision", "recall", "f1")
               for end, shift in (("_low", -0.08), ("", 0.0), ("_high", 0.07))}
            for place, label in enumerate(labels)
        ],
        baselines={"majority": {"accuracy": 0.24}, "tfidf": {"accuracy": 0.55}},
    )  # fmt: skip


def text_part() -> TextFindings:
    random = np.random.default_rng(4)
    copied = random.poisson(4, size=(2, TEXTS)) + np.array([[1], [0]])
    copied[0, :3] = 31
    written, real = (
        [
            " ".join(random.choice(words, size=random.integers(8, size)))
            for _ in range(TEXTS)
        ]
        for words, size in ((WORDS[:9], 30), (MORE_WORDS[3:], 44))
    )  # fmt: skip
    copies = [[Copy(int(n), row=0, start=0, nearest_row=0, whole=False) for n in side] for side in copied]
    return TextFindings(written=written, real=real, written_copies=copies[0], real_copies=copies[1])
