"""One new row for each seed: given columns of training rows, and the text that the verb writes too."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from finetable.model_folder import ModelFolder
from finetable.serving.row_source import RowSource
from finetable.verbs import generate


def row(server: Any, name: str, **query: Any) -> Any:
    return httpx2.post(f"{server.url}/v1/finetable/rows/{name}", params=query).json()


def test_a_seed_stands_for_one_row_which_the_verb_writes_too(
    server: Any, folders: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # With narrow products the verb draws from rounded probabilities, and the server does not.
    monkeypatch.setattr("finetable.workflow.generate.has_bf16_products", lambda _: False)
    found = [row(server, "writer", seed=seed) for seed in range(6)]
    for each in found:
        wanted = generate(folders[0], n=1, seed=each["seed"]).to_pylist()[0]
        assert each["given"] == {"genre": wanted["genre"]}
        assert (each["text"], each["copied_words"]) == (wanted["plot"], wanted["copied_words"])
        assert each == row(server, "writer", seed=each["seed"])
        same = httpx2.get(f"{server.url}/v1/finetable/rows/writer", params={"seed": each["seed"]})
        assert same.json() == each
    assert len({each["text"] for each in found}) > 3
    assert len({each["given"]["genre"] for each in found}) > 1


def test_without_a_seed_another_row_comes_each_time(server: Any) -> None:
    first, second = row(server, "free"), row(server, "free")
    assert first["seed"] != second["seed"]
    assert first["given"] == {}
    assert row(server, "free", seed=first["seed"]) == first


def test_only_writers_write_rows(server: Any) -> None:
    for name in ("labeller", "gpt2"):
        assert "not trained to write rows" in row(server, name)["error"]["message"]
    assert row(server, "writer", seed=-1)["error"]["param"] == "seed"


def test_rows_come_from_a_run_that_goes_on_without_touching_its_folder(
    server: Any, folders: tuple[Path, ...]
) -> None:
    with server.model("writer") as model:
        opened = model.opened
    going_on = opened.record.model_copy(update={"status": "training"})
    copies = ModelFolder(folders[0]).inner / "copies"
    before = sorted(copies.iterdir())
    source = RowSource(type(opened)(opened.folder, going_on, opened.base, opened.task))
    assert source.copy_of("an old sailor").words == 3
    assert sorted(copies.iterdir()) == before
