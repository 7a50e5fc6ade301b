from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pydantic import ValidationError

from finetable.errors import RecipeError
from finetable.settings import (
    BaseSettings,
    LengthSettings,
    LongRows,
    OptimizerSettings,
    PrecisionName,
    Recipe,
    ScheduleName,
    Settings,
    SizeName,
    TaskSettings,
)
from finetable.verb_settings import ClassifySettings, EvaluateSettings, GenerateSettings, WatchSettings

EVERY = (Recipe, WatchSettings, GenerateSettings, ClassifySettings, EvaluateSettings)
NAME = st.text(min_size=1, max_size=9).filter(lambda name: name.strip() == name and "," not in name)

OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "write": NAME,
    "label": NAME,
    "given": st.lists(NAME, max_size=3).map(tuple),
    "encoding": NAME,
    "delimiter": NAME,
    "quote": NAME,
    "header": st.booleans(),
    "split_column": NAME,
    "long_rows": st.sampled_from(get_args(LongRows)),
    "base": NAME,
    "size": st.sampled_from(get_args(SizeName)),
    "lora": st.integers(1, 512),
    "epochs": st.floats(0.01, 10_000),
    "patience": st.integers(0, 99),
    "validations": st.integers(1, 10_000),
    "learning_rate": st.floats(1e-9, 1),
    "schedule": st.sampled_from(get_args(ScheduleName)),
    "warmup": st.floats(0, 0.99),
    "weight_decay": st.floats(0, 10),
    "clip": st.floats(0.01, 99),
    "dropout": st.floats(0, 0.99),
    "batch_tokens": st.integers(16, 4_000_000),
    "micro_batch_tokens": st.integers(16, 1_000_000),
    "precision": st.sampled_from(get_args(PrecisionName)),
    "seed": st.integers(0, 2**63 - 1),
}


def leaves(kind: type[Settings]) -> list[str]:
    """Names of all options, those of nested settings included, as often as they are declared."""
    names = []
    for name, field in kind.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, Settings):
            names += leaves(nested)
        else:
            names.append(name)
    return names


@pytest.mark.parametrize("kind", EVERY)
def test_every_option_has_one_name_of_its_own_and_a_help_text(kind: type[Settings]) -> None:
    names = leaves(kind)
    assert len(names) == len(set(names))
    assert set(kind().flat()) == set(names)


def test_no_option_for_watching_is_named_like_one_of_the_recipe() -> None:
    assert not set(leaves(Recipe)) & set(leaves(WatchSettings))


@pytest.mark.parametrize("kind", EVERY)
def test_every_option_tells_what_it_is_for(kind: type[Settings]) -> None:
    for field in kind.model_fields.values():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, Settings):
            test_every_option_tells_what_it_is_for(nested)
        else:
            assert field.description
            assert field.description.endswith(".")


@trying(deadline=None)
@given(st.fixed_dictionaries({}, optional=OPTIONS))
def test_options_by_their_flat_names_come_back_as_they_went_in(options: dict[str, Any]) -> None:
    recipe = Recipe.of(**options)
    assert recipe.flat() == Recipe().flat() | options
    assert Recipe.of(**recipe.flat()) == recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@trying(deadline=None)
@given(st.fixed_dictionaries({}, optional=OPTIONS), st.fixed_dictionaries({}, optional=OPTIONS))
def test_recipes_differ_in_what_was_given_differently_and_say_it_as_typed(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    mine, theirs = Recipe.of(**one), Recipe.of(**other)
    differing = [name for name, value in mine.flat().items() if value != theirs.flat()[name]]
    told = mine.differences(theirs)
    assert [line.split(" ")[0] for line in told] == [f"--{name.replace('_', '-')}" for name in differing]
    assert (told == []) == (mine == theirs)


def test_a_difference_names_both_values() -> None:
    now, before = Recipe.of(write="plot", batch_tokens=64), Recipe.of(write="plot", batch_tokens=32)
    assert now.differences(before) == ["--batch-tokens was 32 and is 64"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("batch_token", "There is no option 'batch_token'. Did you mean batch_tokens?"),
        ("learning-rate", "There is no option 'learning-rate'. Did you mean learning_rate?"),
        ("xyzzy", "There is no option 'xyzzy'."),
        ("optimizer", "There is no option 'optimizer'."),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_one(name: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        Recipe.of(**{name: 1})
    assert str(told.value).startswith(message.removesuffix("."))
    if "mean" in message or name == "xyzzy":
        assert str(told.value) == message


def test_epochs_and_minutes_exclude_each_other() -> None:
    with pytest.raises(RecipeError, match="--epochs or --minutes, not both"):
        Recipe.of(epochs=1.0, minutes=1.0)
    assert Recipe.of(epochs=1.0).length.minutes is None
    assert LengthSettings(minutes=1.0).epochs is None


@pytest.mark.parametrize(
    ("given_columns", "names"),
    [
        ("genre,title", ("genre", "title")),
        (" genre , title ,", ("genre", "title")),
        (["genre,title", "year"], ("genre", "title", "year")),
        (("genre",), ("genre",)),
        ("", ()),
    ],
)
def test_given_columns_are_split_at_commas(given_columns: object, names: tuple[str, ...]) -> None:
    assert Recipe.of(given=given_columns).task.given == names


@pytest.mark.parametrize("wrong", [3, None, [1, 2], {"genre": "title"}])
def test_given_columns_that_are_no_names_are_refused(wrong: object) -> None:
    with pytest.raises(RecipeError):
        Recipe.of(given=wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (BaseSettings, {"lora": 0}),
        (BaseSettings, {"size": "huge"}),
        (LengthSettings, {"epochs": 0}),
        (LengthSettings, {"minutes": float("nan")}),
        (OptimizerSettings, {"dropout": 1.0}),
        (OptimizerSettings, {"warmup": 1.0}),
        (OptimizerSettings, {"clip": 0}),
        (Recipe, {"seed": 2**63}),
        (Recipe, {"seed": -1}),
    ],
)
def test_values_out_of_range_are_refused(kind: type[Settings], wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        kind.of(**wrong)


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    recipe = Recipe.of(write="plot")
    with pytest.raises(ValidationError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]


def test_the_task_follows_from_the_column_named() -> None:
    write, label = TaskSettings(write="plot"), TaskSettings(label="genre", given=("plot",))
    write.check()
    label.check()
    assert (write.name, write.target) == ("write", "plot")
    assert (label.name, label.target) == ("label", "genre")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of --write COLUMN and --label COLUMN"),
        ({"write": "plot", "label": "genre"}, "exactly one of --write COLUMN and --label COLUMN"),
        ({"write": "plot", "given": "genre,plot"}, "'plot' is both given and to be produced"),
        ({"write": "plot", "given": "genre,genre"}, "--given names a column twice"),
        ({"label": "genre"}, "A label needs something to be read from"),
    ],
)
def test_columns_that_make_no_task_are_one_sentence(options: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of(**options).task.check()
