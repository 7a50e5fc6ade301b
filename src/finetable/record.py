"""The record of a model folder: finetable.json, readable without anything that computes."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from finetable.errors import ModelFolderError
from finetable.settings import Recipe, Settings

RECORD = "finetable.json"


class Record(Settings):
    """The content of finetable.json.

    `longest_prompt` and `longest_answer` are tokens with their special tokens, over the training rows;
    `temperature` is the calibration that label scores are divided by.
    """

    format: Literal[2] = 2
    status: Literal["training", "finished"] = "training"
    recipe: Recipe
    table_name: str
    table_fingerprint: str
    table_format: str
    labels: tuple[str, ...] = ()
    splits: dict[str, int] = Field(default_factory=dict)
    set_aside: int = 0
    notes: tuple[str, ...] = ()
    longest_prompt: int = 0
    longest_answer: int = 0
    parameters: int = 0
    plan: dict[str, Any] = Field(default_factory=dict)
    outcome: dict[str, Any] = Field(default_factory=dict)
    temperature: float = 1.0
    figures: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)


def read_record(folder: Path) -> Record:
    """The record of a model folder; raises ModelFolderError where it is missing or damaged."""
    file = folder / RECORD
    try:
        is_there = file.is_file()
    except OSError as fault:
        raise ModelFolderError(f"{folder} cannot be read ({fault.strerror}).") from fault
    if not is_there:
        found = "is not a finetable model folder (it has no finetable.json)"
        raise ModelFolderError(f"{folder} {found if folder.exists() else 'does not exist'}.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("format") == 1:
            raise ModelFolderError(
                f"{folder} was made by an earlier version of finetable; train again into a new --out."
            )
        return Record.model_validate(content)
    except OSError as fault:
        raise ModelFolderError(f"{file} cannot be read ({fault.strerror}).") from fault
    except (ValidationError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        first = str(fault).splitlines()[0]
        raise ModelFolderError(f"{file} is damaged or of another version of finetable: {first}.") from fault


def read_finished(folder: Path) -> Record:
    """The record of a run that has ended; raises ModelFolderError for one that has not."""
    record = read_record(folder)
    if record.status != "finished":
        raise ModelFolderError(
            f"Training of {folder} has not ended; run the same train command again to go on."
        )
    return record
