import gzip
from pathlib import Path

import pytest

from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.errors import ColumnError, TableError
from finetable.settings import TableOptions


def read(folder: Path, content: bytes, options: TableOptions | None = None) -> Table:
    path = folder / "a.txt"
    path.write_bytes(content)
    return read_table(str(path), options or TableOptions())


def test_each_line_is_one_text_as_it_is(tmp_path: Path) -> None:
    table = read(tmp_path, b'one, "two"\n\n  three \xc3\xa9\r\n{"four": 4}')
    assert table.column_names == ["completion"]
    assert table.texts("completion").to_pylist() == ['one, "two"', "", "  three é", '{"four": 4}']
    assert table.lines.tolist() == [1, 2, 3, 4]
    assert table.format.describe() == "lines of text, utf-8"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_end_of_the_last_line_begins_no_other(tmp_path: Path, end: bytes) -> None:
    assert read(tmp_path, b"one" + end + b"two" + end).texts("completion").to_pylist() == ["one", "two"]


def test_other_encodings_and_compression(tmp_path: Path) -> None:
    told = TableOptions(encoding="cp1252")
    assert read(tmp_path, b"caf\xe9\n", told).texts("completion").to_pylist() == ["café"]
    packed = tmp_path / "b.txt.gz"
    packed.write_bytes(gzip.compress(b"one\n"))
    assert read_table(str(packed)).texts("completion").to_pylist() == ["one"]


def test_what_is_no_option_of_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="--delimiter has no meaning"):
        read(tmp_path, b"a;b\n", TableOptions(delimiter=";"))


def test_whoever_names_a_column_is_told_how_a_table_is_called(tmp_path: Path) -> None:
    table = read(tmp_path, b"text,mood\nfine,good\n")
    with pytest.raises(ColumnError, match=r"has no column 'mood'.*needs the ending \.csv"):
        table.texts("mood")
