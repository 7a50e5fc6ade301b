"""What any contestant says of rows: the seam between those who answer and those who judge."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetable.data.copies import Copy

OUTSIDE = -1
"""The place of an answer that is none of the labels."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a contestant says of N rows, in their order, with L labels to choose from.

    `predicted` holds places in the list of labels, OUTSIDE for an answer outside it; `probabilities` (N, L),
    rows that sum to one, None where none are known. `seconds` is the wall time of answering, loading and
    preparing apart; `cost` is in US dollars, 0.0 on this machine, None where no price is known. `outside`
    counts the answers outside the list; `notes` are sentences that a person should read.
    """

    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64] | None
    seconds: float
    cost: float | None
    outside: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Wrote:
    """What a contestant makes of N rows whose texts it never saw.

    `nats` (N,) is minus the log-probability of each real text with its end. `texts` are those it wrote
    itself, for prompts of the rows, in `seconds` of wall time. `cost` is in US dollars; `notes` are as above.
    `copies` are what each text shares with one that it learnt from, None where it learnt from no others than
    those it was shown.
    """

    nats: npt.NDArray[np.float64]
    texts: tuple[str, ...]
    seconds: float
    cost: float
    notes: tuple[str, ...] = ()
    copies: tuple[Copy, ...] | None = None
