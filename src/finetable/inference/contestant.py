"""What a contestant of a comparison says of rows: labels or texts, the time that took and the cost."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a contestant says of N rows, in their order.

    Attributes:
        predicted: (N,) places in the list of labels; -1 for an answer that is none of them.
        probabilities: (N, L), rows sum to one; None where the endpoint gives none.
        seconds: wall time of answering; loading and preparing apart.
        cost: US dollars; None where it has no price, 0.0 for what runs here.
        outside: answers that are none of the labels.
        notes: sentences a person should read, such as how many examples found no room.
    """

    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64] | None
    seconds: float
    cost: float | None
    outside: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Wrote:
    """What a contestant makes of N rows whose texts it never saw.

    Attributes:
        nats: (N,) minus the log-probability of each real text with its end; None where none is given.
        texts: texts it wrote itself, for prompts of the rows.
        seconds: wall time of writing them; loading and preparing apart.
        cost: US dollars; None where it has no price, 0.0 for what runs here.
        notes: sentences a person should read.
    """

    nats: npt.NDArray[np.float64] | None
    texts: tuple[str, ...]
    seconds: float
    cost: float | None
    notes: tuple[str, ...] = ()
