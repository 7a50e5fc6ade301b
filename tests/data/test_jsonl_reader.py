import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.jsonl_reader import read_jsonl
from finetable.data.table import Table
from finetable.data.table_file import TableFile
from finetable.errors import TableError
from finetable.settings import TableOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def read(folder: Path, content: str | bytes, options: TableOptions | None = None) -> Table:
    path = folder / "a.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_jsonl(TableFile.find("a.jsonl", path), options or TableOptions())


def test_strings_stay_and_other_values_become_json(folder: Path) -> None:
    table = read(
        folder,
        '{"s": "é\\n", "n": 12.5, "b": true, "l": [1, "é"], "o": {"x": null}, "z": null}\n',
    )
    assert table.columns.to_pylist() == [
        {"s": "é\n", "n": "12.5", "b": "true", "l": '[1, "é"]', "o": '{"x": null}', "z": None}
    ]
    assert table.texts("z").to_pylist() == [""]
    assert table.format.describe() == "JSON Lines, utf-8"


def test_a_number_that_is_none_is_missing(folder: Path) -> None:
    table = read(folder, '{"a": NaN, "b": [NaN, 1], "c": -Infinity}\n')
    assert table.columns.to_pylist() == [{"a": None, "b": "[null, 1]", "c": None}]


def test_keys_are_united_in_order_of_appearance(folder: Path) -> None:
    table = read(folder, '{"b": "1"}\n\n{"a": "2", "b": "3"}\r\n')
    assert table.column_names == ["b", "a"]
    assert table.columns.to_pylist() == [{"b": "1", "a": None}, {"b": "3", "a": "2"}]
    assert table.lines.tolist() == [1, 3]


def test_lines_that_are_no_row_are_set_aside_with_reason(folder: Path) -> None:
    deep, digits = '{"a": ' + "[" * 100_000, "9" * 5000
    bad = [
        ('{"a": "x"', "it is not JSON: Expecting ',' delimiter at character 10"),
        ("[1]", "it is not an object with at least one key"),
        ("{}", "it is not an object with at least one key"),
        ('{"a": "\\ud800"}', "it holds half of a surrogate pair, which is not a character"),
        ('{"\\udc00": 1}', "it holds half of a surrogate pair, which is not a character"),
        ('{"a": 1, "a": 2}', "it holds the key 'a' more than once"),
        (deep, "its values are nested too deeply"),
        (f'{{"a": {digits}}}', "it holds a number with too many digits"),
    ]
    table = read(folder, '{"a": "first"}\n' + "".join(line + "\n" for line, _ in bad) + '{"a": "last"}')
    assert table.texts("a").to_pylist() == ["first", "last"]
    assert table.row_ids.tolist() == [0, len(bad) + 1]
    assert [(row.line, row.reason) for row in table.set_aside] == [
        (line, reason) for line, (_, reason) in enumerate(bad, start=2)
    ]


def test_keys_that_never_end_are_refused(folder: Path) -> None:
    lines = "".join(f'{{"key{number}": 1}}\n' for number in range(1001))
    with pytest.raises(TableError, match=r"Line 1001 of a\.jsonl brings the 1,001th different key"):
        read(folder, lines)


def test_other_encodings_are_read_and_wrong_ones_refused(folder: Path) -> None:
    line = '{"a": "café"}\n'
    assert read(folder, line.encode("utf-16")).texts("a").to_pylist() == ["café"]
    assert read(folder, line.encode("cp1252"), TableOptions(encoding="cp1252")).texts("a").to_pylist() == [
        "café"
    ]
    with pytest.raises(TableError, match="Line 1 of"):
        read(folder, line.encode("cp1252"), TableOptions(encoding="utf-8"))


TEXT = st.text(max_size=8)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
NESTED = st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=2), max_size=3)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.dictionaries(TEXT, PLAIN | NESTED, min_size=1, max_size=4), min_size=1, max_size=6),
    ascii_only=st.booleans(),
)
def test_any_objects_come_back(folder: Path, rows: list[dict[str, object]], ascii_only: bool) -> None:
    table = read(folder, "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows))
    assert not table.set_aside
    for row, cells in zip(rows, table.columns.to_pylist(), strict=True):
        for key, cell in cells.items():
            value = row.get(key)
            if value is None or isinstance(value, str):
                assert cell == value
            else:
                assert json.loads(cell) == value
