"""The base that was made: its records show what it was trained on, and what it was not."""

import json
from pathlib import Path

import numpy as np
from bases.mix import FORBIDDEN, MANIFEST, TRAINED, fingerprints
from bases.recipe import BaseRecipe

from finetable.atomic_files import sha256
from finetable.models.shipped import shipped_folder
from finetable.settings import SHIPPED

BASES = Path(__file__).parents[2] / "bases"
RECORDS = BASES / SHIPPED


def test_no_held_out_text_and_no_row_of_the_acceptance_tables_was_trained_on() -> None:
    files = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["files"]
    for name in (TRAINED, FORBIDDEN):
        assert sha256(RECORDS / name) == files[name]
    trained, forbidden = fingerprints(RECORDS / TRAINED), fingerprints(RECORDS / FORBIDDEN)
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    assert len(trained) == sum(source["trained"] for source in sources)
    # More than the rows of Netflix, tweets and genres alone.
    assert len(forbidden) > 40_000
    assert not np.intersect1d(trained, forbidden).size


def test_nothing_share_alike_was_trained_on() -> None:
    recipe = BaseRecipe.read(BASES / "recipe.toml", {})
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    assert recipe.sources.left_out
    assert not recipe.sources.left_out & {source["source"] for source in sources}
    assert not [source for source in sources if "SA" in source["licence"] or "Sharing" in source["licence"]]


def test_the_card_names_every_source_with_its_licence() -> None:
    card = (shipped_folder(SHIPPED) / "README.md").read_text(encoding="utf-8")
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    for source in sources:
        assert f"| {source['source']} | {source['licence']} |" in card
