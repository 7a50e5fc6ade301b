import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetable.training.checkpoint import Checkpoint, Checkpoints, Position


def checkpoint(step: int, best_step: int = 0) -> Checkpoint:
    random = torch.Generator().manual_seed(step)
    weights = {"a.weight": torch.randn(3, 4, generator=random), "a.bias": torch.randn(3, generator=random)}
    memory = {"a.bias:exp_avg": torch.randn(3, generator=random), "a.bias:step": torch.tensor(float(step))}
    return Checkpoint(
        Position(step, best_step, 1 / 3 + step, 2, 0.1 + 0.2, 10 * step),
        weights,
        memory,
    )


def save_run(folder: Path, *steps: int) -> None:
    """Checkpoints in order, each with its own step as the best one."""
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save_best(step, checkpoint(step).weights)
        checkpoints.save(checkpoint(step, best_step=step))


def assert_is(found: Checkpoint | None, wanted: Checkpoint) -> None:
    assert found is not None
    assert found.position == wanted.position
    for mine, theirs in ((found.weights, wanted.weights), (found.optimizer, wanted.optimizer)):
        assert set(mine) == set(theirs)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
        assert all(mine[name].dtype == theirs[name].dtype for name in theirs)


def entries(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_run_that_never_saved_has_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "made" / "on demand")
    assert checkpoints.latest() is None
    assert checkpoints.newest_step() == 0


def test_the_newest_checkpoint_comes_back_bit_by_bit(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(checkpoint(3))
    checkpoints.save(checkpoint(12))
    assert checkpoints.newest_step() == 12
    assert_is(Checkpoints(tmp_path).latest(), checkpoint(12))


def test_steps_beyond_the_digits_of_others_are_still_the_newest(tmp_path: Path) -> None:
    save_run(tmp_path, 9, 10, 100_000_000)
    assert Checkpoints(tmp_path).newest_step() == 100_000_000
    assert entries(tmp_path) >= {"step-000000010", "step-100000000"}


def test_the_best_weights_come_back_bit_by_bit(tmp_path: Path) -> None:
    save_run(tmp_path, 4)
    best = Checkpoints(tmp_path).best(4)
    assert set(best) == {"a.weight", "a.bias"}
    assert all(torch.equal(best[name], weight) for name, weight in checkpoint(4).weights.items())


def test_only_the_newest_two_and_the_best_weights_they_name_are_kept(tmp_path: Path) -> None:
    save_run(tmp_path, 2, 4, 6)
    assert entries(tmp_path) == {
        "step-000000004",
        "step-000000006",
        "best-000000004",
        "best-000000006",
    }
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(checkpoint(8, best_step=4))
    checkpoints.save(checkpoint(10, best_step=4))
    assert entries(tmp_path) == {"step-000000008", "step-000000010", "best-000000004"}


def test_a_better_one_does_not_push_out_what_the_older_checkpoint_needs(tmp_path: Path) -> None:
    save_run(tmp_path, 2, 4)
    shutil.rmtree(tmp_path / "step-000000004")
    resumed = Checkpoints(tmp_path)
    assert_is(resumed.latest(), checkpoint(2, best_step=2))
    assert torch.equal(resumed.best(2)["a.bias"], checkpoint(2).weights["a.bias"])


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


FILES = ("weights.safetensors", "optimizer.safetensors", "position.json", "manifest.json")


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    save_run(tmp_path, 2, 4)
    damage(tmp_path / "step-000000004" / name)
    resumed = Checkpoints(tmp_path)
    assert resumed.newest_step() == 2
    assert_is(resumed.latest(), checkpoint(2, best_step=2))


@pytest.mark.parametrize("name", FILES)
def test_a_run_that_went_on_from_the_one_before_keeps_two_whole_ones(tmp_path: Path, name: str) -> None:
    save_run(tmp_path, 2, 8)
    (tmp_path / "step-000000008" / name).unlink()
    save_run(tmp_path, 3)
    assert {entry for entry in entries(tmp_path) if entry.startswith("step")} == {
        "step-000000002",
        "step-000000003",
    }
    assert_is(Checkpoints(tmp_path).latest(), checkpoint(3, best_step=3))


def test_a_checkpoint_whose_best_weights_are_gone_is_passed_over(tmp_path: Path) -> None:
    save_run(tmp_path, 2, 4)
    shutil.rmtree(tmp_path / "best-000000004")
    assert_is(Checkpoints(tmp_path).latest(), checkpoint(2, best_step=2))


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_checkpoint_whose_best_weights_are_damaged_is_passed_over(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    save_run(tmp_path, 2, 4)
    damage(tmp_path / "best-000000004" / "weights.safetensors")
    resumed = Checkpoints(tmp_path)
    assert_is(resumed.latest(), checkpoint(2, best_step=2))
    save_run(tmp_path, 4)
    assert torch.equal(Checkpoints(tmp_path).best(4)["a.bias"], checkpoint(4).weights["a.bias"])


def test_without_a_whole_checkpoint_a_run_starts_anew_and_saves(tmp_path: Path) -> None:
    save_run(tmp_path, 2, 4)
    for step in (2, 4):
        (tmp_path / f"step-{step:09d}" / "position.json").write_text("{")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.latest() is None
    save_run(tmp_path, 3)
    assert_is(Checkpoints(tmp_path).latest(), checkpoint(3, best_step=3))


def test_what_a_kill_left_half_written_is_no_checkpoint(tmp_path: Path) -> None:
    save_run(tmp_path, 2)
    shutil.copytree(tmp_path / "step-000000002", tmp_path / ".step-000000004.partial")
    shutil.copytree(tmp_path / "best-000000002", tmp_path / ".best-000000004.partial")
    assert Checkpoints(tmp_path).newest_step() == 2
    save_run(tmp_path, 4)
    assert Checkpoints(tmp_path).newest_step() == 4
    assert not [name for name in entries(tmp_path) if name.endswith(".partial")]


def test_a_step_that_is_saved_already_is_left_as_it_is_unless_it_is_damaged(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(checkpoint(2))
    later = replace(checkpoint(2), position=replace(checkpoint(2).position, seconds=9.0))
    checkpoints.save(later)
    assert_is(checkpoints.latest(), checkpoint(2))
    flip(tmp_path / "step-000000002" / "weights.safetensors")
    checkpoints.save(later)
    assert_is(Checkpoints(tmp_path).latest(), later)
