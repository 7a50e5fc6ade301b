"""A small table from which both jobs can be learnt, and models of it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from finetable.verbs import train

PLACES = ["harbour", "island", "garden", "tower", "village", "market", "library", "station"]
PEOPLE = ["a nurse", "a thief", "two sisters", "an old sailor", "a young cook", "the mayor"]
DEEDS = {
    "crime": ["steals a painting", "hides the money", "is hunted by the police"],
    "love": ["falls in love", "writes a tender letter", "plans a wedding"],
    "horror": ["hears the dead whisper", "finds a cursed mirror", "is followed by a ghost"],
}


def films_table(file: Path, rows: int) -> Path:
    chance = random.Random(4)
    lines = ["title,genre,plot"]
    for number in range(rows):
        genre = chance.choice(sorted(DEEDS))
        plot = (
            f"{chance.choice(PEOPLE)} {chance.choice(DEEDS[genre])} near the {chance.choice(PLACES)} {number}"
        )
        lines.append(f"Film {number},{genre},{plot}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def write_films() -> Callable[[Path, int], Path]:
    """Writes a table of so many films."""
    return films_table


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return films_table(tmp_path_factory.mktemp("films") / "films.csv", 150)


WRITE: dict[str, Any] = {
    "write": "plot",
    "given": "genre",
    "base": "scratch",
    "size": "tiny",
    "epochs": 2,
    "validations": 4,
    "patience": 0,
    "batch_tokens": 256,
}
LABEL: dict[str, Any] = {
    "label": "genre",
    "given": "title,plot",
    "base": "scratch",
    "size": "tiny",
    "epochs": 2,
    "validations": 4,
    "patience": 0,
    "batch_tokens": 256,
    "dropout": 0.1,
}


@pytest.fixture(scope="session")
def recipes() -> dict[str, dict[str, Any]]:
    return {"write": dict(WRITE), "label": dict(LABEL)}


@pytest.fixture(scope="session")
def writer(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "writer"
    train(films, out=folder, **WRITE)
    return folder


@pytest.fixture(scope="session")
def labeller(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "labeller"
    train(films, out=folder, **LABEL)
    return folder
