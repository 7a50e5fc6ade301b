"""A row becomes an example: a prompt made of the given columns, and an answer."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """What the model learns from one row.

    `prompt` is None where no column is given: the answer then follows the start token directly.
    """

    row_id: int
    prompt: str | None
    answer: str


def prompt_of(given: Sequence[str], values: Sequence[str]) -> str | None:
    """The text of the given columns, before the separator token.

    One column stands alone; several are named, a line each, so that the model can tell an empty title
    from an empty genre.
    """
    assert len(given) == len(values)
    if not given:
        return None
    if len(given) == 1:
        return values[0]
    return "\n".join(f"{name}: {value}" for name, value in zip(given, values, strict=True))
