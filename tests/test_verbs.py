"""The verbs from Python."""

from pathlib import Path

import pytest

import finetable
from finetable.errors import ModelFolderError, RecipeError


def test_public_names_are_there_and_others_are_not() -> None:
    for name in finetable.__all__:
        assert callable(getattr(finetable, name))
        assert not (Path(finetable.__file__).parent / name).exists(), (
            "a package of that name would hide the verb"
        )
    with pytest.raises(AttributeError, match="trian"):
        finetable.trian  # noqa: B018


def test_unknown_options_get_the_nearest_right_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean learning_rate"):
        finetable.train("x.csv", out=tmp_path / "m", write="a", learning_rat=1)
    with pytest.raises(RecipeError, match="Did you mean top_p"):
        finetable.generate(tmp_path, top_q=1)


def test_a_wrong_value_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^--epochs must be greater than 0, and -3 is not\.$"):
        finetable.train("x.csv", out=tmp_path / "m", write="a", epochs=-3)
    with pytest.raises(RecipeError, match=r"--given .*, and 5 is not"):
        finetable.train("x.csv", out=tmp_path / "m", write="a", given=5)
    with pytest.raises(RecipeError, match=r"--temperature must be less than or equal to 2"):
        finetable.generate(tmp_path, temperature=3)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="does not exist"):
        finetable.open_model(tmp_path / "absent")
