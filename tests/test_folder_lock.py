import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetable.errors import ModelFolderError
from finetable.folder_lock import FolderLock, is_locked

HOLDER = """
import sys
from pathlib import Path
from finetable.folder_lock import FolderLock
with FolderLock(Path(sys.argv[1])) as lock:
    lock.take()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model" / "finetable").mkdir(parents=True)
    return tmp_path / "model"


@contextmanager
def another_process_holds(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_refused_in_a_sentence_until_it_is_killed(folder: Path) -> None:
    with FolderLock(folder) as lock:
        with another_process_holds(folder):
            assert is_locked(folder)
            with pytest.raises(ModelFolderError) as fault:
                lock.take()
        assert str(fault.value) == (
            f"{folder} is being trained by another process; wait for it or choose another --out."
        )
        assert not is_locked(folder)
        lock.take()
        assert is_locked(folder)
    assert not is_locked(folder)


def test_a_lock_goes_with_the_folder_that_is_renamed(folder: Path, tmp_path: Path) -> None:
    with FolderLock(tmp_path / "new") as lock:
        lock.take_in(folder)
        lock.rename(folder)
        assert is_locked(tmp_path / "new")
        with pytest.raises(ModelFolderError, match="being trained"):
            FolderLock(tmp_path / "new").take()


def test_who_renames_second_is_told_of_the_first(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "finetable").mkdir(parents=True)
    lock = FolderLock(folder)
    with another_process_holds(folder), pytest.raises(ModelFolderError, match="another process"):
        lock.rename(tmp_path / "mine")
    with pytest.raises(OSError, match="not empty"):
        lock.rename(tmp_path / "mine")
    assert (tmp_path / "mine").exists()


def test_a_folder_that_is_not_there_is_not_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "nothing")
