"""What the base is trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
from bases.mix import (
    FORBIDDEN,
    MANIFEST,
    MIX,
    OVERLAPPING,
    TRAINED,
    fingerprints,
    make_mix,
    read_mix,
    read_overlapping,
)
from bases.recipe import BaseRecipe
from tests.bases.conftest import HELD_OUT, NETFLIX, SHARED, SYNOPSIS, TWEET, sentence, write_passages

from finetable.atomic_files import sha256


def counts_of(folder: Path, kind: str) -> dict[str, int]:
    manifest = json.loads((folder / MANIFEST).read_text())
    found: list[dict[str, int]] = [source for source in manifest["sources"] if source["kind"] == kind]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("forbidden", [HELD_OUT, NETFLIX, SYNOPSIS, TWEET])
def test_what_shares_twelve_words_with_a_forbidden_text_is_left_out_and_counted(
    forbidden: str, data: Path, recipe: BaseRecipe, tmp_path: Path
) -> None:
    told = f"Once {' '.join(forbidden.split()[2:14]).upper()}; so it was told."
    kept = f"Once {' '.join(forbidden.split()[2:13])}; so it was told."
    write_passages(data / "base" / "fiction.parquet", "fiction", [told, kept, forbidden, sentence(1)])
    make_mix(recipe, data, tmp_path / "mix")
    texts = {passage.text for passage, _ in read_mix(tmp_path / "mix" / MIX)}
    assert kept in texts
    assert not {told, forbidden} & texts
    assert counts_of(tmp_path / "mix", "fiction")["shared_with_forbidden"] == 2
    assert read_overlapping(tmp_path / "mix" / OVERLAPPING) == [told, forbidden]
    assert counts_of(tmp_path / "mix", "fiction")["trained"] == 2


def test_fingerprints_show_that_nothing_forbidden_is_trained_on(
    data: Path, recipe: BaseRecipe, tmp_path: Path
) -> None:
    make_mix(recipe, data, tmp_path)
    trained, forbidden = fingerprints(tmp_path / TRAINED), fingerprints(tmp_path / FORBIDDEN)
    assert len(trained) == len(read_mix(tmp_path / MIX))
    assert len(forbidden) >= 4
    assert not np.intersect1d(trained, forbidden).size
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["files"] == {name: sha256(tmp_path / name) for name in (MIX, TRAINED, FORBIDDEN)}
    assert manifest["forbidden"] == {
        "held out": 1,
        "netflix/netflix_titles.csv": 1,
        "tweets/train.csv": 1,
        "tweets/test.csv": 1,
        "genres/movies.csv": 1,
        "genres/movies_every_genre.csv": 1,
    }


def test_of_near_duplicates_the_first_is_seen(data: Path, recipe: BaseRecipe, tmp_path: Path) -> None:
    text = sentence(5)
    write_passages(data / "base" / "fiction.parquet", "fiction", [text, text + " Indeed.", sentence(6)])
    make_mix(recipe, data, tmp_path)
    texts = [passage.text for passage, _ in read_mix(tmp_path / MIX) if passage.kind == "fiction"]
    assert texts == [text, sentence(6)]
    assert counts_of(tmp_path, "fiction")["near_duplicates"] == 1


def test_kinds_are_seen_as_often_as_the_recipe_says(data: Path, recipe: BaseRecipe, tmp_path: Path) -> None:
    write_passages(data / "base" / "news.parquet", "news", [sentence(i) for i in range(1000, 2000)])
    make_mix(recipe.model_copy(update={"passes": {**recipe.passes, "news": 1.5}}), data, tmp_path)
    times = [times for passage, times in read_mix(tmp_path / MIX) if passage.kind == "news"]
    assert set(times) == {1, 2}
    assert 1400 < sum(times) < 1600
    counts = counts_of(tmp_path, "news")
    assert counts["trained"] == 1000
    assert counts["seen_characters"] == pytest.approx(1.5 * 1000 * len(sentence(1000)), rel=0.1)


def test_share_alike_sources_are_used_only_where_the_recipe_says(
    data: Path, recipe: BaseRecipe, tmp_path: Path
) -> None:
    make_mix(recipe, data, tmp_path / "without")
    with_them = recipe.sources.model_copy(update={"with_share_alike": True})
    make_mix(recipe.model_copy(update={"sources": with_them}), data, tmp_path / "with")
    sources = [
        {passage.source for passage, _ in read_mix(tmp_path / name / MIX)} for name in ("without", "with")
    ]
    assert sources[1] - sources[0] == {SHARED}


def test_the_same_recipe_makes_the_same_mix(data: Path, recipe: BaseRecipe, tmp_path: Path) -> None:
    for name in ("once", "twice"):
        make_mix(recipe, data, tmp_path / name)
    assert (tmp_path / "once" / MANIFEST).read_text() == (tmp_path / "twice" / MANIFEST).read_text()
