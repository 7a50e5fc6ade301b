"""A `finetable serve` of the tests' own, with the tiny model behind every name that they ask for."""

import json
import os
import subprocess
import time
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

SECONDS_TO_START = 60
COLOURS = ("red", "blue", "green", "white")
PAIRS = [(f"number {n}", f"The {COLOURS[n % 4]} house has {n} rooms.") for n in range(60)]
"""What the model learns: prompts and their completions."""


class ServerUnderTest:
    """Started with a home folder of its own on a free port; its log lies in that folder."""

    def __init__(self, finetable: Path, home: Path) -> None:
        self._finetable = finetable
        self._process: subprocess.Popen[bytes] | None = None
        # No proxy stands between two programs of one machine.
        self._opener = build_opener(ProxyHandler({}))
        self.home = home
        self.log = home / "server.log"
        self.address = ""

    def train(self) -> Path:
        """Train the model; its folder."""
        table, out = self.home / "pairs.csv", self.home / "trained"
        rows = [f'"{prompt}","{completion}"' for prompt, completion in PAIRS]
        table.write_text("\n".join(["prompt,completion", *rows, ""]), encoding="utf-8")
        words = ["--write", "completion", "--given", "prompt", "--base", "scratch", "--size", "tiny"]
        self._run(["train", str(table), *words, "--epochs", "1", "--out", str(out)])
        return out

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [str(self._finetable), "serve", "--home", str(self.home), "--port", "0"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, env=_alone())
        ends = time.monotonic() + SECONDS_TO_START
        while "base_url=" not in (said := self.log.read_text(encoding="utf-8")):
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"The server did not start: {said}")
            time.sleep(0.1)
        self.address = said.split("base_url=")[1].split(",")[0]

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def post(self, path: str) -> None:
        """A request without a body; raises HTTPError where it is refused."""
        request = Request(self.address + path, data=b"", method="POST")
        with self._opener.open(request, timeout=60) as answer:
            json.load(answer)

    def _run(self, words: list[str]) -> None:
        done = subprocess.run([str(self._finetable), *words], capture_output=True, text=True, env=_alone())
        if done.returncode:
            raise RuntimeError(f"finetable {' '.join(words)}: {done.stderr}")


def _alone() -> dict[str, str]:
    """The environment without what is meant for the tests' Python."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**known, "OMP_NUM_THREADS": "1"}
