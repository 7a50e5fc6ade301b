"""The base beside a fresh network: the same tables, minutes and seeds on one machine.

Each run is the command line's own; what it gave is kept in a line of JSON, so that the same command goes on
after a stop.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from finetable.atomic_files import sha256, write_atomically
from finetable.models.shipped import shipped_folder
from finetable.settings import SHIPPED

BASES = ("small", "scratch")
SEEDS = (0, 1, 2)
FEW = (100, 300, 1_000)


@dataclass(frozen=True)
class Trial:
    """One run of `finetable train`, and the table it is judged on: None for its own test rows."""

    name: str
    table: Path
    words: tuple[str, ...]
    judged_on: Path | None
    base: str
    seed: int

    @property
    def key(self) -> str:
        """What tells it from every other."""
        return f"{self.name}-{self.base}-{self.seed}"


def accept(data: Path, folder: Path, minutes: float) -> list[dict[str, Any]]:
    """Run what has not been run yet with this base and these minutes, and give what all came to."""
    digest = sha256(shipped_folder(SHIPPED) / "model.safetensors")
    folder = folder / f"{digest[:12]}-{minutes:g}"
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.jsonl"
    done = {line["key"]: line for line in _lines(results)}
    for trial in trials(data, folder, minutes):
        if trial.key not in done:
            done[trial.key] = {
                "key": trial.key,
                "name": trial.name,
                "base": trial.base,
                **_run(trial, folder),
            }
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[trial.key]) + "\n")
            print(json.dumps(done[trial.key]), flush=True)
    return list(done.values())


def trials(data: Path, folder: Path, minutes: float) -> Iterator[Trial]:
    """Every run, the bases in turns."""
    netflix, tweets = data / "netflix" / "netflix_titles.csv", data / "tweets"
    label_tweets = ("--label", "sentiment", "--given", "text")
    long = ("--minutes", f"{minutes:g}", "--long-rows", "drop")
    for seed in SEEDS:
        jobs: list[tuple[str, Path, tuple[str, ...], Path | None]] = [
            ("netflix", netflix, ("--write", "description", "--given", "type,listed_in", *long), None),
            ("tweets", tweets / "train.csv", (*label_tweets, *long), tweets / "test.csv"),
            (
                "genres",
                data / "genres" / "movies.csv",
                ("--label", "genre", "--given", "movie_name,synopsis", *long),
                None,
            ),
            *(
                (
                    f"tweets {rows}",
                    _few(tweets / "train.csv", rows, seed, folder),
                    label_tweets,
                    tweets / "test.csv",
                )
                for rows in FEW
            ),
        ]
        for name, table, words, judged_on in jobs:
            for base in BASES:
                yield Trial(name, table, words, judged_on, base, seed)


def _few(table: Path, rows: int, seed: int, folder: Path) -> Path:
    """So many rows of a table, drawn by the seed."""
    out = folder / f"{rows}-{seed}.csv"
    if not out.exists():
        whole = pyarrow.csv.read_csv(table, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
        drawn = np.sort(np.random.default_rng(seed).choice(len(whole), rows, replace=False))
        write_atomically(out, lambda file: pyarrow.csv.write_csv(whole.take(pa.array(drawn)), file))
    return out


def _run(trial: Trial, folder: Path) -> dict[str, Any]:
    out = folder / trial.key
    shared = ("--base", trial.base, "--seed", str(trial.seed), "--out", str(out))
    _finetable("train", str(trial.table), *trial.words, *shared)
    judged = () if trial.judged_on is None else (str(trial.judged_on),)
    found = json.loads(_finetable("evaluate", str(out), *judged, "--json"))
    record = json.loads((out / "finetable.json").read_text(encoding="utf-8"))
    return {"seed": trial.seed, "figures": found, "outcome": record["outcome"], "plan": record["plan"]}


def _finetable(*words: str) -> str:
    command = [sys.executable, "-m", "finetable", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def table_of(results: list[dict[str, Any]]) -> str:
    """Mean and range over the seeds of each job, both bases beside the simple baselines, in Markdown."""
    lines = ["| job | figure | small | scratch | baseline |", "|---|---|---:|---:|---:|"]
    for name in dict.fromkeys(result["name"] for result in results):
        of_job = [result for result in results if result["name"] == name]
        key = _figure(name)
        cells = [_spread([r["figures"][key] for r in of_job if r["base"] == base]) for base in BASES]
        rivals = [r["figures"]["baselines"] for r in of_job if r["base"] == BASES[0]]
        rival = "xz" if name == "netflix" else "tfidf"
        cells.append(f"{rival} {_spread([each[rival][key] for each in rivals])}")
        lines.append(f"| {name} | {key.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def runs_of(results: list[dict[str, Any]]) -> str:
    """Each run with its interval and how long it trained, in Markdown."""
    lines = ["| job | seed | base | figure | epochs | seconds |", "|---|---:|---|---:|---:|---:|"]
    for result in sorted(results, key=lambda result: (result["name"], result["seed"], result["base"])):
        figures, key = result["figures"], _figure(result["name"])
        told = f"{figures[key]:.3f} [{figures[f'{key}_low']:.3f}, {figures[f'{key}_high']:.3f}]"
        epochs, seconds = result["plan"]["epochs"], result["outcome"]["seconds"]
        job = f"{result['name']} | {result['seed']} | {result['base']}"
        lines.append(f"| {job} | {told} | {epochs:.1f} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


def _figure(name: str) -> str:
    return "bits_per_byte" if name == "netflix" else "macro_f1" if name == "genres" else "accuracy"


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
