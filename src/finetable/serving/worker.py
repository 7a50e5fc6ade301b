"""A process of its own for one job: starts `finetable train`, waits, and writes down how it ended.

It holds a lock that its child inherits, so that whoever finds the lock taken knows that the job is under
way, whichever of the processes was killed, the server included.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

COMMAND, LOCK, LOG, ENDED = "command.json", "lock", "log.txt", "ended.json"


def main(folder: Path) -> None:
    """Run the job in `folder`, after any other process that does."""
    with (folder / LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (folder / ENDED).unlink(missing_ok=True)
        # A handler, not SIG_IGN: the child must have Python's own, which saves and stops.
        signal.signal(signal.SIGINT, _leave_to_child)
        words: list[str] = json.loads((folder / COMMAND).read_text(encoding="utf-8"))["words"]
        with (folder / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "finetable", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
            )
            code = child.wait()
        # Not through atomic_files: that would load torch into a process that only waits.
        partial = folder / f".{ENDED}.partial"
        partial.write_text(json.dumps({"code": code}), encoding="utf-8")
        partial.replace(folder / ENDED)


def _leave_to_child(_: int, __: FrameType | None) -> None:
    """Do nothing: the child has been told too."""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
