"""One contestant in a process of its own: calls are JSON lines on its input, what they gave on its output.

Runs in any of the two environments, so it imports nothing but what it is told to.
"""

import importlib
import json
import os
import sys
from pathlib import Path


def main() -> None:
    module, name, given = sys.argv[1:4]
    words = json.loads(Path(given).read_text(encoding="utf-8"))
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    # What libraries print must not mix with the answers.
    os.dup2(2, 1)
    contestant = getattr(importlib.import_module(module), name)(**words)
    answers.write(_answer(None))
    for line in sys.stdin:
        call = json.loads(line)
        answers.write(_answer(getattr(contestant, call["method"])(**call["words"])))


def _answer(result: object) -> str:
    # Not ru_maxrss: a process inherits that from the one that started it.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024
    return json.dumps({"result": result, "peak_mb": peak}) + "\n"


if __name__ == "__main__":
    main()
