"""A real server process of a test's own, on a free port of this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.request import Request, urlopen

from openai import OpenAI


class RunningServer:
    """Started with a home; killed, stopped or started again as a test needs it."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home = home
        self.log: list[str] = []
        self._words = words
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> "RunningServer":
        """Start it and wait until it listens; again on the same port after the first time."""
        port = self.address.rsplit(":", 1)[1] if self.address else "0"
        command = [sys.executable, "-m", "finetable", "serve", "--home", str(self.home), "--port", port]
        self._process = subprocess.Popen(
            [*command, *self._words],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            if "base_url=" in line:
                self.address = line.split("base_url=")[1].split("/v1")[0]
                break
        assert self.address, "".join(self.log)
        threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True).start()
        return self

    def client(self, strict: bool = True, key: str = "any") -> OpenAI:
        """The official client."""
        return OpenAI(
            base_url=f"{self.address}/v1",
            api_key=key,
            max_retries=8,
            timeout=120,
            _strict_response_validation=strict,
        )

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        return self._end(signal.SIGINT)

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """The status and body of a plain request."""
        with urlopen(Request(self.address + path, headers=headers), timeout=60) as answer:
            return answer.status, answer.read()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(60)

    def _drain(self, stream: IO[str]) -> None:
        with stream:
            self.log.extend(stream)


def training_lines(rows: Sequence[dict[str, object]]) -> bytes:
    """A file of JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
