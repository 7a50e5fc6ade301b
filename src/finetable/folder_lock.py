"""The right to train into a folder, which one process has at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from finetable.atomic_files import disk_faults
from finetable.errors import ModelFolderError

LOCK = Path("finetable", "lock")


class FolderLock:
    """Given back at the end of the `with`; the system takes it from a process that ends in any other way."""

    def __init__(self, folder: Path) -> None:
        """Nothing is taken yet."""
        self._folder = folder
        self._handle: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def take(self) -> None:
        """Take the lock of a folder that is there; raises ModelFolderError where another process holds it."""
        self._handle = self._locked(self._folder)

    def take_in(self, made: Path) -> None:
        """Take the lock in a folder that is still to be renamed: it is the file's, so it goes with it."""
        self._handle = self._locked(made)

    def rename(self, made: Path) -> None:
        """Rename the folder `made` into place; raises ModelFolderError where another process came first."""
        try:
            made.rename(self._folder)
        except OSError as fault:
            if is_locked(self._folder):
                raise self._refusal() from fault
            raise

    def _locked(self, folder: Path) -> int:
        with disk_faults(folder):
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(handle)
            raise self._refusal() from fault
        return handle

    def _refusal(self) -> ModelFolderError:
        return ModelFolderError(
            f"{self._folder} is being trained by another process; wait for it or choose another --out."
        )


def is_locked(folder: Path) -> bool:
    """Whether a process trains into a folder; to be asked only where nobody is about to take the lock."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
