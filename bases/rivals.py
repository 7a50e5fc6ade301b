"""What a fresh network reaches on each kind in the same minutes, taught by that kind's own passages alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from bases.judging import bits_per_byte
from bases.mix import MIX, read_mix
from bases.passages import Passage
from finetable.atomic_files import write_json
from finetable.progress import Silent
from finetable.settings import Recipe
from finetable.verb_settings import WatchSettings
from finetable.workflow.opened import open_model
from finetable.workflow.train import train_table


def scratch_bits_per_byte(
    mix: Path, held_out: Sequence[Passage], minutes: float, folder: Path
) -> dict[str, float]:
    """Bits per byte of held-out passages by kind, each by a network of its own; kept in `folder`."""
    passages = read_mix(mix / MIX)
    found: dict[str, float] = {}
    for kind in sorted({passage.kind for passage in held_out}):
        kept = folder / f"{kind}-{minutes:g}.json"
        if not kept.exists():
            texts = [passage.text for passage, _ in passages if passage.kind == kind]
            judged = [passage for passage in held_out if passage.kind == kind]
            bits = _one_kind(texts, judged, minutes, folder / f"{kind}-{minutes:g}")
            write_json(kept, {"bits_per_byte": bits})
        found[kind] = json.loads(kept.read_text(encoding="utf-8"))["bits_per_byte"]
    found["all"] = sum(found.values()) / len(found)
    return found


def _one_kind(texts: list[str], judged: Sequence[Passage], minutes: float, folder: Path) -> float:
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.parquet"
    pyarrow.parquet.write_table(pa.table({"text": texts}), table)
    recipe = Recipe.of(write="text", base="scratch", minutes=minutes, long_rows="drop")
    trained = train_table(str(table), folder / "model", recipe, WatchSettings(), Silent())
    if not trained.finished:
        raise KeyboardInterrupt
    return bits_per_byte(open_model(folder / "model").base, judged)["all"]
