"""What figures are drawn from: parts that are there or not, each plain numbers and texts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetable.data.copies import Copy
from finetable.data.lengths import Lengths
from finetable.data.profile import Topic


@dataclass(frozen=True, eq=False)
class TableFindings:
    """What a table holds.

    `labels` counts rows by label, empty for a writer; `word_counts` holds the most frequent telling words;
    `duplicates`, `near_duplicates` and `rows` are numbers of rows, None where they were not looked for.
    """

    lengths: tuple[Lengths, ...]
    labels: dict[str, int]
    word_counts: dict[str, int]
    rows: int
    duplicates: int | None = None
    near_duplicates: int | None = None
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, eq=False)
class Validation:
    """Validations of a run: after step `steps` (V,) and `seconds` (V,) of training, `nats` (V,) per token."""

    steps: NDArray[np.int64]
    seconds: NDArray[np.float64]
    nats: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunFindings:
    """What happened while training, a number for each of S steps.

    `seconds` counts from the start; `loss_nats` is per answer token; the weights of `kept_step` were kept.
    `bytes_per_token` of the validation answers turns nats per token into bits per byte; None where it is not
    known or means nothing (labels).
    """

    steps: NDArray[np.int64]
    seconds: NDArray[np.float64]
    loss_nats: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    validation: Validation
    kept_step: int
    bytes_per_token: float | None = None


@dataclass(frozen=True, eq=False)
class LabelFindings:
    """Test rows of a labeller: `truth` (N,) codes into `labels`, calibrated `probabilities` (N, K).

    `temperature` is what calibration divided the scores by; `per_class` and `baselines` are those of the
    figures that `evaluate --json` prints.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    temperature: float
    per_class: list[dict[str, Any]]
    baselines: dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class TextFindings:
    """Texts that a writer wrote freely, copies not redrawn, beside real texts that it never saw.

    `written_copies` and `real_copies` say what each copies from the training texts.
    """

    written: list[str]
    real: list[str]
    written_copies: list[Copy]
    real_copies: list[Copy]


@dataclass(frozen=True, eq=False)
class Findings:
    """Whatever is known of a table or of a run."""

    table: TableFindings | None = None
    run: RunFindings | None = None
    label: LabelFindings | None = None
    text: TextFindings | None = None
