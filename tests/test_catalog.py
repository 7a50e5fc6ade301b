"""The one list of what there is."""

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from finetable.bench_settings import FewShotSettings
from finetable.catalog import answerer_of, few_shot_base_of, step_writer_of, task_of
from finetable.errors import RecipeError
from finetable.settings import TaskSettings
from finetable.training.trainer import Step


def test_tasks() -> None:
    assert task_of(TaskSettings(write="a")).labels == ()
    assert task_of(TaskSettings(label="a", given=("b",)), ("x", "y")).labels == ("x", "y")


def test_tensorboard_files_are_written_on_request_only(tmp_path: Path) -> None:
    for wanted in (False, True):
        writer = step_writer_of(wanted)(tmp_path / "board")
        writer.step(Step(1, 2.0, 0.3, 0.1, 1.0, 100, 0.5, 2.1))
        writer.close()
        assert (tmp_path / "board").exists() == wanted
    assert any((tmp_path / "board").iterdir())


def test_a_missing_extra_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> object:
        if name.endswith(("tensorboard_log", "openai_engine")):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RecipeError, match="pip install 'finetable\\[tensorboard\\]'"):
        step_writer_of(True)
    elsewhere = FewShotSettings.parsed("some-model@url=https://example.org/v1")
    with pytest.raises(RecipeError, match="pip install 'finetable\\[remote\\]'"):
        answerer_of(elsewhere, tmp_path)


def test_a_model_elsewhere_needs_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RecipeError, match="Set OPENAI_API_KEY"):
        answerer_of(FewShotSettings.parsed("some-model@url=https://example.org/v1"), tmp_path)
    answerer_of(FewShotSettings.parsed("some-model@url=http://127.0.0.1:1/v1"), tmp_path).close()


def test_the_base_that_comes_along_can_be_shown_examples() -> None:
    assert few_shot_base_of(FewShotSettings.parsed("small@k=2")).origin == "small"
