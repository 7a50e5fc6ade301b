"""How cost grows with the table: 1,000, 10,000 and 75,000 abstracts, each trained on in one way."""

import os
import subprocess
import time
from dataclasses import dataclass

import matplotlib as mpl
import pyarrow.parquet
from matplotlib.figure import Figure

from benchmarks.arena import PROJECT, Arena
from benchmarks.results import Ratio, Section, Speed

SIZES = (1_000, 10_000, 75_000)
SMALLEST = 100
"""A table on which nearly everything is start-up; its time is taken off that of the others."""

EPOCHS = 0.05
PLOT = PROJECT / "benchmarks" / "growth.svg"


@dataclass(frozen=True)
class Run:
    """One whole `finetable train`."""

    rows: int
    seconds: float
    peak_mb: float


def grow(arena: Arena) -> Section:
    """`finetable train`, from reading the table to the end of its report."""
    whole = pyarrow.parquet.read_table(arena.data / "papers" / "all_papers.parquet", columns=["abstract"])
    sizes = SIZES[:2] if arena.quick else SIZES
    times = 1 if arena.quick else 2
    runs = [_fastest(arena, whole, rows, times) for rows in (SMALLEST, *sizes)]
    start_up, runs = runs[0].seconds, runs[1:]
    per_row = [1000 * (run.seconds - start_up) / run.rows for run in runs]
    section = Section(
        "growth",
        "Growth with the table",
        f"`train --write abstract --base scratch --size tiny --epochs {EPOCHS}`, from the command to the end "
        f"of its report; fastest of {times}. What {SMALLEST} rows take, {start_up:.1f} s, is taken off.",
        [
            Speed(f"{run.rows:,} rows", milliseconds, "ms a row", run.peak_mb)
            for run, milliseconds in zip(runs, per_row, strict=True)
        ],
    )
    spread = max(per_row) / min(per_row)
    grown = runs[-1].peak_mb - runs[0].peak_mb
    section.ratios.append(
        Ratio("dearest row beside the cheapest", spread, spread, spread, 1, 1.1, at_most=True)
    )
    section.ratios.append(Ratio("MB more at most", grown, grown, grown, 1, 200, at_most=True))
    if not arena.quick:
        _plot(runs)
        section.notes.append("![seconds and memory by rows](growth.svg)")
    return section


def _fastest(arena: Arena, whole: pyarrow.Table, rows: int, times: int) -> Run:
    return min((_train(arena, whole, rows) for _ in range(times)), key=lambda run: run.seconds)


def _train(arena: Arena, whole: pyarrow.Table, rows: int) -> Run:
    table, out = arena.work / f"{rows}.parquet", arena.work / f"{rows}-{os.urandom(4).hex()}"
    # Rows from the whole table, which is sorted by what they are about.
    step = len(whole) / min(rows, len(whole))
    places = [int(place * step) for place in range(min(rows, len(whole)))]
    pyarrow.parquet.write_table(whole.take(places), table)
    peak = arena.work / "peak"
    starter = [str(arena.ours), "-I", "-S", str(PROJECT / "benchmarks" / "starter.py"), str(peak)]
    words = [
        "train",
        str(table),
        "--write",
        "abstract",
        "--base",
        "scratch",
        "--size",
        "tiny",
        "--epochs",
        str(EPOCHS),
    ]
    command = [*starter, str(arena.ours), "-m", "finetable", *words, "--out", str(out)]
    with (arena.work / "train.log").open("w") as log:
        begun = time.perf_counter()
        status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        seconds = time.perf_counter() - begun
    if status:
        raise RuntimeError((arena.work / "train.log").read_text(encoding="utf-8")[-2000:])
    peak_mb = int(peak.read_text(encoding="ascii")) / 1024
    print(f"    {rows:,} rows: {seconds:.1f} s, {peak_mb:,.0f} MB", flush=True)
    return Run(rows, seconds, peak_mb)


def _plot(runs: list[Run]) -> None:
    with mpl.rc_context({"svg.hashsalt": "growth", "font.size": 9}):
        figure = Figure(figsize=(7, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        rows = [run.rows for run in runs]
        left.plot(rows, [run.seconds for run in runs], marker="o", color="#3b6ea5")
        left.set(xlabel="rows", ylabel="seconds", ylim=0, xlim=0)
        right.plot(rows, [run.peak_mb for run in runs], marker="o", color="#3b6ea5")
        right.set(xlabel="rows", ylabel="peak memory, MB", ylim=0, xlim=0)
        figure.savefig(PLOT, metadata={"Date": None})
