"""Contestants that take turns: A B A B, each in a process that stays."""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import Ratio

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Arena:
    """Where a comparison runs: the pythons of finetable and of its peers, tables, models, a work folder."""

    ours: Path
    theirs: Path
    data: Path
    models: Path
    work: Path
    rounds: int
    quick: bool

    @contextmanager
    def contestants(self, entries: Mapping[str, "Entry"]) -> Iterator[dict[str, "Contestant"]]:
        """Start them one after the other, and end them all."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(self._started(name, entry)) for name, entry in entries.items()}

    @contextmanager
    def _started(self, name: str, entry: "Entry") -> Iterator["Contestant"]:
        python = self.ours if entry.where.startswith("benchmarks.ours") else self.theirs
        module, _, kind = entry.where.rpartition(".")
        place = self.work / name.replace(" ", "_").replace("/", "_")
        # Arguments of a process may not be as long as rows are.
        given, log = place.with_suffix(".json"), place.with_suffix(".log")
        given.write_text(json.dumps(entry.words), encoding="utf-8")
        words = [str(python), "-m", "benchmarks.contestant", module, kind, str(given)]
        with (
            log.open("w", encoding="utf-8") as errors,
            subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=PROJECT
            ) as process,
        ):
            contestant = Contestant(name, process, log)
            try:
                contestant.wait()
                yield contestant
            finally:
                process.kill()


@dataclass(frozen=True)
class Entry:
    """A class by its full name, and the words that make one."""

    where: str
    words: dict[str, Any]


class Contestant:
    """A process that holds one contestant."""

    def __init__(self, name: str, process: "subprocess.Popen[str]", log: Path) -> None:
        self.name = name
        self.peak_mb = 0.0
        self._process = process
        self._log = log

    def call(self, method: str, **words: object) -> Any:
        """What a method gives; raises RuntimeError where the process ended instead."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "words": words}) + "\n")
        self._process.stdin.flush()
        return self.wait()

    def wait(self) -> Any:
        """The next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self._log.read_text(encoding='utf-8')[-3000:]}")
        answer = json.loads(line)
        self.peak_mb = float(answer["peak_mb"])
        return answer["result"]


def take_turns(
    contestants: Mapping[str, Contestant], rounds: int, call: Callable[[Contestant], float]
) -> dict[str, list[float]]:
    """What `call` gives for each contestant in each round; a first round of each warms up and is not kept."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            figure = call(contestant)
            if number:
                figures[name].append(figure)
            print(f"    {name}: {figure:,.4g}", flush=True)
    return figures


def ratio(what: str, ours: list[float], theirs: list[float], wanted: float | None = None) -> Ratio:
    """How many times as large ours are, pair by pair."""
    pairs = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    return Ratio(what, statistics.median(pairs), pairs[0], pairs[-1], len(pairs), wanted)
