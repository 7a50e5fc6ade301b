"""How long texts are, in words or tokens, against what a model can see."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["words", "tokens"]


@dataclass(frozen=True, eq=False)
class Lengths:
    """Lengths of the texts of one or more columns.

    `values` int64 (texts,) of those that are not blank; `missing` texts are blank; `distinct` of the
    others are different after folding; `limit` is the most of these units that the base can see, None
    where no base was chosen.
    """

    column: str
    unit: Unit
    values: NDArray[np.int64]
    missing: int
    distinct: int
    limit: int | None = None

    @property
    def over_limit(self) -> int:
        """Texts longer than the base can see."""
        return 0 if self.limit is None else int((self.values > self.limit).sum())

    def figures(self) -> dict[str, float | int | str | None]:
        """The numbers that describe them; `missing_share` is of all rows, `sd` the population's."""
        rows = len(self.values) + self.missing
        told: dict[str, float | int | str | None] = {
            "column": self.column,
            "unit": self.unit,
            "n": len(self.values),
            "distinct": self.distinct,
            "missing": self.missing,
            "missing_share": self.missing / rows if rows else 0.0,
            "limit": self.limit,
            "over_limit": self.over_limit,
        }
        if not len(self.values):
            return told
        marks = np.percentile(self.values, [1, 25, 50, 75, 99]).tolist()
        return {
            **told,
            "mean": float(self.values.mean()),
            "sd": float(self.values.std()),
            **dict(zip(("p1", "p25", "median", "p75", "p99"), marks, strict=True)),
            "min": int(self.values.min()),
            "max": int(self.values.max()),
        }
