import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.json_list import values_of
from finetable.data.read_table import read_table
from finetable.errors import TableError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 2]))
def test_every_value_with_its_line(values: list[Any], indent: int | None) -> None:
    text, expected = "\n [", []
    for place, value in enumerate(values):
        text += ",\n " if place else ""
        expected.append((text.count("\n") + 1, json.dumps(value, indent=indent, ensure_ascii=False)))
        text += expected[-1][1]
    assert list(values_of(f"{text} \n]\n", "a.json")) == expected


def test_rows_begin_on_the_lines_of_the_file_and_bad_ones_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "films.json"
    path.write_text('[\n {"a": "x",\n  "b": 1.50},\n 7,\n {"a": "y", "a": "z"},\n {"a": null}\n]\n')
    table = read_table(str(path))
    assert table.columns.to_pylist() == [{"a": "x", "b": "1.5"}, {"a": None, "b": None}]
    assert table.lines.tolist() == [2, 6]
    assert [(row.line, row.reason) for row in table.set_aside] == [
        (4, "it is not an object with at least one key"),
        (5, "it holds the key 'a' more than once"),
    ]
    assert table.format.describe() == "JSON, utf-8"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"a": 1}\n {"a": 2}]', "line 2: a comma or the end of the list is expected"),
        ('[{"a": 1},\n\n {"a" 2}]', "line 3: Expecting ':' delimiter"),
        ('[{"a": 1},\n', "line 2: Expecting value"),
        ('[{"a": 1}', "line 1: a comma or the end"),
        ('[{"a": 1}]\n[]', "line 2: something follows the list"),
        ("[" * 100_000, "line 1: its values are nested too deeply"),
    ],
)
def test_a_damaged_list_is_one_sentence_with_the_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "films.json"
    path.write_text(content)
    with pytest.raises(TableError, match=told):
        read_table(str(path))


def test_a_number_of_many_digits_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "films.json"
    path.write_text(f'[{{"a": {"9" * 5000}}}, {{"a": 1}}]')
    table = read_table(str(path))
    assert table.texts("a").to_pylist() == ["1"]
    assert table.set_aside[0].reason == "it holds a number with too many digits"
