"""The recipe of a base."""

from pathlib import Path

import pytest
from bases.recipe import BaseRecipe

BASES = Path(__file__).parents[2] / "bases"


def test_the_recipe_can_be_changed_by_dotted_names() -> None:
    recipe = BaseRecipe.read(BASES / "recipe.toml", {"network.width": "64", "passes.news": "0.5"})
    assert (recipe.network.width, recipe.passes["news"]) == (64, 0.5)
    assert recipe.network.layers == BaseRecipe.read(BASES / "recipe.toml", {}).network.layers


def test_what_another_recipe_made_is_not_taken_for_ones_own(recipe: BaseRecipe, tmp_path: Path) -> None:
    recipe.keep_beside(tmp_path / "mix", "passes")
    recipe.model_copy(update={"name": "other"}).keep_beside(tmp_path / "mix", "passes")
    other = recipe.model_copy(update={"passes": {**recipe.passes, "news": 7}})
    with pytest.raises(ValueError, match="made by another recipe"):
        other.keep_beside(tmp_path / "mix", "passes")
