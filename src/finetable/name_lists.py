"""Several names in one text: separated by commas, and in double quotes where that would take them apart."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_NAME = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)')


def split_names(text: str) -> list[str]:
    """The names in a text: without the blanks around them, or as they are where they stand in quotes."""
    found = [quoted.replace('""', '"') or bare for quoted, bare in _NAME.findall(text)]
    return [name for name in found if name]


def join_names(names: Iterable[str]) -> str:
    """The names in one text, of which `split_names` makes the same again."""
    return ",".join(map(_in_quotes_if_needed, names))


def _split(value: object) -> object:
    """Take `a,b` and `["a,b", "c"]` alike; what is no name is left to be refused."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return tuple(part for name in names for part in split_names(name))
    return value


def _in_quotes_if_needed(name: str) -> str:
    if "," in name or name.startswith('"') or name != name.strip():
        return '"' + name.replace('"', '""') + '"'
    return name


NameList = Annotated[
    tuple[str, ...],
    BeforeValidator(_split),
    PlainSerializer(lambda names: [_in_quotes_if_needed(name) for name in names], when_used="json"),
]
"""Names as an option: typed or stored in texts, any of which may hold several."""
