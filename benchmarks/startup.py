"""Start-up: help at once, and the time from the command to the first step of training."""

import os
import statistics
import subprocess
import time
from pathlib import Path

from benchmarks import inputs
from benchmarks.arena import PROJECT, Arena, ratio
from benchmarks.results import Ratio, Section, Speed

POLL_SECONDS = 0.02


def start_up(arena: Arena) -> Section:
    """`finetable --help`, and `train` on Netflix beside a script of the Trainer."""
    folder = arena.work / "distilgpt2"
    inputs.distilgpt2(arena.models, folder)
    table = arena.data / "netflix" / "netflix_titles.csv"
    helps: list[float] = []
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(arena.rounds + 1):
        found = (_help(arena), _first_step(arena, folder, table, number), _script(arena, folder, table))
        print("    help {:.2f} s, finetable {:.1f} s, script {:.1f} s".format(*found), flush=True)
        if number:
            for kept, seconds in zip((helps, ours, theirs), found, strict=True):
                kept.append(seconds)
    section = Section(
        "startup",
        "Start-up",
        "From the command to its end (help), or to the end of the first step: Netflix descriptions and a "
        "network of distilgpt2's shape. finetable reads, judges and splits the table and plans the run "
        "before that; the script reads it, tokenizes it and trains.",
        [
            Speed("finetable --help", statistics.median(helps), "s", None),
            Speed("finetable train", statistics.median(ours), "s", None),
            Speed("script of the Trainer", statistics.median(theirs), "s", None),
        ],
    )
    ordered = sorted(helps)
    section.ratios.append(
        Ratio("seconds of --help", statistics.median(helps), ordered[0], ordered[-1], len(helps), 0.6, True)
    )
    share = ratio("time to the first step beside the script", ours, theirs)
    section.ratios.append(
        Ratio(share.what, share.median, share.lowest, share.highest, share.pairs, 0.5, at_most=True)
    )
    section.notes.append(f"--help imports torch: {_imports_torch(arena)}.")
    return section


def _help(arena: Arena) -> float:
    begun = time.perf_counter()
    subprocess.run([str(arena.ours), "-m", "finetable", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def _imports_torch(arena: Arena) -> str:
    words = [str(arena.ours), "-X", "importtime", "-m", "finetable", "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    return "yes" if any(line.split("|")[-1].strip() == "torch" for line in told.splitlines()) else "no"


def _first_step(arena: Arena, folder: Path, table: Path, number: int) -> float:
    """Seconds until the model folder tells of a step."""
    out = arena.work / f"run-{number}"
    words = ["train", str(table), "--write", "description", "--base", str(folder), "--out", str(out)]
    begun = time.perf_counter()
    with (arena.work / "train.log").open("w") as log:
        process = subprocess.Popen([str(arena.ours), "-m", "finetable", *words], stdout=log, stderr=log)
        try:
            while not any(file.stat().st_size for file in out.rglob("steps.jsonl")):
                if process.poll() is not None:
                    raise RuntimeError((arena.work / "train.log").read_text(encoding="utf-8")[-2000:])
                time.sleep(POLL_SECONDS)
            return time.perf_counter() - begun
        finally:
            process.kill()
            process.wait()


def _script(arena: Arena, folder: Path, table: Path) -> float:
    words = [
        str(arena.theirs),
        "-m",
        "benchmarks.hugging_face_script",
        str(folder),
        str(table),
        "description",
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    begun = time.perf_counter()
    with subprocess.Popen(
        words, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "first step" in line:
                seconds = time.perf_counter() - begun
                process.kill()
                return seconds
    raise RuntimeError("the script ended before its first step")
