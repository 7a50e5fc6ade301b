"""Names separated by commas come back as they were, whatever they hold."""

from hypothesis import given
from hypothesis import strategies as st

from finetable.name_lists import join_names, split_names
from finetable.settings import Recipe

NAME = st.text(st.sampled_from(' ,"ab\\'), min_size=1, max_size=6)


def test_names_are_separated_by_commas_but_for_those_in_quotes() -> None:
    assert split_names(" a, b c ,,d") == ["a", "b c", "d"]
    assert split_names('"a, b", c,"say ""hi"", you"') == ["a, b", "c", 'say "hi", you']
    assert split_names('"open, c') == ['"open', "c"]


@given(st.lists(NAME, max_size=4))
def test_what_is_joined_is_split_again(names: list[str]) -> None:
    assert split_names(join_names(names)) == names


@given(st.lists(NAME, max_size=4))
def test_a_stored_recipe_keeps_its_names(names: list[str]) -> None:
    recipe = Recipe.of(given=join_names(names))
    assert recipe.task.given == tuple(names)
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
