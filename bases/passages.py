"""Passages of free text, as they lie in Parquet files, and the texts that must never be trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet

from finetable.data.folding import text_hash

ABSTRACTS = "papers/all_papers.parquet"
ABSTRACTS_SOURCE = "arXiv metadata"
HELD_OUT_OF_A_HUNDRED = 1
HELD_OUT = "held out"
TABLES = (  # of the acceptance runs: file, columns of which no text may be trained on
    ("netflix/netflix_titles.csv", ("description",)),
    ("tweets/train.csv", ("text",)),
    ("tweets/test.csv", ("text",)),
    ("genres/movies.csv", ("synopsis",)),
    ("genres/movies_every_genre.csv", ("synopsis",)),
)


@dataclass(frozen=True)
class Passage:
    """A text with where it comes from; `title` is what it follows, where it has one."""

    kind: str
    source: str
    licence: str
    title: str | None
    text: str


def free_passages(data: Path, left_out: frozenset[str]) -> Iterator[Passage]:
    """Every passage that may be trained on, by file and in their order; abstracts last."""
    for file in sorted((data / "base").glob("*.parquet")):
        if file.stem != "heldout":
            yield from (passage for passage in _read(file) if passage.source not in left_out)
    yield from (passage for passage in _abstracts(data) if not _is_held_out(passage.text))


def held_out_passages(data: Path, left_out: frozenset[str]) -> Iterator[Passage]:
    """Passages on which the base is judged."""
    yield from (
        passage for passage in _read(data / "base" / "heldout.parquet") if passage.source not in left_out
    )
    yield from (passage for passage in _abstracts(data) if _is_held_out(passage.text))


def forbidden_texts(data: Path) -> dict[str, list[str]]:
    """Every text that must not be trained on: what is held out, and by file the tables of acceptance runs."""
    texts = {HELD_OUT: list(dict.fromkeys(passage.text for passage in held_out_passages(data, frozenset())))}
    for file, columns in TABLES:
        table = pyarrow.csv.read_csv(
            data / file, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
        )
        cells = (cell for column in columns for cell in table[column].to_pylist())
        texts[file] = list(dict.fromkeys(str(cell) for cell in cells if cell))
    return texts


def _read(file: Path) -> Iterator[Passage]:
    for row in pyarrow.parquet.read_table(file).to_pylist():
        yield Passage(row["kind"], row["source"], row["licence"], None, row["text"])


def _abstracts(data: Path) -> Iterator[Passage]:
    table = pyarrow.parquet.read_table(data / ABSTRACTS, columns=["title", "abstract"])
    for row in table.to_pylist():
        yield Passage("abstract", ABSTRACTS_SOURCE, "CC0 1.0", row["title"], row["abstract"])


def _is_held_out(text: str) -> bool:
    return int(text_hash(text), 16) % 100 < HELD_OUT_OF_A_HUNDRED
