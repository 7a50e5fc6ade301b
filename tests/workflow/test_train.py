"""A run: what it leaves, and that stopping or killing it changes nothing in the end."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from finetable.errors import ModelFolderError, TableError, TrainingError
from finetable.models.base_model import BaseModel, embedding_of
from finetable.models.shipped import card_of, shipped_tokenizer
from finetable.progress import Bar, Silent, SilentBar
from finetable.settings import SHIPPED
from finetable.verbs import generate, open_model, train

from .listener import Listener

Recipes = dict[str, dict[str, Any]]


class SignalBar(SilentBar):
    """Sends this process a signal when a step is reached, as a person would who presses Ctrl-C just then."""

    def __init__(self, step: int, number: signal.Signals) -> None:
        self._step = step
        self._number = number

    def update(self, done: float, note: str = "") -> None:
        del note
        if done == self._step:
            signal.raise_signal(self._number)


class SignalAt(Silent):
    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        self._bar = SignalBar(step, number)

    @contextmanager
    def bar(self, name: str, total: float) -> Iterator[Bar]:
        del name, total
        yield self._bar


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize(("job", "steps"), [("write", (1, 4, 7)), ("label", (2, 5, 9))])
def test_stopped_three_times_ends_in_the_same_weights(
    job: str,
    steps: tuple[int, ...],
    films: Path,
    tmp_path: Path,
    recipes: Recipes,
    request: pytest.FixtureRequest,
) -> None:
    unbroken = request.getfixturevalue("writer" if job == "write" else "labeller")
    out = tmp_path / "model"
    for step in steps:
        assert not train(films, out=out, progress=SignalAt(step), **recipes[job]).finished
    assert train(films, out=out, **recipes[job]).finished
    assert digest(out) == digest(unbroken)
    mine, theirs = (
        [json.loads(line) for line in (folder / "finetable" / "steps.jsonl").read_text().splitlines()]
        for folder in (out, unbroken)
    )
    assert [step["loss_nats"] for step in mine] == [step["loss_nats"] for step in theirs]


def test_a_labeller_of_the_shipped_base_learns_its_words_and_goes_on_with_them(
    films: Path, tmp_path: Path, recipes: Recipes
) -> None:
    recipe = recipes["label"] | {"base": SHIPPED, "size": None, "epochs": 0.2, "validations": 1}
    train(films, out=tmp_path / "whole", **recipe)
    broken = tmp_path / "broken"
    assert not train(films, out=broken, progress=SignalAt(2), **recipe).finished
    assert train(films, out=broken, **recipe).finished
    assert digest(broken) == digest(tmp_path / "whole")
    base = open_model(broken).base
    known = len(shipped_tokenizer(SHIPPED))
    assert len(base.tokenizer) == embedding_of(base.network).num_embeddings > known
    assert base.encoder().plain(["a NURSE falls in love"])[0][1] >= known, "a word of the table"
    kept = train(films, out=tmp_path / "adapter", lora=2, **recipe).folder
    assert len(open_model(kept).base.tokenizer) == known, "an adapter has no room for more words"


def test_killed_and_gone_on_with_ends_in_the_same_weights(
    films: Path, tmp_path: Path, recipes: Recipes, writer: Path
) -> None:
    out = tmp_path / "model"
    program = (
        "import os, signal, sys, json, torch\n"
        "from finetable.progress import Silent, SilentBar\n"
        "from finetable.verbs import train\n"
        "from contextlib import contextmanager\n"
        "torch.set_num_threads(1)\n"
        "class KillBar(SilentBar):\n"
        "    def update(self, done, note=''):\n"
        "        if done == 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        "class Killed(Silent):\n"
        "    @contextmanager\n"
        "    def bar(self, name, total): yield KillBar()\n"
        f"train({str(films)!r}, out={str(out)!r}, progress=Killed(), **json.loads(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, json.dumps(recipes["write"])], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (out / "model.safetensors").exists()
    assert train(films, out=out, **recipes["write"]).finished
    assert digest(out) == digest(writer)


def test_two_processes_never_train_into_one_folder(films: Path, tmp_path: Path, recipes: Recipes) -> None:
    out = tmp_path / "model"
    told: list[str] = []

    class Second(SilentBar):
        """Starts the same command in another process while the first one trains."""

        def update(self, done: float, note: str = "") -> None:
            del note
            if done == 2:
                command = (
                    "import json, sys; from finetable.verbs import train; train(**json.loads(sys.argv[1]))"
                )
                options = {"table": str(films), "out": str(out), **recipes["label"]}
                ended = subprocess.run(
                    [sys.executable, "-c", command, json.dumps(options)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                told.append(ended.stderr)

    class Both(Silent):
        @contextmanager
        def bar(self, name: str, total: float) -> Iterator[Bar]:
            del name, total
            yield Second()

    assert train(films, out=out, progress=Both(), **recipes["label"]).finished
    assert f"{out} is being trained by another process; wait for it or choose another --out." in told[0]
    assert train(films, out=out, **recipes["label"]).finished, "the lock was given back"


def test_same_seed_same_bytes_and_another_seed_others(
    films: Path, tmp_path: Path, recipes: Recipes, labeller: Path
) -> None:
    train(films, out=tmp_path / "again", **recipes["label"])
    assert digest(tmp_path / "again") == digest(labeller)
    train(films, out=tmp_path / "other", **recipes["label"], seed=1)
    assert digest(tmp_path / "other") != digest(labeller)


def test_folder_holds_what_it_promises(writer: Path) -> None:
    record = json.loads((writer / "finetable.json").read_text(encoding="utf-8"))
    assert record["status"] == "finished"
    assert record["recipe"]["task"]["write"] == "plot"
    assert sum(record["splits"].values()) == 150
    assert record["figures"]["task"] == "write"
    assert not (writer / "finetable" / "checkpoints").exists()
    steps = (writer / "finetable" / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(steps) == record["plan"]["steps"]
    samples = (writer / "finetable" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [len(json.loads(line)["texts"]) for line in samples] == [3, 3, 3, 3]
    assert (writer / "README.md").read_text(encoding="utf-8").startswith("---\n")


def test_show_prints_examples_as_the_model_sees_them(films: Path, tmp_path: Path, recipes: Recipes) -> None:
    listener = Listener()
    train(films, out=tmp_path / "model", progress=listener, show=2, **recipes["write"])
    shown = [line for line in listener.lines if line.startswith("[<|startoftext|>")]
    assert len(shown) == 2
    assert all(line.endswith("<|endoftext|>") for line in shown)
    assert all("<|separator|>] " in line for line in shown)


def test_minutes_become_steps_once(films: Path, tmp_path: Path, recipes: Recipes) -> None:
    recipe = recipes["label"] | {"epochs": None, "minutes": 0.02}
    out = tmp_path / "model"
    stopped = train(films, out=out, progress=SignalAt(1), **recipe)
    planned = json.loads((out / "finetable.json").read_text(encoding="utf-8"))["plan"]["steps"]
    if not stopped.finished:
        train(films, out=out, **recipe)
    assert json.loads((out / "finetable.json").read_text(encoding="utf-8"))["plan"]["steps"] == planned


def test_another_recipe_or_table_is_refused(
    films: Path, tmp_path: Path, recipes: Recipes, labeller: Path
) -> None:
    before = digest(labeller)
    with pytest.raises(ModelFolderError, match=r"--epochs was 2\.0 and is 3\.0"):
        train(films, out=labeller, **(recipes["label"] | {"epochs": 3}))
    other = tmp_path / "films.csv"
    other.write_text(films.read_text(encoding="utf-8") + "Late film,love,the mayor plans a wedding\n")
    with pytest.raises(ModelFolderError, match="another content"):
        train(other, out=labeller, **recipes["label"])
    assert digest(labeller) == before


def test_long_rows_stop_drop_or_cut(films: Path, tmp_path: Path, recipes: Recipes) -> None:
    table = tmp_path / "films.csv"
    long = "word " * 1500
    table.write_text(films.read_text(encoding="utf-8") + f"Long film,love,{long}\n", encoding="utf-8")
    recipe = recipes["write"] | {"epochs": 1, "validations": 1}
    with pytest.raises(TableError, match=r"1 row is longer than the 1,024 tokens .* line 152"):
        train(table, out=tmp_path / "stop", **recipe)
    assert not (tmp_path / "stop").exists()
    told = "1 row is longer than the 1,024 tokens the base sees, on line 152: they were "
    dropped = train(table, out=tmp_path / "drop", long_rows="drop", **recipe)
    assert told + "set aside" in dropped.record.notes
    assert sum(dropped.record.splits.values()) == 150
    assert "longer than" in (tmp_path / "drop" / "finetable" / "set_aside.jsonl").read_text(encoding="utf-8")
    cut = train(table, out=tmp_path / "cut", long_rows="cut", **recipe)
    assert sum(cut.record.splits.values()) == 151
    assert told + "cut" in cut.record.notes


@pytest.mark.parametrize("length", [{"epochs": 1}, {"epochs": None, "minutes": 1}])
def test_numbers_that_break_in_the_first_step_are_one_sentence(
    length: dict[str, Any],
    films: Path,
    tmp_path: Path,
    recipes: Recipes,
    load_base: Callable[[str], BaseModel],
) -> None:
    broken = load_base("gpt2")
    with torch.no_grad():
        embedding_of(broken.network).weight[broken.encoder().prefix("~")] = 3e38
    broken.network.save_pretrained(tmp_path / "base")
    broken.tokenizer.save_pretrained(tmp_path / "base")
    recipe = recipes["label"] | {"base": str(tmp_path / "base"), "size": None, "long_rows": "drop"} | length
    with pytest.raises(
        TrainingError, match=r"not a finite number \(rows of its batch: lines \d+, \d+.*lower"
    ):
        train(films, out=tmp_path / "model", **recipe)
    # Steps that are timed come before the folder is made.
    assert (tmp_path / "model").exists() == ("minutes" not in length)


def test_a_fresh_labeller_reads_without_case_unless_asked_or_its_labels_need_it(
    films: Path, tmp_path: Path, recipes: Recipes, labeller: Path, writer: Path
) -> None:
    def reads_alike(folder: Path) -> bool:
        encoder = open_model(folder).base.encoder()
        return encoder.prompts(["A NURSE"]) == encoder.prompts(["a nurse"])

    recipe = recipes["label"] | {"epochs": 1, "validations": 1}
    train(films, out=tmp_path / "kept", keep_case=True, **recipe)
    cased = tmp_path / "cased.csv"
    cased.write_text(films.read_text(encoding="utf-8").replace(",crime,", ",LOVE,"), encoding="utf-8")
    train(cased, out=tmp_path / "needed", **recipe)
    assert reads_alike(labeller)
    assert not any(map(reads_alike, (writer, tmp_path / "kept", tmp_path / "needed")))


def test_a_full_disk_is_one_sentence(films: Path, recipes: Recipes) -> None:
    # /dev/full takes no bytes; a folder cannot be made below it either.
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("this system has no /dev/full")
    with pytest.raises(ModelFolderError, match="cannot be written"):
        train(films, out="/dev/full/model", **recipes["write"])


def test_columns_are_found_by_names_with_commas_and_blanks(
    films: Path, tmp_path: Path, recipes: Recipes
) -> None:
    table = tmp_path / "films.csv"
    text = films.read_text(encoding="utf-8").replace("title,genre,plot", 'title,"kind, genre", plot ', 1)
    table.write_text(text, encoding="utf-8")
    recipe = recipes["write"] | {"epochs": 1, "validations": 1, "write": "plot", "given": "kind, genre"}
    trained = train(table, out=tmp_path / "model", **recipe)
    assert (trained.record.recipe.task.given, trained.record.recipe.task.write) == (
        ("kind, genre",),
        " plot ",
    )
    rows = generate(tmp_path / "model", n=2, given=("kind, genre=love",), max_tokens=3).to_pylist()
    assert [row["kind, genre"] for row in rows] == ["love", "love"]
    assert train(table, out=tmp_path / "model", **recipe).finished


def test_the_base_that_comes_along_brings_its_card_and_tells_where_it_is_the_wrong_one(
    films: Path, tmp_path: Path, recipes: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipes["write"] | {"base": "small", "size": None, "epochs": 0.2, "validations": 1}
    told = Listener()
    train(films, out=tmp_path / "english", progress=told, **recipe)
    assert not [line for line in told.lines if "scratch" in line or "./small" in line]
    assert (tmp_path / "english" / "BASE.md").read_text(encoding="utf-8") == card_of("small")
    greek = str.maketrans("abcdefghiklmnoprstuwy", "αβκδεφγηικλμνοπρστυωψ")
    header, *rows = films.read_text(encoding="utf-8").splitlines()
    table = tmp_path / "greek.csv"
    lines = [",".join([*row.split(",")[:2], row.split(",")[2].translate(greek)]) for row in rows]
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    (tmp_path / "small").mkdir()
    monkeypatch.chdir(tmp_path)
    # A labeller learns the words of its table, and is told all the same.
    label = recipes["label"] | {"base": "small", "size": None, "epochs": 0.2, "validations": 1}
    train(table, out=tmp_path / "model", progress=told, **label)
    assert any("--base scratch makes a tokenizer of your table" in line for line in told.lines)
    assert any("the folder here is ./small" in line for line in told.lines)
