"""finetable beside its peers, in one run on one machine: ratios, memory, and whether both did the same.

    python -m benchmarks                         # everything, into benchmarks/RESULTS.md
    python -m benchmarks training --quick        # one comparison in less than two minutes, printed only

Peers are installed into .venv-peers the first time. Tables and models are those of --data and --models.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import growth, inference, loss, startup, training
from benchmarks.arena import PROJECT, Arena
from benchmarks.results import write_section

COMPARISONS = {
    "training": training.write_job,
    "labels": training.label_job,
    "scratch": training.scratch_job,
    "loss": loss.loss_layer,
    "writing": inference.write_rows,
    "labelling": inference.choose_labels,
    "startup": startup.start_up,
    "growth": growth.grow,
}
PAGE = PROJECT / "benchmarks" / "RESULTS.md"
SAME_VERSIONS = ("torch", "transformers", "tokenizers", "numpy", "safetensors", "scikit-learn")


def main() -> None:
    asked = _asked()
    theirs = PROJECT / ".venv-peers" / "bin" / "python"
    _install_peers(theirs)
    rounds = 2 if asked.quick else asked.rounds
    for name in asked.comparisons or COMPARISONS:
        print(f"{name}:", flush=True)
        with tempfile.TemporaryDirectory() as work:
            arena = Arena(
                Path(sys.executable), theirs, asked.data, asked.models, Path(work), rounds, asked.quick
            )
            section = COMPARISONS[name](arena)
        print(section.markdown() + "\n", flush=True)
        if not asked.quick:
            write_section(PAGE, section, _measured())


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("comparisons", nargs="*", choices=[[], *COMPARISONS], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="two rounds, less of each; writes no results")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each comparison")
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--models", type=Path, default=PROJECT.parent / "shared" / "models")
    return parser.parse_args()


def _install_peers(python: Path) -> None:
    """Make the peers' environment, with the versions of libraries that finetable itself runs on."""
    if python.exists():
        return
    print(f"Installing the peers into {python.parent.parent}.", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    same = [f"{name}=={version(name).split('+')[0]}" for name in SAME_VERSIONS]
    peers = str(PROJECT / "benchmarks" / "peers.txt")
    subprocess.run([str(python), "-m", "pip", "install", "-q", *same, "-r", peers], check=True)


def _measured() -> str:
    """Where and with what this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.strip()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    return (
        f"*{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {os.cpu_count()} cores ({_processor()}), "
        f"Python {platform.python_version()}, {libraries}.*"
    )


def _processor() -> str:
    """The processor's name, and which narrow products it knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return platform.processor()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    known = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx512f", "avx2") if flag in flags]
    return f"{name}, {', '.join(known[:3])}"


if __name__ == "__main__":
    main()
