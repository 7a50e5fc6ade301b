"""Checks of an output file before any work is done for it."""

from pathlib import Path

from finetable.errors import RecipeError


def refuse_existing(out: Path | None) -> None:
    """Raise RecipeError where `out` is there already (it is never overwritten), or its folder is not."""
    if out is None:
        return
    if out.exists():
        raise RecipeError(f"{out} exists already; choose another --out, or move it away.")
    if not out.parent.is_dir():
        raise RecipeError(f"The folder {out.parent} does not exist; make it first, or choose another --out.")
