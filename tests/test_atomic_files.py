import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError

from finetable.atomic_files import (
    FULL,
    MANIFEST,
    disk_faults,
    is_whole,
    load_tensors,
    save_tensors,
    sha256,
    write_atomically,
    write_folder,
    write_json,
    write_text,
)
from finetable.errors import ModelFolderError

DEV_FULL = Path("/dev/full")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def half_then(fault: BaseException) -> Callable[[Path], None]:
    """Write half, then fail."""

    def write(file: Path) -> None:
        file.write_text("half")
        raise fault

    return write


FAULTS = (ValueError("ours"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), SafetensorError("ours"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, fault: BaseException
) -> None:
    file = tmp_path / "record.json"
    with pytest.raises((type(fault), ModelFolderError)):
        write_atomically(file, half_then(fault))
    assert names(tmp_path) == []
    write_text(file, "old")
    with pytest.raises((type(fault), ModelFolderError)):
        write_atomically(file, half_then(fault))
    assert names(tmp_path) == ["record.json"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_folder_that_fails_is_not_there_at_all(tmp_path: Path, fault: BaseException) -> None:
    with pytest.raises((type(fault), ModelFolderError)):
        write_folder(tmp_path / "step", lambda folder: half_then(fault)(folder / "weights"))
    assert names(tmp_path) == []


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    write_text(file, "old")

    def write(partial: Path) -> None:
        partial.write_text("new")
        assert file.read_text() == "old"
        assert partial.parent == file.parent, "a rename to another disk would copy"

    write_atomically(file, write)
    assert file.read_text() == "new"
    assert names(tmp_path) == ["record.json"]


def test_the_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    def fill(partial: Path) -> None:
        (partial / "weights").write_text("new")
        assert not (tmp_path / "step").exists()

    write_folder(tmp_path / "step", fill)
    assert names(tmp_path) == ["step"]
    assert names(tmp_path / "step") == [MANIFEST, "weights"]


@pytest.mark.parametrize("name", ["record.json", "step"])
def test_a_power_cut_finds_contents_on_the_disk_before_the_name_and_then_the_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[int, bool]] = []

    def fsync_noted(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, (tmp_path / name).exists()))
        fsync(handle)

    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", fsync_noted)
    if name == "step":
        write_folder(tmp_path / name, lambda folder: (folder / "weights").touch())
        made = [tmp_path / name, *(tmp_path / name).iterdir()]
    else:
        write_text(tmp_path / name, "text")
        made = [tmp_path / name]
    for path in made:
        assert (path.stat().st_ino, False) in flushed
    assert flushed[-1] == (tmp_path.stat().st_ino, True)


def test_what_a_kill_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".record.json.partial").write_text("half")
    (tmp_path / ".step.partial").mkdir()
    (tmp_path / ".step.partial" / "leftover").write_text("half")
    write_text(tmp_path / "record.json", "whole")
    write_folder(tmp_path / "step", lambda folder: (folder / "weights").touch())
    assert names(tmp_path) == ["record.json", "step"]
    assert names(tmp_path / "step") == [MANIFEST, "weights"]


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    write_folder(tmp_path / "step", lambda folder: write_text(folder / "weights", "old"))
    with pytest.raises(ModelFolderError, match=r"step cannot be written \(Directory not empty\)"):
        write_folder(tmp_path / "step", lambda folder: write_text(folder / "weights", "new"))
    assert (tmp_path / "step" / "weights").read_text() == "old"
    assert names(tmp_path) == ["step"]


@pytest.mark.parametrize(
    "fault",
    [
        *(OSError(number, os.strerror(number)) for number in FULL),
        *(SafetensorError(f"I/O error: no room (os error {number})") for number in FULL),
    ],
    ids=str,
)
def test_a_full_disk_is_one_sentence_that_says_what_to_do(tmp_path: Path, fault: Exception) -> None:
    file = tmp_path / "weights"
    with pytest.raises(ModelFolderError) as told:
        write_atomically(file, half_then(fault))
    assert (
        str(told.value) == f"The disk is full while writing {file}; free some space and run the same command."
    )


@pytest.mark.skipif(not DEV_FULL.exists(), reason="a device of Linux that is always full")
def test_a_disk_that_is_really_full_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".text.partial").symlink_to(DEV_FULL)
    with pytest.raises(ModelFolderError, match="disk is full"):
        write_text(tmp_path / "text", "x" * 100_000)
    assert names(tmp_path) == []


@pytest.mark.parametrize("place", ["missing/record", "file/record"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    reason = "No such file or directory" if place.startswith("missing") else "Not a directory"
    with pytest.raises(ModelFolderError, match=rf"{place} cannot be written \({reason}\); choose another"):
        write_text(tmp_path / place, "text")


def test_faults_that_are_not_the_disks_stay_themselves() -> None:
    with pytest.raises(SafetensorError, match="header"), disk_faults(Path("weights")):
        raise SafetensorError("header too large: os error 28 times")
    with pytest.raises(KeyError), disk_faults(Path("weights")):
        raise KeyError


def test_json_is_readable_text_with_one_line_end(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"name": "Fuß", "loss": 0.1})
    assert (tmp_path / "record.json").read_bytes() == '{\n  "name": "Fuß",\n  "loss": 0.1\n}\n'.encode()


def test_json_refuses_numbers_that_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "record.json", {"loss": float("nan")})
    assert names(tmp_path) == []


@settings(max_examples=30, deadline=None)
@given(text=st.text())
def test_text_is_written_as_it_is(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("text") / "text"
    write_text(file, text)
    assert file.read_bytes() == text.encode()


def a_folder(parent: Path) -> Path:
    folder = parent / "step"

    def fill(partial: Path) -> None:
        save_tensors(partial / "weights", {"a": torch.arange(5.0), "b": torch.tensor(3)})
        write_json(partial / "position.json", {"step": 3})

    write_folder(folder, fill)
    return folder


def test_a_folder_is_whole_when_every_file_is_what_was_written(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert is_whole(folder)
    digests = json.loads((folder / MANIFEST).read_text())
    assert digests == {name: sha256(folder / name) for name in ("position.json", "weights")}


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_any_cut_and_any_missing_file_is_noticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = a_folder(tmp_path_factory.mktemp("run"))
    file = folder / data.draw(st.sampled_from(["weights", "position.json"]))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "unlink"])):
        case "flip":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
            file.write_bytes(content)
        case "cut":
            file.write_bytes(content[:place])
        case _:
            file.unlink()
    assert not is_whole(folder)


@pytest.mark.parametrize("manifest", ["", "{", "{}", "[]", '["weights"]', '"weights"', "3", "null", "\udcff"])
def test_a_manifest_that_names_nothing_vouches_for_nothing(tmp_path: Path, manifest: str) -> None:
    folder = a_folder(tmp_path)
    (folder / MANIFEST).write_bytes(manifest.encode("utf-8", "surrogateescape"))
    assert not is_whole(folder)


def test_a_folder_without_a_manifest_is_not_whole(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    (folder / MANIFEST).unlink()
    assert not is_whole(folder)
    assert not is_whole(tmp_path / "nowhere")


def test_tensors_come_back_bit_by_bit_and_equal_ones_give_equal_bytes(tmp_path: Path) -> None:
    tensors = {
        "weight": torch.randn(4, 6, generator=torch.Generator().manual_seed(1)).T.requires_grad_(),
        "narrow": torch.tensor([0.1, -0.0, float("inf")]).bfloat16(),
        "step": torch.tensor(7.0),
    }
    save_tensors(tmp_path / "one", tensors)
    save_tensors(tmp_path / "other", dict(reversed(tensors.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    found = load_tensors(tmp_path / "one")
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.detach())
