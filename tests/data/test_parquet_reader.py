import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetable.data.parquet_reader import read_parquet
from finetable.data.table import Table
from finetable.data.table_file import TableFile
from finetable.errors import TableError


def read(path: Path) -> Table:
    return read_parquet(TableFile.find(path.name, path))


def test_types_are_kept_and_rows_numbered(tmp_path: Path) -> None:
    columns = pa.table({"text": ["a", None], "year": [1999, 2000], "tags": [["x"], []]})
    pq.write_table(columns, tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert table.columns.equals(columns)
    assert table.row_ids.tolist() == [0, 1]
    assert table.lines.tolist() == [1, 2]
    assert table.format.describe() == "Parquet"


def test_compressed_parquet_is_read(tmp_path: Path) -> None:
    columns = pa.table({"text": ["a", "b"]})
    pq.write_table(columns, tmp_path / "a.parquet")
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    table = read(packed)
    assert table.columns.equals(columns)
    assert table.format.describe() == "Parquet (gzip)"


def test_folders_above_add_no_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=1999"
    folder.mkdir()
    pq.write_table(pa.table({"text": ["a"]}), folder / "a.parquet")
    assert read(folder / "a.parquet").column_names == ["text"]


def test_names_given_twice_are_made_different_and_said(tmp_path: Path) -> None:
    columns = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(columns, tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert table.column_names == ["text", "text_2"]
    assert len(table.notes) == 1


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("text,label\na,b\n")
    with pytest.raises(TableError, match=r"a\.parquet cannot be read as Parquet: "):
        read(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 1000]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read(path)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read(tmp_path / "a.parquet")
