"""How many of the tests pass, resource by resource, as a table for people."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from .exceptions import EXPECTED

Outcome = Literal["passed", "failed", "excepted"]
BEGIN, END = "<!-- openai_conformance begins -->", "<!-- openai_conformance ends -->"
NODE = re.compile(r".*tests/api_resources/(.+)\.py::(Test\w+)::(\w+)\[(\w+)")
UNASKED = re.compile(r"test_path_params_|test_(method|raw_response|streaming_response)_content$")
"""Tests of what the client refuses by itself, and those that answer in the server's stead."""

COLUMNS = ("loose", "strict", "async loose", "async strict", "async aiohttp")
KINDS = {
    "files": 1, "uploads": 2, "uploads.parts": 3, "models": 4, "fine_tuning.jobs": 5,
    "fine_tuning.jobs.checkpoints": 6, "fine_tuning.checkpoints.permissions": 7, "completions": 8,
    "chat.completions": 9, "embeddings": 10, "batches": 11,
}  # fmt: skip


def place_of(node: str) -> tuple[str, str, str]:
    """Resource, test and column of a test's name."""
    match = NODE.match(node)
    if match is None:
        raise ValueError(f"{node} is not a test of a resource.")
    path, group, test, column = match.groups()
    resource = path.replace("test_", "").replace("/", ".")
    return resource, test, f"async {column}" if group.startswith("TestAsync") else column


def table(outcomes: dict[str, Outcome]) -> str:
    """Markdown: tests that pass of all, and the exceptions with their reasons."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for node, outcome in outcomes.items():
        resource, _, column = place_of(node)
        for row in (resource, "all"):
            counts[row, column][outcome] += 1
    resources = sorted({row for row, _ in counts} - {"all"}, key=lambda row: KINDS.get(row, 99))
    lines = [f"| | {' | '.join(COLUMNS)} | exceptions |", f"|---|{'---:|' * (len(COLUMNS) + 1)}"]
    for row in (*resources, "all"):
        cells = [_cell(counts[row, column]) for column in COLUMNS]
        excepted = sum(counts[row, column]["excepted"] for column in COLUMNS)
        lines.append(f"| `{row}` | {' | '.join(cells)} | {excepted or ''} |")
    return "\n".join([*lines, "", *_reasons(outcomes)])


def _cell(found: Counter[str]) -> str:
    return f"{found['passed']} of {found.total() - found['excepted']}"


def _reasons(outcomes: dict[str, Outcome]) -> Iterable[str]:
    places = [place_of(node) for node, outcome in outcomes.items() if outcome == "excepted"]
    failed = sum(outcome == "failed" for outcome in outcomes.values())
    passed = len(outcomes) - failed - len(places)
    unasked = sum(UNASKED.match(place_of(node)[1]) is not None for node in outcomes)
    yield f"Of {len(outcomes)} tests {passed} pass, {failed} fail, and {len(places)} are right to fail:"
    yield ""
    for expected in EXPECTED:
        number = sum(expected.covers(*place) for place in places)
        if number:
            yield f"- `{expected.resource}`, {number}: {expected.reason}"
    yield ""
    yield f"{unasked} of those that pass never reach a server: the client refuses an empty name by itself, or"
    yield "is answered by the test, as for `files.content`."


def write_between_marks(file: Path, content: str) -> None:
    """Put the table where the page has its place; raises ValueError where it has none."""
    before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no {BEGIN} and {END}.")
    file.write_text(f"{before}{BEGIN}\n{content}\n{END}{after}", encoding="utf-8")
