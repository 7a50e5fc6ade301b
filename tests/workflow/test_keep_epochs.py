"""Weights kept after the last epochs: models of their own, which change nothing else."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from finetable.errors import ModelFolderError
from finetable.inference.engine import Request
from finetable.model_folder import ModelFolder
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings
from finetable.verbs import train
from finetable.workflow.opened import open_epoch, open_model

Recipes = dict[str, dict[str, Any]]

KILLED_AT = """
import json, os, signal, sys
from contextlib import contextmanager
from finetable.progress import Silent, SilentBar
from finetable.verbs import train
import torch
torch.set_num_threads(1)
table, out, step, options = json.loads(sys.argv[1])
class KillBar(SilentBar):
    def update(self, done, note=''):
        if done == step: os.kill(os.getpid(), signal.SIGKILL)
class Killed(Silent):
    @contextmanager
    def bar(self, name, total): yield KillBar()
train(table, out=out, progress=Killed(), **options)
"""


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def steps_of(folder: Path) -> list[int]:
    return [step for step, _ in ModelFolder(folder).epochs()]


@pytest.fixture(scope="module")
def kept(films: Path, tmp_path_factory: pytest.TempPathFactory, recipes: Recipes) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "writer"
    assert train(films, out=folder, keep_epochs=5, **recipes["write"]).finished
    return folder


def test_the_model_is_the_same_and_the_last_weights_are_its_own(kept: Path, writer: Path) -> None:
    model = digests(writer)["model.safetensors"]
    assert digests(kept)["model.safetensors"] == model
    record = ModelFolder(kept).read_finished()
    steps = record.plan["steps"]
    assert steps_of(kept) == [steps // 2, steps]
    assert record.outcome["best_step"] == steps, "else the last weights would not be the model's"
    last = digests(kept / "finetable" / "epochs" / f"step-{steps:09d}")
    shared = set(last) - {"manifest.json"}
    assert {name: last[name] for name in shared} == {name: digests(kept)[name] for name in shared}
    assert shared >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert last["model.safetensors"] != digests(ModelFolder(kept).epochs()[0][1])["model.safetensors"]


def test_steps_tell_accuracy(kept: Path) -> None:
    steps = ModelFolder(kept).read_lines("steps")
    assert all(0 <= step["accuracy"] <= 1 for step in steps)
    assert steps[-1]["accuracy"] > steps[0]["accuracy"]
    assert [step["validation_accuracy"] is None for step in steps] == [
        step["validation_nats"] is None for step in steps
    ]


def test_killed_and_gone_on_with_the_same_files_come_out(
    kept: Path, films: Path, tmp_path: Path, recipes: Recipes
) -> None:
    out = tmp_path / "model"
    options = {"keep_epochs": 5, **recipes["write"]}
    for step in (steps_of(kept)[0] + 1, steps_of(kept)[1]):
        given = json.dumps([str(films), str(out), step, options])
        done = subprocess.run([sys.executable, "-c", KILLED_AT, given], check=False)
        assert done.returncode == -signal.SIGKILL
    assert steps_of(out) == steps_of(kept)[:1]
    assert train(films, out=out, **options).finished
    assert digests(out / "finetable" / "epochs") == digests(kept / "finetable" / "epochs")


def test_only_the_newest_stay(kept: Path, films: Path, tmp_path: Path, recipes: Recipes) -> None:
    train(films, out=tmp_path / "model", keep_epochs=1, **recipes["write"])
    assert steps_of(tmp_path / "model") == steps_of(kept)[-1:]


def test_an_adapter_is_merged_and_narrow_weights_are_widened(
    films: Path, tmp_path: Path, recipes: Recipes, load_base: Callable[[str], BaseModel]
) -> None:
    base = load_base("llama")
    base.network.save_pretrained(tmp_path / "base")
    base.tokenizer.save_pretrained(tmp_path / "base")
    recipe = recipes["label"] | {"base": str(tmp_path / "base"), "size": None, "lora": 4, "precision": "bf16"}
    recipe |= {"long_rows": "drop", "validations": 1}
    train(films, out=tmp_path / "plain", **recipe)
    train(films, out=tmp_path / "kept", keep_epochs=2, **recipe)
    model = digests(tmp_path / "plain")["model.safetensors"]
    assert digests(tmp_path / "kept")["model.safetensors"] == model
    (first, earlier), (_, last) = ModelFolder(tmp_path / "kept").epochs()
    assert digests(last)["model.safetensors"] == model
    weights = load_file(earlier / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert set(weights) == set(load_file(last / "model.safetensors"))
    assert open_epoch(tmp_path / "kept", first).task.labels == ("crime", "horror", "love")


def test_an_epoch_opens_with_the_record_of_its_run(kept: Path) -> None:
    step = steps_of(kept)[0]
    model = open_epoch(kept, step)
    assert model.record == open_model(kept).record
    assert model.folder.path == kept
    (text,) = model.engine().stream([Request(0, "love")], SamplingSettings(), 1)
    assert text.text
    with pytest.raises(ModelFolderError, match="is missing or damaged"):
        open_epoch(kept, step + 1)


def test_an_epoch_of_a_run_that_goes_on_opens_uncalibrated(
    films: Path, tmp_path: Path, recipes: Recipes, labeller: Path
) -> None:
    out = tmp_path / "model"
    options = {"keep_epochs": 1, **recipes["label"]}
    last = ModelFolder(labeller).read_record().plan["steps"]
    given = json.dumps([str(films), str(out), last, options])
    subprocess.run([sys.executable, "-c", KILLED_AT, given], check=False)
    (step,) = steps_of(out)
    assert open_epoch(out, step).record.temperature == 1.0
    with pytest.raises(ModelFolderError, match="has not ended"):
        open_model(out)
