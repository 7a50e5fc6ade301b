import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.cli import app
from finetable.errors import RecipeError
from finetable.recipe_file import with_recipe_file
from finetable.settings import Recipe
from finetable.verb_settings import WatchSettings

TYPED = ["train", "table.csv", "--out", "model"]


def recipe_of(words: list[str]) -> Recipe:
    """The recipe that the command line itself makes of the words."""
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments["table"] == "table.csv"
    assert bound.arguments["out"] == Path("model")
    recipe = bound.arguments.get("recipe", Recipe())
    assert isinstance(recipe, Recipe)
    return recipe


def written(folder: Path, text: str) -> str:
    file = folder / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def merged(folder: Path, text: str, *words: str) -> Recipe:
    return recipe_of(with_recipe_file([*TYPED, *words, "--recipe", written(folder, text)]))


def test_without_a_recipe_the_words_stay_as_they_are() -> None:
    assert with_recipe_file(TYPED) == TYPED
    assert with_recipe_file([]) == []
    assert with_recipe_file(["train", "--recipe"]) == ["train", "--recipe"]


EVERYTHING = """
write = "plot"
given = ["genre", "title,year"]
delimiter = ";"
header = false
long-rows = "cut"
lora = 8
epochs = 2.5
learning-rate = 3e-4
batch-tokens = 2_048
precision = "bf16"
seed = 7
"""


def test_options_of_every_kind_arrive(tmp_path: Path) -> None:
    assert merged(tmp_path, EVERYTHING) == Recipe.of(
        write="plot",
        given=("genre", "title", "year"),
        delimiter=";",
        header=False,
        long_rows="cut",
        lora=8,
        epochs=2.5,
        learning_rate=3e-4,
        batch_tokens=2048,
        precision="bf16",
        seed=7,
    )


@pytest.mark.parametrize("value", ["true", "false"])
def test_yes_and_no_arrive(tmp_path: Path, value: str) -> None:
    assert merged(tmp_path, f"header = {value}").table.header is (value == "true")
    words = with_recipe_file([*TYPED, "--recipe", written(tmp_path, f"tensorboard = {value}")])
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments["watch"] == WatchSettings(tensorboard=value == "true")


@pytest.mark.parametrize(
    "words",
    [
        ("--epochs", "3"),
        ("--epochs=3",),
        ("--batch-tokens", "32", "--epochs", "3"),
        ("--batch_tokens", "32", "--epochs", "3"),
    ],
)
def test_the_command_line_wins(tmp_path: Path, words: tuple[str, ...]) -> None:
    recipe = merged(tmp_path, 'write = "plot"\nepochs = 9\nbatch-tokens = 64', *words)
    assert recipe.length.epochs == 3
    assert recipe.optimizer.batch_tokens == (32 if "32" in words else 64)
    assert recipe.task.write == "plot"


@pytest.mark.parametrize(("word", "header"), [("--header", True), ("--no-header", False)])
@pytest.mark.parametrize("value", ["true", "false"])
def test_the_command_line_wins_in_either_spelling_of_yes_and_no(
    tmp_path: Path, word: str, header: bool, value: str
) -> None:
    assert merged(tmp_path, f"header = {value}", word).table.header is header


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("epochs = 2", ("--minutes", "5")),
        ("minutes = 2", ("--epochs=5",)),
        ("batch-rows = 4", ("--batch-tokens", "64")),
        ('label = "genre"', ("--write", "plot")),
    ],
)
def test_what_cannot_stand_beside_an_option_of_the_command_line_gives_way(
    tmp_path: Path, file: str, words: tuple[str, ...]
) -> None:
    flat = merged(tmp_path, file, *words).flat()
    assert flat[file.split(" = ")[0].replace("-", "_")] is None
    assert flat[words[0].split("=")[0].strip("-").replace("-", "_")] is not None


def test_a_list_on_the_command_line_takes_the_place_of_the_file(tmp_path: Path) -> None:
    assert merged(tmp_path, 'given = ["genre", "title"]', "--given", "year").task.given == ("year",)


def test_the_recipe_may_be_named_with_an_equals_sign_and_come_before_other_words(tmp_path: Path) -> None:
    file = written(tmp_path, "seed = 4")
    words = ["train", f"--recipe={file}", "--out", "model", "--", "table.csv"]
    assert recipe_of(with_recipe_file(words)).seed == 4


NASTY = st.text(st.characters(exclude_categories=["C"]), max_size=6) | st.sampled_from(
    ["-", "--", "-x", "--seed", "--seed=3", "=", "a=b", "a b", "\t", "-1", "--no-header", '"', "'"]
)


@settings(max_examples=30, deadline=None)
@given(write=NASTY, delimiter=NASTY, columns=st.lists(NASTY, min_size=1, max_size=3))
def test_texts_that_look_like_options_are_texts(
    write: str, delimiter: str, columns: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = {"write": write, "delimiter": delimiter, "given": columns}
    text = "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in options.items())
    assert merged(tmp_path_factory.mktemp("recipe"), text) == Recipe.of(**options)


@settings(max_examples=30, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.floats(1e-9, 1),
            "epochs": st.floats(0.001, 10_000),
            "seed": st.integers(0, 2**63 - 1),
            "header": st.booleans(),
        },
    )
)
def test_numbers_arrive_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]
) -> None:
    text = "\n".join(f"{key.replace('_', '-')} = {json.dumps(value)}" for key, value in options.items())
    assert merged(tmp_path_factory.mktemp("recipe"), text) == Recipe.of(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bath-tokens = 64", "has an unknown option 'bath-tokens'. Did you mean batch-tokens?"),
        ("batch_tokens = 64", "has an unknown option 'batch_tokens'. Did you mean batch-tokens?"),
        ("xyzzy = 1", "has an unknown option 'xyzzy'."),
        ("out = 'model'", "has an unknown option 'out'."),
        ("[optimizer]\nbatch-tokens = 64", "has an unknown option 'optimizer'."),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_one(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        merged(tmp_path, text)
    assert str(told.value).startswith(f"The recipe {tmp_path / 'recipe.toml'} {message}")


@pytest.mark.parametrize("text", ["seed =", "seed = 1\nseed = 2", "just words"])
def test_a_file_that_is_not_toml_is_one_sentence_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        RecipeError, match=r"recipe\.toml is not TOML: .*at (line \d|end of document)"
    ) as told:
        merged(tmp_path, text)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_utf_8_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes("write = 'Größe'".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"recipe\.toml is not TOML: .*utf-8"):
        with_recipe_file([*TYPED, "--recipe", str(file)])


@pytest.mark.parametrize(("name", "reason"), [("nowhere.toml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=f"cannot be read: {reason}"):
        with_recipe_file([*TYPED, "--recipe", str(tmp_path / name)])
