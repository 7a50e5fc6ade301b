import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.data.table import SetAside, Table
from finetable.errors import ModelFolderError
from finetable.folder_lock import FolderLock
from finetable.frozen_rows import SplitRows, freeze_rows
from finetable.model_folder import ModelFolder, Record
from finetable.models.base_model import BaseModel
from finetable.settings import Recipe, TaskSettings

MakeTable = Callable[..., Table]
Load = Callable[[str], BaseModel]

RECORD = Record(
    recipe=Recipe(task=TaskSettings(write="plot", given=("title",)), seed=2**62),
    table_name="films.csv",
    table_fingerprint="f" * 64,
    table_format="CSV, utf-8",
    labels=("été", "映画"),
    splits={"train": 2, "validation": 1, "test": 1},
    notes=("Two rows were odd.",),
    longest_prompt=16,
    longest_answer=24,
    plan={"steps": 7, "learning_rate": 1e-3},
)
SET_ASIDE = [SetAside(3, 9, "no plot"), SetAside(5, 12, 'a “broken” row\nwith "quotes"')]


@pytest.fixture
def rows(make_table: MakeTable) -> SplitRows:
    table = make_table(
        title=["A", None, "Ç", "D\r\n"], plot=["p", "q  ", "映画 🎬", ""], unused=["1", "2", "3", "4"]
    )
    splits = np.array([0, 2, 1, 0], np.int8)
    return freeze_rows(
        table.take(np.array([0, 2, 1, 3])), ["title", "plot"], splits, ["h0", "h2", "h1", "h0"]
    )


@pytest.fixture
def folder(tmp_path: Path, rows: SplitRows, load_base: Load) -> ModelFolder:
    """A folder of a run that has started."""
    folder = ModelFolder(tmp_path / "model")
    folder.create(RECORD, rows, SET_ASIDE, load_base("gpt2").tokenizer)
    return folder


def names_in(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


def sentence_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ModelFolderError) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_a_started_run_leaves_its_record_rows_and_tokenizer(folder: ModelFolder, rows: SplitRows) -> None:
    assert folder.read_record() == RECORD
    assert folder.read_rows().columns.equals(rows.columns)
    told = (folder.inner / "set_aside.jsonl").read_text(encoding="utf-8").splitlines()
    assert [SetAside(**json.loads(line)) for line in told] == SET_ASIDE
    assert len(AutoTokenizer.from_pretrained(folder.tokenizer)) > 256
    assert not [name for name in names_in(folder.path.parent) if "partial" in name]


def test_rows_keep_ids_lines_splits_and_texts(folder: ModelFolder) -> None:
    rows = folder.read_rows()
    assert len(rows) == 4
    assert rows.row_ids.tolist() == [0, 2, 1, 3]
    assert rows.texts("title").to_pylist() == ["A", "Ç", "", "D\r\n"]
    assert rows.texts("plot").to_pylist() == ["p", "映画 🎬", "q  ", ""]
    assert rows.lines() == {0: 2, 2: 4, 1: 3, 3: 5}
    assert rows.hashes() == {"h0", "h1", "h2"}
    assert "column:unused" not in rows.columns.column_names


def test_each_split_has_its_rows_in_order(folder: ModelFolder) -> None:
    rows = folder.read_rows()
    assert {split: rows.of(split).row_ids.tolist() for split in ("train", "validation", "test", "x")} == {
        "train": [0, 3],
        "validation": [1],
        "test": [2],
        "x": [],
    }
    assert rows.without(np.array([2, 3, 99])).row_ids.tolist() == [0, 1]
    assert len(rows.without(np.array([], np.int64))) == 4


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([0, 1, 2])), max_size=8
    )
)
def test_any_texts_come_back_from_their_splits(cells: list[tuple[str, int]]) -> None:
    columns = pa.table({"plot": pa.array([text for text, _ in cells], pa.large_string())})
    ids = np.arange(len(cells))
    table = Table("t", columns, ids, ids + 2, None, (), "f")  # type: ignore[arg-type]
    codes = np.array([code for _, code in cells], np.int8)
    rows = freeze_rows(table, ["plot"], codes, ["h"] * len(cells))
    for code, split in enumerate(("train", "validation", "test")):
        expected = [(row, text) for row, (text, its_code) in enumerate(cells) if its_code == code]
        found = rows.of(split)
        assert list(zip(found.row_ids.tolist(), found.texts("plot").to_pylist(), strict=True)) == expected


def test_a_name_like_one_of_ours_is_no_trouble(
    make_table: MakeTable, tmp_path: Path, load_base: Load
) -> None:
    table = make_table(**{"split": ["a", "b"], "row_id": ["x", "y"], "column:plot": ["p", "q"]})
    rows = freeze_rows(table, ["split", "row_id", "column:plot"], np.array([0, 1], np.int8), ["h", "g"])
    folder = ModelFolder(tmp_path / "model")
    folder.create(RECORD, rows, [], load_base("gpt2").tokenizer)
    kept = folder.read_rows().of("validation")
    assert [kept.texts(name).to_pylist() for name in table.column_names] == [["b"], ["y"], ["q"]]


def test_what_is_there_already_is_never_replaced(tmp_path: Path, rows: SplitRows, load_base: Load) -> None:
    tokenizer = load_base("gpt2").tokenizer
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("ten years")
    (tmp_path / "file").write_text("ten years")
    for name in ("folder", "file"):
        folder = ModelFolder(tmp_path / name)
        assert f"{tmp_path / name} cannot be written" in sentence_of(
            partial(folder.create, RECORD, rows, [], tokenizer)
        )
    assert names_in(tmp_path) == {"folder/thesis.txt", "file"}
    assert (tmp_path / "file").read_text() == "ten years"


def test_an_empty_folder_may_be_used(tmp_path: Path, rows: SplitRows, load_base: Load) -> None:
    (tmp_path / "model").mkdir()
    folder = ModelFolder(tmp_path / "model")
    folder.create(RECORD, rows, [], load_base("gpt2").tokenizer)
    assert folder.read_record() == RECORD


def test_folders_on_the_way_are_made_and_one_left_by_a_kill_is_replaced(
    tmp_path: Path, rows: SplitRows, load_base: Load
) -> None:
    left = tmp_path / "a" / "b" / ".model.77.partial"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    folder = ModelFolder(tmp_path / "a" / "b" / "model")
    folder.create(RECORD, rows, [], load_base("gpt2").tokenizer)
    assert folder.read_record() == RECORD
    assert "half" not in names_in(tmp_path)


def test_two_that_make_the_same_folder_do_not_touch_each_other_and_the_second_is_refused(
    tmp_path: Path, rows: SplitRows, load_base: Load
) -> None:
    tokenizer = load_base("gpt2").tokenizer
    other = tmp_path / ".model.77.partial"
    (other / "finetable").mkdir(parents=True)
    with FolderLock(tmp_path / "model") as lock:
        lock.take_in(other)
        first = ModelFolder(tmp_path / "model")
        with first.lock:
            first.create(RECORD, rows, [], tokenizer)
            assert other.exists(), "another process makes it just now"
            second = ModelFolder(tmp_path / "model")
            with second.lock:
                assert "being trained by another process" in sentence_of(
                    lambda: second.create(RECORD, rows, [], tokenizer)
                )
    assert first.read_record() == RECORD
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.77.partial", "model"]


def test_a_place_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, rows: SplitRows, load_base: Load
) -> None:
    (tmp_path / "file").write_text("no folder")
    folder = ModelFolder(tmp_path / "file" / "model")
    assert "cannot be written" in sentence_of(
        lambda: folder.create(RECORD, rows, [], load_base("gpt2").tokenizer)
    )
    assert names_in(tmp_path) == {"file"}


def test_a_finished_model_opens_everywhere(folder: ModelFolder, load_base: Load) -> None:
    base = load_base("llama")
    folder.checkpoints.mkdir()
    (folder.checkpoints / "step").write_text("state")
    finished = folder.write_model(base, RECORD, "# A model\n")
    assert finished.status == "finished"
    assert folder.read_finished() == folder.read_record() == finished
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "finetable.json"} <= names_in(
        folder.path
    )
    assert (folder.path / "README.md").read_text() == "# A model\n"
    assert names_in(folder.inner) == {"rows.parquet", "set_aside.jsonl", "lock"}
    ids = torch.arange(30).unsqueeze(0)
    ours = folder.read_model(finished)
    plain = AutoModelForCausalLM.from_pretrained(folder.path)
    with torch.inference_mode():
        expected = base.network(ids).logits
        assert torch.equal(ours.network(ids).logits, expected)
        assert torch.equal(plain(ids).logits, expected)
    assert ours.special == base.special
    assert ours.encoder().prompts(["été"]) == base.encoder().prompts(["été"])
    assert ours.origin == RECORD.recipe.base.base


def test_writing_the_model_again_replaces_it(folder: ModelFolder, load_base: Load) -> None:
    """A run that was killed just before its record said finished."""
    folder.write_model(load_base("llama"), RECORD, "card")
    folder.write_record(RECORD)
    (folder.inner / "model.partial").mkdir()
    (folder.inner / "model.partial" / "half").write_text("half")
    base = load_base("qwen2")
    finished = folder.write_model(base, RECORD, "card")
    ids = torch.arange(30).unsqueeze(0)
    with torch.inference_mode():
        assert torch.equal(folder.read_model(finished).network(ids).logits, base.network(ids).logits)
    assert "half" not in names_in(folder.path)


def test_an_unfinished_run_is_no_model(folder: ModelFolder) -> None:
    assert sentence_of(folder.read_finished) == (
        f"Training of {folder.path} has not ended; run the same train command again to go on."
    )


def test_changed_and_missing_files_are_found(folder: ModelFolder, load_base: Load, tmp_path: Path) -> None:
    finished = folder.write_model(load_base("gpt2"), RECORD, "card")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(finished.files)
    for name in finished.files:
        copy = ModelFolder(Path(shutil.copytree(folder.path, tmp_path / f"copy of {name}")))
        file = copy.path / name
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        advice = "copy the folder again or train again into a new one."
        changed = sentence_of(partial(copy.read_model, finished))
        assert changed == f"{file} was changed after training; {advice}"
        file.unlink()
        assert sentence_of(partial(copy.read_model, finished)) == f"{file} is missing; {advice}"


def test_a_folder_may_be_moved(folder: ModelFolder, load_base: Load, tmp_path: Path) -> None:
    finished = folder.write_model(load_base("gpt2"), RECORD, "card")
    moved = ModelFolder(folder.path.rename(tmp_path / "elsewhere"))
    assert moved.read_finished() == finished
    assert moved.read_model(finished).context == 96
    assert len(moved.read_rows()) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"format": 3}',
        RECORD.model_dump_json().replace('"status":"training"', '"status":"sleeping"').encode(),
        RECORD.model_dump_json().replace('"format":2', '"format":3').encode(),
        RECORD.model_dump_json().replace('"labels"', '"lables"').encode(),
        RECORD.model_dump_json()[:-40].encode(),
    ],
)
def test_a_damaged_record_is_refused(folder: ModelFolder, content: bytes) -> None:
    folder.record_file.write_bytes(content)
    said = sentence_of(folder.read_record)
    assert said.startswith(f"{folder.record_file} is damaged or of another version of finetable: ")


def test_a_record_survives_writing_and_reading(folder: ModelFolder) -> None:
    full = RECORD.model_copy(
        update={"figures": {"accuracy": 0.5, "per_class": [{"label": "été"}]}, "temperature": 0.7}
    )
    folder.write_record(full)
    assert folder.read_record() == full


def test_no_folder_and_another_folder_are_told_apart(tmp_path: Path) -> None:
    assert sentence_of(ModelFolder(tmp_path / "x").read_record) == f"{tmp_path / 'x'} does not exist."
    assert sentence_of(ModelFolder(tmp_path).read_finished) == (
        f"{tmp_path} is not a finetable model folder (it has no finetable.json)."
    )


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_damaged_rows_are_refused(folder: ModelFolder, damage: str) -> None:
    file = folder.inner / "rows.parquet"
    data = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"empty": b"", "cut": data[:-9], "text": b"row_id,line"}[damage])
    assert sentence_of(folder.read_rows) == (
        f"{file} is missing or damaged; copy the folder again or train again into a new one."
    )


@pytest.mark.parametrize("damage", ["empty", "gone", "other"])
def test_a_damaged_index_of_copies_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder, texts = ModelFolder(tmp_path), ["one two three four", "five six seven"]
    folder.inner.mkdir()
    made: list[int] = []

    def told() -> list[str]:
        made.append(1)
        return texts

    wanted = folder.copy_index(told).look_up(["two three four"])
    assert folder.copy_index(told).look_up(["two three four"]) == wanted
    assert len(made) == 1
    file = folder.inner / "copies" / "suffixes.npy"
    if damage == "empty":
        file.write_bytes(b"")
    elif damage == "gone":
        file.unlink()
    else:
        file.write_bytes(bytes(len(file.read_bytes())))
    assert folder.copy_index(told).look_up(["two three four"]) == wanted
    assert len(made) == 2


def test_a_folder_of_an_earlier_version_is_named_so(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    folder.write_record(RECORD)
    old = json.loads(folder.record_file.read_text(encoding="utf-8")) | {"format": 1, "gone": True}
    folder.record_file.write_text(json.dumps(old), encoding="utf-8")
    with pytest.raises(ModelFolderError, match="was made by an earlier version of finetable"):
        folder.read_record()
