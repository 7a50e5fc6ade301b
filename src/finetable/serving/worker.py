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

COMMAND, LOCK, LOG, ENDED = "command.json", "lock", "log.txt", "ended.json"


def main(folder: Path) -> None:
    """Run the job in `folder`, after any other process that does."""
    # The child inherits this: a wish to stop waits until training, which unblocks it, can save.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    with (folder / LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (folder / ENDED).unlink(missing_ok=True)
        words: list[str] = json.loads((folder / COMMAND).read_text(encoding="utf-8"))["words"]
        with (folder / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "finetable", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
            )
            if signal.SIGINT in signal.sigpending():
                child.send_signal(signal.SIGINT)  # it came before there was a child, which inherits none
            code = child.wait()
        # Not through atomic_files: that would load torch into a process that only waits.
        partial = folder / f".{ENDED}.partial"
        partial.write_text(json.dumps({"code": code}), encoding="utf-8")
        partial.replace(folder / ENDED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
