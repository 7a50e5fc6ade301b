"""JSON Lines, or a JSON list of objects -> Table: each object a row; keys are united over the rows."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa

from finetable.data.json_list import values_of
from finetable.data.row_collector import RowCollector
from finetable.data.table import Table
from finetable.data.table_file import TableFile
from finetable.data.text_file import encoding_of, text_lines
from finetable.errors import TableError
from finetable.settings import TableOptions

# Beyond this the keys are data, not columns, and a table of them would not fit in memory.
_COLUMNS_MAX = 1000

_Cells: TypeAlias = dict[str, str | None]


class _BadLineError(Exception):
    """Why a line is not a row."""


def read_jsonl(file: TableFile, options: TableOptions) -> Table:
    """Read a JSON Lines file: strings as they are, null as missing, other values as their JSON text.

    A file that ends in .json may also hold one list. A line, or a value of that list, that is not one object
    is set aside. Raises TableError for another encoding than the one given, for a list that is damaged, and
    for more than 1,000 different keys.
    """
    encoding = encoding_of(file, options.encoding)
    collector = RowCollector[_Cells](_to_columns)
    keys: set[str] = set()
    with text_lines(file, encoding, newline="\n") as lines:
        for number, line in _listed(lines, file.name) if file.kind == "json" else enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                cells = _parse(line)
            except _BadLineError as fault:
                collector.set_aside(number, str(fault))
                continue
            keys.update(cells)
            if len(keys) > _COLUMNS_MAX:
                raise TableError(
                    f"Line {number} of {file.name} brings the {len(keys):,}th different key: a table has the "
                    "same few keys on every line."
                )
            collector.take(cells, number, len(line))
    return collector.finish().as_table(file, encoding)


def _listed(lines: Iterator[str], name: str) -> Iterator[tuple[int, str]]:
    """The values of the list that the lines make together, or the lines where they begin no list."""
    kept = list(lines)
    text = "".join(kept)
    return values_of(text, name) if text.lstrip().startswith("[") else enumerate(kept, start=1)


def _parse(line: str) -> _Cells:
    try:
        # NaN is what programs write for a missing number.
        value = json.loads(line.rstrip("\r\n"), object_pairs_hook=_unique_keys, parse_constant=lambda _: None)
        if not isinstance(value, dict) or not value:
            raise _BadLineError("it is not an object with at least one key")
        cells = {key: _to_cell(item) for key, item in value.items()}
        # Half of a surrogate pair, as in "\ud800", is no character and fits no encoding.
        for key, cell in cells.items():
            key.encode()
            (cell or "").encode()
    except json.JSONDecodeError as fault:
        raise _BadLineError(f"it is not JSON: {fault.msg} at character {fault.colno}") from fault
    except UnicodeEncodeError as fault:
        raise _BadLineError("it holds half of a surrogate pair, which is not a character") from fault
    except RecursionError as fault:
        raise _BadLineError("its values are nested too deeply") from fault
    except ValueError as fault:
        # Python refuses to read whole numbers of more than some thousand digits.
        raise _BadLineError("it holds a number with too many digits") from fault
    return cells


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _BadLineError(f"it holds the key '{twice}' more than once")
    return found


def _to_cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _to_columns(piece: list[_Cells]) -> pa.Table:
    keys = dict.fromkeys(key for cells in piece for key in cells)
    return pa.table({key: pa.array([cells.get(key) for cells in piece], pa.large_string()) for key in keys})
