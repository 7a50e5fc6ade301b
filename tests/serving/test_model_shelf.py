import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest

from finetable.errors import UserError
from finetable.serving.api_errors import ApiError
from finetable.serving.model_shelf import ModelShelf

from .conftest import Stores

MAX_GB = 4.0


def test_the_shipped_base_and_scratch_are_always_known_and_scratch_has_no_weights(stores: Stores) -> None:
    shelf = ModelShelf(stores.database, (), MAX_GB)
    assert [model.name for model in shelf.known()] == ["small", "scratch"]
    assert shelf.base_for_training("scratch") == "scratch"
    with pytest.raises(ApiError, match="no weights of its own"), shelf.lend("scratch"):
        pass
    with pytest.raises(ApiError, match="does not exist"):
        shelf.find("gpt-4o")


def test_the_least_recently_used_models_leave_when_memory_is_full(
    stores: Stores, base_folder: Callable[[str], Path]
) -> None:
    folders = tuple(base_folder(name) for name in ("gpt2", "llama", "qwen2"))
    names = [folder.name for folder in folders]
    shelf = ModelShelf(stores.database, folders, MAX_GB)
    with shelf.lend(names[0]) as first:
        one = first.memory_bytes / 1e9
    shelf.close()
    shelf = ModelShelf(stores.database, folders, 2.5 * one)
    for name in (names[0], names[1], names[0], names[2]):
        with shelf.lend(name) as model:
            assert model.base.network is not None
    assert shelf.loaded_names()[-1] == names[2]
    assert names[1] not in shelf.loaded_names()
    shelf.close()


def test_a_model_in_use_stays_whatever_memory_says(
    stores: Stores, base_folder: Callable[[str], Path]
) -> None:
    folders = tuple(base_folder(name) for name in ("gpt2", "llama"))
    shelf = ModelShelf(stores.database, folders, 1e-6)
    with shelf.lend(folders[0].name) as used:
        with shelf.lend(folders[1].name):
            assert shelf.loaded_names() == [folder.name for folder in folders]
        assert shelf.loaded_names() == [folders[0].name]
        assert used.engine.embed([[1, 2]]).result(30).shape[0] == 1
    assert shelf.loaded_names() == []
    shelf.close()


def test_a_folder_to_serve_is_a_model_folder_with_a_name_of_its_own(
    stores: Stores, base_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        ModelShelf(stores.database, (tmp_path,), MAX_GB)
    folder = base_folder("gpt2")
    with pytest.raises(UserError, match="rename one"):
        ModelShelf(stores.database, (folder, folder), MAX_GB)


def test_models_of_the_hub_are_those_whose_files_are_here(
    stores: Stores, base_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    shelf = ModelShelf(stores.database, (), MAX_GB)
    assert len(shelf.known()) == 2
    for name, whole in (("whole", True), ("half", False)):
        repository = cache / f"models--someone--{name}"
        snapshot = repository / "snapshots" / "abc123"
        shutil.copytree(base_folder("gpt2"), snapshot)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc123", encoding="utf-8")
        if not whole:
            for weights in snapshot.glob("*.safetensors"):
                weights.unlink()
    assert [model.name for model in shelf.known()] == ["small", "scratch", "someone/whole"]
    assert shelf.base_for_training("someone/whole").endswith("snapshots/abc123")
    with shelf.lend("someone/whole") as model:
        assert model.form == "text"
    with pytest.raises(ApiError, match="not a fine-tuned model"):
        shelf.delete("someone/whole")
    shelf.close()


@pytest.mark.parametrize(("status", "stays"), [("running", True), ("paused", True), ("succeeded", False)])
def test_the_folder_of_a_job_goes_with_its_last_model_but_not_while_it_trains(
    stores: Stores, tmp_path: Path, status: str, stays: bool
) -> None:
    kept = tmp_path / "model" / "finetable" / "epochs" / "step-000000100"
    kept.mkdir(parents=True)
    job = {"id": "ftjob-1", "created_at": 1, "model": "scratch", "training_file": "file-1", "seed": 3}
    stores.jobs.create({**job, "method": "{}", "snapshot": "abc", "status": status}, [])
    name = "ft:scratch:local::abc:ckpt-step-100"
    stores.database.insert(
        "models",
        {"name": name, "folder": str(kept), "form": "completion", "created_at": 1}
        | {"job_id": "ftjob-1", "step": 100},
    )
    shelf = ModelShelf(stores.database, (), MAX_GB)
    shelf.delete(name)
    with pytest.raises(ApiError, match="does not exist"), shelf.lend(name):
        pass
    assert (tmp_path / "model").exists() == stays
