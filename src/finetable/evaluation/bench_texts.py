"""Contestants that write, on the same rows: how well they predict, how varied they are, if they copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finetable.data.copies import Copy, CopyIndex
from finetable.evaluation.baselines import compressed_bits_per_byte
from finetable.evaluation.bench import ContestantKind
from finetable.evaluation.diversity import distinct_n, word_count
from finetable.evaluation.evaluate import copying_figures
from finetable.evaluation.metrics import ratio_of_sums, spread
from finetable.inference.contestant import Wrote


@dataclass(frozen=True, eq=False)
class WriterEntry:
    """A contestant that writes, and what it made of the rows."""

    name: str
    kind: ContestantKind
    wrote: Wrote


@dataclass(frozen=True, eq=False)
class RealTexts:
    """Texts learnt from or taken as examples, and texts that no contestant saw."""

    train: Sequence[str]
    test: Sequence[str]


def judge_writers(real: RealTexts, entries: Sequence[WriterEntry]) -> dict[str, Any]:
    """Figures of every contestant on the same rows, with the keys that `bench --json` promises.

    `difference` is the bits per byte less those of the best contestant, on the same draws of rows; less is
    better. `distinct_2` is the share of distinct pairs of words, on as many words for each contestant and the
    real texts. A compressor that read the training texts (xz) stands beside them.
    """
    sizes = np.array([len(text.encode()) for text in real.test])
    bits = {entry.name: entry.wrote.nats / np.log(2) for entry in entries}
    best = min(bits, key=lambda name: float(bits[name].sum()))
    index = CopyIndex.build(real.train)
    copies = index.look_up(real.test)
    most_words = min(map(word_count, [real.test, *(entry.wrote.texts for entry in entries)]))
    contestants = [
        {
            "name": entry.name,
            "kind": entry.kind,
            **_predicting(bits[entry.name], bits[best], sizes),
            **copying_figures(_copies_of(entry.wrote, index), copies),
            "distinct_2": distinct_n(entry.wrote.texts, 2, most_words),
            "rows_per_second": len(entry.wrote.texts) / max(entry.wrote.seconds, 1e-9),
            "cost_per_1000_rows": 1000 * entry.wrote.cost / len(entry.wrote.texts),
            "notes": list(entry.wrote.notes),
        }
        for entry in entries
    ]
    return {
        "task": "write",
        "rows": len(real.test),
        "best": best,
        "contestants": contestants,
        "baselines": {"xz": {"bits_per_byte": compressed_bits_per_byte(real.train, real.test)}},
        "distinct_2_real": distinct_n(real.test, 2, most_words),
    }


def _copies_of(wrote: Wrote, index: CopyIndex) -> Sequence[Copy]:
    """What the texts share with those that the contestant learnt from: those of `index`, or its own."""
    return index.look_up(wrote.texts) if wrote.copies is None else wrote.copies


def _predicting(
    bits: npt.NDArray[np.float64], best: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64]
) -> dict[str, Any]:
    difference = ratio_of_sums(bits - best, sizes)
    return {
        **spread("bits_per_byte", ratio_of_sums(bits, sizes)),
        **spread("difference", difference),
        "is_even": difference.low <= 0 <= difference.high,
    }
