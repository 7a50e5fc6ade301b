"""How long the copy check takes on a table, how much memory, and whether it finds what was planted.

    python benchmarks/copies.py papers.parquet --column abstract

The last 1,000 texts are held out, the others are indexed. Looked up are held-out texts, verbatim copies,
and runs of words planted amid foreign ones. Exits with 1 if one of these is not found.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from finetable.data.copies import CopyIndex
from finetable.data.folding import words
from finetable.data.read_table import read_table

TEXTS, PLANTED, RUN_WORDS = 1000, 500, (8, 40)
Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result]) -> Result:
    before = time.perf_counter(), time.process_time()
    result = work()
    seconds, on_cpu = time.perf_counter() - before[0], time.process_time() - before[1]
    print(f"{what:<28}{seconds:8.2f} s {on_cpu:8.2f} s of CPU")
    return result


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB


def planted(training: list[str], draw: random.Random) -> tuple[list[str], list[tuple[int, int]]]:
    """Return texts that hold a run each, and of each run its length and the row that it was taken from."""
    long_enough = [row for row, text in enumerate(training) if len(words(text)) >= RUN_WORDS[1]]
    texts, runs = [], []
    for row in draw.choices(long_enough, k=PLANTED):
        read, length = words(training[row]), draw.randint(*RUN_WORDS)
        first = draw.randint(0, len(read) - length)
        before, after = (" ".join(["zzforeignzz"] * draw.randint(1, 150)) for _ in range(2))
        texts.append(f"{before}, {' '.join(read[first : first + length]).upper()}! {after}")
        runs.append((length, row))
    return texts, runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--column", required=True)
    arguments = parser.parse_args()
    texts = [str(text) for text in read_table(arguments.table).texts(arguments.column)]
    training, held_out = texts[:-TEXTS], texts[-TEXTS:]
    print(f"{len(training):,} texts to index, peak memory so far {peak_megabytes():.0f} MB")
    index = timed("build", lambda: CopyIndex.build(training))
    print(f"peak memory {peak_megabytes():.0f} MB")
    draw = random.Random(0)
    with_runs, runs = planted(training, draw)
    asked = {"held-out": held_out, "verbatim": draw.choices(training, k=TEXTS), "planted": with_runs}
    with tempfile.TemporaryDirectory() as folder:
        timed("save", lambda: index.save(Path(folder) / "copies"))
        loaded = timed("load", lambda: CopyIndex.load(Path(folder) / "copies"))
        for where, opened in (("built", index), ("loaded", loaded)):
            for kind, these in asked.items():
                copies = timed(f"{len(these)} {kind}, {where}", partial(opened.look_up, these))
            pairs = zip(copies, runs, strict=True)  # a run that stands in an earlier row too is found there
            found = sum(copy.words == length and copy.row <= row for copy, (length, row) in pairs)
            print(f"planted runs found: {found} of {PLANTED}")
            if found < PLANTED:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
