"""Files that `prepare` reads."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from .tables import Row


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes JSON Lines of prompts and completions."""

    def write(rows: Sequence[Row], name: str = "table.jsonl") -> Path:
        made = tmp_path / name
        lines = [json.dumps({"prompt": prompt, "completion": completion}) for prompt, completion in rows]
        made.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return made

    return write
