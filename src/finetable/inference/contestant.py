"""What any contestant says of rows: the seam between those who label and those who judge."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
