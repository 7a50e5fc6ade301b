"""The given columns of rows to be written: as named, the rest drawn from training rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from finetable.frozen_rows import SplitRows

Values = dict[str, str]


class GivenValues:
    """Draws values that occur together in the training rows."""

    def __init__(self, names: Sequence[str], train: SplitRows) -> None:
        self._columns = {name: train.texts(name).to_pylist() for name in names}
        self._rows = len(train)

    def draw(self, named: Mapping[str, str], seed: int, rows: Sequence[int]) -> list[Values]:
        """The values of each row, a function of the seed and its number alone.

        What is not named comes from training rows that have what is named, or from all where none has.
        """
        columns = self._columns
        fitting = [
            row for row in range(self._rows) if all(columns[name][row] == named[name] for name in named)
        ]
        candidates = fitting or range(self._rows)
        drawn = []
        for row in rows:
            pick = int(np.random.default_rng([seed, row]).integers(len(candidates)))
            drawn.append({name: columns[name][candidates[pick]] for name in columns} | dict(named))
        return drawn
