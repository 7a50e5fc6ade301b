"""What `prepare` decided about a file, kept beside it, so that new prompts take the same form."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from finetable.atomic_files import sha256, write_json
from finetable.remote.style import Style
from finetable.settings import Settings, TaskSettings

ENDING = ".plan.json"
SIDES = ("_train", "_valid")
KEY, VALUE_LETTERS, MOST_PIECES = "finetable_plan_", 512, 10


class Plan(Settings):
    """What a training file teaches, and in which form; `files` are names with their SHA-256."""

    format: Literal[1] = 1
    task: TaskSettings
    chat: bool = False
    system: str | None = None
    style: Style = Field(default=Style())
    files: dict[str, str] = Field(default_factory=dict)


def metadata_of(plan: Plan) -> dict[str, str] | None:
    """A plan as metadata of a job, in pieces that fit; None where it is too long for them."""
    text = plan.model_copy(update={"files": {}}).model_dump_json(exclude_defaults=True)
    pieces = [text[start : start + VALUE_LETTERS] for start in range(0, len(text), VALUE_LETTERS)]
    if len(pieces) > MOST_PIECES:
        return None
    return {f"{KEY}{number}": piece for number, piece in enumerate(pieces, 1)}


def plan_in(metadata: Mapping[str, str] | None) -> Plan | None:
    """The plan that the metadata of a job hold; None for a job that was made in another way."""
    pieces = [(metadata or {}).get(f"{KEY}{number}", "") for number in range(1, MOST_PIECES + 1)]
    try:
        return Plan.model_validate_json("".join(pieces))
    except ValidationError:
        return None


def plan_file(out: Path) -> Path:
    """Where the plan of a training file, or of both sides of one, is kept."""
    stem = out.stem
    for side in SIDES:
        stem = stem.removesuffix(side)
    return out.with_name(stem + ENDING)


def side_of(out: Path, side: str) -> Path:
    """One side of a file that is split."""
    return out.with_name(f"{out.stem}{side}{out.suffix}")


def write_plan(plan: Plan, out: Path, files: Iterable[Path]) -> Path:
    """Keep a plan beside the files that were made by it."""
    digests = {file.name: sha256(file) for file in files}
    write_json(plan_file(out), plan.model_copy(update={"files": digests}).model_dump(mode="json"))
    return plan_file(out)


def plan_of(file: Path) -> Plan | None:
    """The plan by which a file was made; None where none is readable, or the file was changed since."""
    try:
        plan = Plan.model_validate(json.loads(plan_file(file).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None
    return plan if file.is_file() and plan.files.get(file.name) == sha256(file) else None
