"""The processes of a job as the server sees them: started, under way, ended; by files, not by memory."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from finetable.atomic_files import write_json
from finetable.serving.worker import COMMAND, ENDED, LOCK, LOG

LONGEST_REASON = 2000


class JobProcess:
    """The training process of the job in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worker: subprocess.Popen[bytes] | None = None

    def start(self, words: Sequence[str]) -> None:
        """Run `finetable` with these words, beyond the life of the server."""
        write_json(self._folder / COMMAND, {"words": list(words)})
        self.forget_end()
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "finetable.serving.worker", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_under_way(self) -> bool:
        """Whether the worker or the training that it started still lives."""
        if self._worker is not None and self._worker.poll() is None:
            return True
        return self._is_locked()

    def exit_code(self) -> int | None:
        """How training ended; None where nobody lived to see it."""
        try:
            code = json.loads((self._folder / ENDED).read_text(encoding="utf-8"))["code"]
        except (OSError, ValueError, KeyError):
            return None
        return int(code)

    def forget_end(self) -> None:
        """Let an end that was asked for tell nothing to whoever looks next."""
        (self._folder / ENDED).unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Let training save itself after its next step, of which there is one at least, and stop."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End everything at once."""
        self._signal(signal.SIGKILL)

    def last_words(self) -> str:
        """The last line that training wrote: why it could not go on."""
        try:
            lines = (self._folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:LONGEST_REASON] if lines else ""

    def _is_locked(self) -> bool:
        try:
            with (self._folder / LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        """Tell the worker and its child: the worker leads a group, which outlives it under its number."""
        if self._worker is not None and self._worker.poll() is None:
            os.killpg(self._worker.pid, number)
        elif self._is_locked():
            try:
                os.killpg(int((self._folder / LOCK).read_text(encoding="utf-8")), number)
            except (ProcessLookupError, ValueError):
                return  # it ended meanwhile, or has not written its number yet: the next call finds out
