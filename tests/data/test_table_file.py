import gzip
import hashlib
from pathlib import Path

import pytest

from finetable.data.table_file import TableFile, kind_of
from finetable.errors import TableError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.CSV.GZ", "csv"),
        ("a.tsv", "tsv"),
        ("a.b.jsonl", "jsonl"),
        ("a.parquet.gz", "parquet"),
        ("a.xlsx", None),
        ("a.json", None),
        ("a.txt", None),
        ("csv", None),
        ("a.gz", None),
    ],
)
def test_the_ending_names_the_kind(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


def test_compression_is_seen_in_the_bytes_not_in_the_ending(tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.csv", tmp_path / "plain.csv.gz"
    packed.write_bytes(gzip.compress(b"text\nhello\n"))
    plain.write_bytes(b"text\nhello\n")
    for path, compressed in ((packed, True), (plain, False)):
        file = TableFile.find("it", path)
        assert file.compressed is compressed
        with file.open_bytes() as stream:
            assert stream.read() == b"text\nhello\n"


def test_the_fingerprint_is_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"text\nhello\n"))
    assert TableFile.find("it", path).fingerprint() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes.docx").write_text("x")
    for name, sentence in (
        ("missing.csv", "There is no file missing.csv: check the path."),
        ("folder.csv", "folder.csv is a folder: give the path of one table in it."),
        ("empty.csv", "empty.csv is empty, not one byte long: check that it was saved or fetched whole."),
        (
            "notes.docx",
            "notes.docx is not a known kind of table: its name must end in .csv, .tsv, .json, .jsonl, "
            ".parquet or .txt, each also with .gz.",
        ),
    ):
        with pytest.raises(TableError) as caught:
            TableFile.find(name, tmp_path / name)
        assert str(caught.value) == sentence
