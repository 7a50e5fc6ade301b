"""Tables for `prepare` in which nothing is found but what a test puts in, and what came of them."""

import json
from pathlib import Path
from typing import Any

from finetable.remote.prepare import Prepared

Row = tuple[str, str]
PLACES = ["harbour", "garden", "tower", "island", "market", "forest", "bridge", "station", "castle", "valley"]


def texts(rows: int) -> list[Row]:
    """Prompts and completions in which no check finds anything but what a test puts in."""
    return [
        (
            f"{PLACES[n % 10]} in {PLACES[n // 10 % 10]} {n}{'?' if n % 2 else '!'}",
            f"{PLACES[n * 7 % 10]}, number {n}, was {'sold' if n % 3 else 'kept'}{'.' if n % 2 else ''}",
        )
        for n in range(rows)
    ]


def labelled(rows: int) -> list[Row]:
    return [(prompt, "good" if n % 2 else "bad") for n, (prompt, _) in enumerate(texts(rows))]


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def names(found: Prepared) -> list[str]:
    return [decision.proposal.name for decision in found.review.decisions]


def lines_of(found: Prepared, name: str) -> tuple[int, ...]:
    decided = {decision.proposal.name: decision.proposal.lines for decision in found.review.decisions}
    return {**decided, **{notice.name: notice.lines for notice in found.review.notices}}[name]
