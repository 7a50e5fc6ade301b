import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.read_table import read_table
from finetable.errors import TableError
from finetable.settings import TableOptions


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".csv", b'text,label\n"a, b",x\n'),
        (".tsv", b"text\tlabel\na, b\tx\n"),
        (".jsonl", b'{"text": "a, b", "label": "x"}\n'),
        (".json", b'{"text": "a, b", "label": "x"}\n'),
        (".json", b'[{"text": "a, b",\n "label": "x"}]'),
        (".parquet", None),
    ],
)
def test_each_kind_is_read_plain_and_compressed(
    tmp_path: Path, ending: str, content: bytes | None, packed: bool
) -> None:
    path = tmp_path / f"films{ending}"
    if content is None:
        pq.write_table(pa.table({"text": ["a, b"], "label": ["x"]}), path)
    else:
        path.write_bytes(content)
    if packed:
        path = path.with_name(path.name + ".gz")
        path.write_bytes(gzip.compress((tmp_path / f"films{ending}").read_bytes()))
    table = read_table(str(path))
    assert table.name == str(path)
    assert table.texts("text").to_pylist() == ["a, b"]
    assert table.texts("label").to_pylist() == ["x"]
    assert table.format.kind == ending[1:]
    assert table.format.compressed is packed


def test_a_path_below_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("text\nhello\n")
    assert len(read_table("~/a.csv")) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "is empty, not one byte long"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "holds no row, only blank lines."),
        ("a.csv", b"text,label\n", "names its columns but holds no row."),
        ("a.jsonl", b"\n\n", "a.jsonl holds no row."),
        ("a.json", b" [ ]\n", "a.json holds no row."),
        ("a.xlsx", b"PK\x03\x04", "is a spreadsheet: open it and save the sheet as CSV."),
        (
            "a.csv",
            b"text,label\na\nb\n",
            "None of the 2 rows of {} can be taken; the first is on line 2: 1 cell where the header has 2.",
        ),
        (
            "a.jsonl",
            b"[\n{}\n]\n",
            "None of the 3 rows of {} can be taken; the first is on line 1: it is not JSON",
        ),
        (
            "a.csv.gz",
            gzip.compress(b"text\n" * 9999, mtime=0)[:-20],
            "is compressed with gzip but damaged or cut short",
        ),
        (
            "a.parquet.gz",
            gzip.compress(b"text", mtime=0)[:-9] + b"x" * 20,
            "is compressed with gzip but damaged or cut",
        ),
        ("a.doc", b"x", "must end in .csv, .tsv, .json, .jsonl, .parquet or .txt, each also with .gz."),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError) as caught:
        read_table(str(path))
    assert sentence.format(path) in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_no_system_can_open_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_table(str(tmp_path / ("x" * 300 + ".csv")))


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("a.parquet", TableOptions(encoding="utf-8"), "encoding"),
        ("a.jsonl", TableOptions(delimiter=";"), "delimiter"),
        ("a.jsonl", TableOptions(header=True, quote="'"), "header"),
    ],
)
def test_an_option_without_meaning_is_not_ignored(
    tmp_path: Path, name: str, options: TableOptions, option: str
) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(TableError, match=rf"--{option} has no meaning for .*: leave it out"):
        read_table(str(tmp_path / name), options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b'"', b"a", b"1", b",", b"\t", b"\n", b"\r", b'{"a": 1}', b"\xe9", b"\0", b"'"])
    ).map(b"".join)
)
def test_any_bytes_are_a_table_or_one_sentence(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.write_bytes(content)
    sentence, table = "", None
    try:
        table = read_table(str(path))
    except TableError as fault:
        sentence = str(fault)
    if table is None:
        assert "\n" not in sentence
        return
    ids = [*table.row_ids.tolist(), *(row.row_id for row in table.set_aside)]
    assert sorted(ids) == list(range(len(ids)))
    assert len(table) == len(table.row_ids) == len(table.lines) > 0
    assert table.lines.tolist() == sorted(set(table.lines.tolist()))
    for column in table.column_names:
        assert len(table.texts(column)) == len(table)
