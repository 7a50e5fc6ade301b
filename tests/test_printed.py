"""Rows on standard output."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from finetable.printed import print_pieces
from finetable.terminal import Terminal


def pieces(stopped_after: int) -> Iterator[list[dict[str, Any]]]:
    for number in range(3):
        if number == stopped_after:
            raise KeyboardInterrupt
        yield [{"é": number}, {"é": None}]


@pytest.mark.parametrize(
    ("stopped_after", "said"), [(0, "nothing was written"), (2, "4 rows were written"), (9, "")]
)
def test_rows_are_printed_as_they_come(
    stopped_after: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_pieces(pieces(stopped_after), Terminal()) == (not said)
    printed, told = capsys.readouterr()
    rows = [json.loads(line) for line in printed.splitlines()]
    assert rows == [row for number in range(min(3, stopped_after)) for row in ({"é": number}, {"é": None})]
    assert said in told
