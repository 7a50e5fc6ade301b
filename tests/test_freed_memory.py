"""What was freed between pieces that are still held goes back to the system."""

import subprocess
import sys

FREED = """
from pathlib import Path
from finetable.freed_memory import give_back

def held():
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

pieces = [bytes(60_000) for _ in range(4_000)]
kept = pieces[::100]
del pieces
before = held()
give_back()
print(before - held())
"""


def test_half_of_what_was_freed_goes_back_at_least() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 120_000
