"""What training would take, before anything is sent."""

import json
from pathlib import Path

import pytest

from finetable.errors import TableError
from finetable.remote.estimate import estimate_of, training_cost, usual_epochs


def test_tokens_epochs_and_dollars_are_estimated(tmp_path: Path) -> None:
    assert [usual_epochs(examples) for examples in (10, 33, 34, 100, 8333, 8334, 30_000)] == [
        10,
        3,
        3,
        3,
        3,
        2,
        1,
    ]
    assert training_cost("gpt-4o-mini-2024-07-18", 2_000_000) == 6.0
    assert training_cost("scratch", 1) is None
    file = tmp_path / "data.jsonl"
    line = json.dumps({"prompt": "é" * 20, "completion": "x" * 40}, ensure_ascii=False) + "\n"
    file.write_text(line * 10, encoding="utf-8")
    found = estimate_of(file, None, hosted=True)
    assert (found.examples, found.tokens, found.epochs) == (10, 200, 10)
    assert "about 2,000 tokens are trained on, about $0.01 at the public price" in found.told("gpt-4o-mini")
    assert estimate_of(file, None, hosted=False).epochs is None
    file.write_text(line * 10 + "no json\n", encoding="utf-8")
    with pytest.raises(TableError, match=f"Line 11 of {file} is no example"):
        estimate_of(file, None, hosted=True)
