"""The base that was made: its records show what it was trained on, and what it was not."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from bases.mix import FORBIDDEN, MANIFEST, TRAINED, fingerprints, fingerprints_of
from bases.passages import forbidden_texts
from bases.recipe import BaseRecipe

from finetable.atomic_files import sha256
from finetable.models.shipped import shipped_folder
from finetable.settings import SHIPPED

DATA = Path(__file__).parents[3] / "shared" / "data"
BASES = Path(__file__).parents[2] / "bases"
RECORDS = BASES / SHIPPED


def test_no_held_out_text_and_no_row_of_the_acceptance_tables_was_trained_on() -> None:
    files = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["files"]
    for name in (TRAINED, FORBIDDEN):
        assert sha256(RECORDS / name) == files[name]
    trained, forbidden = fingerprints(RECORDS / TRAINED), fingerprints(RECORDS / FORBIDDEN)
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    assert len(trained) == sum(source["trained"] for source in sources)
    assert not np.intersect1d(trained, forbidden).size


@pytest.mark.skipif(not DATA.exists(), reason="the tables are not here")
def test_what_must_not_be_trained_on_is_every_text_held_out_and_every_row_of_the_acceptance_tables() -> None:
    texts = forbidden_texts(DATA)
    counted = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["forbidden"]
    assert counted == {name: len(fingerprints_of(some)) for name, some in texts.items()}
    every = fingerprints_of(chain.from_iterable(texts.values()))
    assert np.array_equal(every, fingerprints(RECORDS / FORBIDDEN))


def test_nothing_share_alike_was_trained_on() -> None:
    recipe = BaseRecipe.read(BASES / "recipe.toml", {})
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    assert recipe.sources.left_out
    assert not recipe.sources.left_out & {source["source"] for source in sources}
    assert not [source for source in sources if "-SA" in source["licence"] or "Sharing" in source["licence"]]


def test_the_card_names_every_source_with_its_licence() -> None:
    card = (shipped_folder(SHIPPED) / "README.md").read_text(encoding="utf-8")
    sources = json.loads((RECORDS / MANIFEST).read_text(encoding="utf-8"))["sources"]
    for source in sources:
        assert f"| {source['source']} | {source['licence']} |" in card
