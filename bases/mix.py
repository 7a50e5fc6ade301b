"""What the base is trained on: free passages, none of them held out, none twice, each kind weighted."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from bases.passages import Passage, forbidden_texts, free_passages
from bases.recipe import BaseRecipe
from finetable.atomic_files import sha256, write_json
from finetable.data.copies import CopyIndex
from finetable.data.folding import text_hash
from finetable.data.near_duplicates import near_groups

MIX, OVERLAPPING, MANIFEST = "mix.parquet", "overlapping.parquet", "manifest.json"
OVERLAPS = "shared_with_forbidden"
TRAINED, FORBIDDEN = "trained.u64", "forbidden.u64"


@dataclass
class Counts:
    """What became of the passages of one source; `seen_characters` counts every pass over them."""

    kind: str
    source: str
    licence: str
    read: int = 0
    shared_with_forbidden: int = 0
    near_duplicates: int = 0
    not_drawn: int = 0
    trained: int = 0
    seen_characters: int = 0


def make_mix(recipe: BaseRecipe, data: Path, folder: Path) -> None:
    """Write the mix, its manifest, and the fingerprints of what is trained on and of what must not be.

    A passage is dropped where it shares 12 consecutive words with a forbidden text, or is nearly
    equal to an earlier passage; the manifest counts both by source. Those that share words are kept aside, as
    the measure of how much texts share that nobody copied.
    """
    forbidden = forbidden_texts(data)
    passages = list(free_passages(data, recipe.sources.left_out))
    reasons = _reasons_to_drop(passages, list(chain.from_iterable(forbidden.values())))
    rows, counts = _weighted(passages, reasons, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / MIX, rows)
    _write_fingerprints(folder / TRAINED, [passage.text for passage, _ in rows])
    _write_fingerprints(folder / FORBIDDEN, chain.from_iterable(forbidden.values()))
    overlapping = [p.text for p, reason in zip(passages, reasons, strict=True) if reason == OVERLAPS]
    pyarrow.parquet.write_table(pa.table({"text": pa.array(overlapping, pa.string())}), folder / OVERLAPPING)
    manifest = {
        "sources": [asdict(count) for count in counts],
        "forbidden": {name: len(fingerprints_of(texts)) for name, texts in forbidden.items()},
        "files": {name: sha256(folder / name) for name in (MIX, TRAINED, FORBIDDEN)},
    }
    write_json(folder / MANIFEST, manifest)


def _weighted(
    passages: Sequence[Passage], reasons: Sequence[str], recipe: BaseRecipe
) -> tuple[list[tuple[Passage, int]], list[Counts]]:
    """Passages with how often each is seen, but for those that there is a reason to drop; and the counts."""
    counts: dict[str, Counts] = {}
    rows: list[tuple[Passage, int]] = []
    for passage, reason in zip(passages, reasons, strict=True):
        count = counts.setdefault(
            f"{passage.kind} {passage.source}", Counts(passage.kind, passage.source, passage.licence)
        )
        count.read += 1
        times = 0 if reason else _times(passage.text, recipe.passes[passage.kind])
        if reason:
            setattr(count, reason, getattr(count, reason) + 1)
        elif not times:
            count.not_drawn += 1
        else:
            count.trained += 1
            count.seen_characters += times * len(passage.text)
            rows.append((passage, times))
    return rows, list(counts.values())


def read_mix(file: Path) -> list[tuple[Passage, int]]:
    """Passages of a mix, and how many times each is seen."""
    rows = pyarrow.parquet.read_table(file).to_pylist()
    return [(Passage(**{key: row[key] for key in Passage.__annotations__}), row["times"]) for row in rows]


def read_overlapping(file: Path) -> list[str]:
    """Texts that were left out because they share words with what must not be trained on."""
    return [str(text) for text in pyarrow.parquet.read_table(file)["text"].to_pylist()]


def fingerprints_of(texts: Iterable[str]) -> np.ndarray:
    """Fingerprints of texts, uint64 (texts,), ascending, each once."""
    return np.array(sorted({int(text_hash(text), 16) for text in texts}), "<u8")


def fingerprints(file: Path) -> np.ndarray:
    """Fingerprints of texts, uint64 (texts,), ascending."""
    return np.fromfile(file, "<u8")


def _reasons_to_drop(passages: Sequence[Passage], forbidden: Sequence[str]) -> list[str]:
    """Why each passage is not trained on, as the name of its count; empty where it may be."""
    texts = [passage.text for passage in passages]
    index = CopyIndex.build(forbidden)
    reasons = [OVERLAPS if copy.is_copied else "" for copy in index.look_up(texts)]
    groups = near_groups(texts, np.arange(len(texts)))
    met: set[int] = set()
    for place, group in enumerate(groups.tolist()):
        if not reasons[place]:
            reasons[place] = "near_duplicates" if group in met else ""
            met.add(group)
    return reasons


def _times(text: str, passes: float) -> int:
    """How often a text is seen: the whole passes, and one more for a share drawn by the text itself."""
    whole = int(passes)
    # Other digits than those that choose what is held out.
    return whole + (int(text_hash(text), 16) // 100 % 1000 < (passes - whole) * 1000)


def _write_table(file: Path, rows: Sequence[tuple[Passage, int]]) -> None:
    columns = {name: [getattr(passage, name) for passage, _ in rows] for name in Passage.__annotations__} | {
        "times": [times for _, times in rows]
    }
    pyarrow.parquet.write_table(pa.table(columns), file, compression="zstd")


def _write_fingerprints(file: Path, texts: Iterable[str]) -> None:
    fingerprints_of(texts).tofile(file)
