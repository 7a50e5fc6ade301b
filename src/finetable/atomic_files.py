"""Writing that a kill at any instant leaves whole or absent."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from finetable.errors import ModelFolderError

MANIFEST = "manifest.json"
DISK_IS_FULL = "The disk is full"
FULL = (errno.ENOSPC, errno.EDQUOT)


def sha256(file: Path) -> str:
    """Hex digest of a file."""
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden place, met while writing `path`, into a ModelFolderError."""
    try:
        yield
    except (OSError, SafetensorError) as fault:
        numbers = [number for number in FULL if f"(os error {number})" in str(fault)]
        if numbers or getattr(fault, "errno", None) in FULL:
            raise ModelFolderError(
                f"{DISK_IS_FULL} while writing {path}; free some space and run the same command."
            ) from fault
        if isinstance(fault, OSError):
            reason = fault.strerror or type(fault).__name__
            raise ModelFolderError(f"{path} cannot be written ({reason}); choose another place.") from fault
        raise


def write_atomically(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `file`, flush it to the disk, then rename it into place.

    Raises ModelFolderError where the disk is full; nothing half-written is left.
    """
    partial = file.with_name(f".{file.name}.partial")
    with disk_faults(file):
        try:
            write(partial)
            flush(partial)
            partial.replace(file)
            flush(file.parent)
        finally:
            partial.unlink(missing_ok=True)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object atomically."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(file, lambda partial: _write_text(partial, text))


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(file, lambda partial: _write_text(partial, text))


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary folder, seal it with a manifest, then rename it to `folder`.

    The manifest holds the SHA-256 of every file and is written last; `read_folder` trusts nothing else.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with disk_faults(folder):
            partial.mkdir(parents=True)
            write(partial)
            digests = {file.name: sha256(file) for file in sorted(partial.iterdir())}
            for name in digests:
                flush(partial / name)
            write_json(partial / MANIFEST, digests)
            partial.replace(folder)
            flush(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Whether every file that the manifest names is there with its SHA-256."""
    try:
        digests = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(digests, dict) or not digests:
            return False
        return all(sha256(folder / name) == digest for name, digest in digests.items())
    except (OSError, json.JSONDecodeError, UnicodeDecodeError):
        return False


def save_tensors(file: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors as safetensors; the same tensors give the same bytes."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, file)


def load_tensors(file: Path) -> dict[str, torch.Tensor]:
    """Read tensors from safetensors."""
    return load_file(file)


def flush(path: Path) -> None:
    """Wait until the disk holds a file or a folder's entries."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")
