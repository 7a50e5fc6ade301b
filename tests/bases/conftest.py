"""A small folder of free text, laid out like the real one."""

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from bases.recipe import BaseRecipe, NetworkSettings, SourceSettings, TrainingSettings

NETFLIX = (
    "A lonely lighthouse keeper finds a letter that was meant for someone else and sets out to deliver it."
)
SYNOPSIS = "Two brothers who have not spoken for years inherit one boat and have to share it for a summer."
TWEET = "good morning everyone, today is going to be such a good day and nobody can tell me otherwise"
HELD_OUT = (
    "The mill stood where the two rivers met, and whoever owned it owned the bread of the whole valley."
)
WORDS = ("mill", "river", "bread", "valley", "boat", "summer", "letter", "road", "winter", "stone", "garden")
SHARED = "shared/alike"


def sentence(seed: int, words: int = 40) -> str:
    chosen = random.Random(seed)
    return " ".join(chosen.choice(WORDS) + str(chosen.randrange(50)) for _ in range(words)) + "."


def write_passages(file: Path, kind: str, texts: Sequence[str], source: str = "a/source") -> None:
    rows = [{"source": source, "kind": kind, "licence": "CC0 1.0", "text": text} for text in texts]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), file)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in ("base", "netflix", "tweets", "genres", "papers"):
        (folder / name).mkdir(parents=True)
    write_passages(folder / "base" / "fiction.parquet", "fiction", [sentence(i) for i in range(60)])
    write_passages(folder / "base" / "news.parquet", "news", [sentence(i) for i in range(100, 130)])
    write_passages(folder / "base" / "other.parquet", "other", [sentence(200)], SHARED)
    write_passages(folder / "base" / "heldout.parquet", "fiction", [HELD_OUT])
    abstracts = {
        "title": [f"On {word}" for word in WORDS],
        "abstract": [sentence(300 + i) for i in range(len(WORDS))],
    }
    pyarrow.parquet.write_table(pa.table(abstracts), folder / "papers" / "all_papers.parquet")
    (folder / "netflix" / "netflix_titles.csv").write_text(f'title,description\nLight,"{NETFLIX}"\n')
    for name in ("train", "test"):
        (folder / "tweets" / f"{name}.csv").write_text(f'text,sentiment\n"{TWEET}",positive\n')
    for name in ("movies", "movies_every_genre"):
        (folder / "genres" / f"{name}.csv").write_text(f'synopsis,genre\n"{SYNOPSIS}",drama\n')
    return folder


@pytest.fixture
def recipe() -> BaseRecipe:
    return BaseRecipe(
        name="tiny",
        seed=3,
        network=NetworkSettings(width=32, layers=1, heads=2, vocabulary=400),
        training=TrainingSettings(learning_rate=1e-2, batch_tokens=512, warmup=0.1, weight_decay=0.1),
        passes={"fiction": 1, "news": 2, "other": 1, "abstract": 0.5},
        sources=SourceSettings(share_alike=(SHARED,)),
    )
