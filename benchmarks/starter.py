"""Run a command and say what memory it peaked at: python -I -S starter.py PEAK_FILE COMMAND…

A process inherits the peak of the one that started it, so a small one has to stand between a benchmark
and what it measures.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    peak_file, *command = sys.argv[1:]
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    Path(peak_file).write_text(str(usage.ru_maxrss), encoding="ascii")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
