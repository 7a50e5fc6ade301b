import codecs
import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.table_file import TableFile
from finetable.data.text_file import encoding_of, text_lines
from finetable.errors import TableError

ENGLISH = (
    "text,label\nIt’s a film about a man — and “his” dog,pos\nBeyoncé’s café serves crêpes,pos\n"
    "A señor in São Paulo says it’s naïve,neg\n"
)
POLISH = (
    "text,label\nBardzo dobry film, polecam każdemu, kto lubi życie i śmiech.\n"
    "W Szczebrzeszynie chrząszcz brzmi w trzcinie i Szczebrzeszyn z tego słynie.\n"
    "Zażółć gęślą jaźń, a potem idź do domu i śpij spokojnie całą noc.\n"
)
TURKISH = (
    "text\nPijamalı hasta yağız şoföre çabucak güvendi. Bu film çok güzeldi ve herkese öneririm.\n"
    "Şimdiye kadar gördüğüm en iyi film buydu.\n"
)
RUSSIAN = (
    "text,label\nОчень хороший фильм, всем советую посмотреть.\nСъешь ещё этих мягких французских булок.\n"
)
JAPANESE = "text\nこれは映画です。とても面白いです。\n彼は東京に住んでいます。\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


def as_file(folder: Path, content: bytes, name: str = "a.csv") -> TableFile:
    path = folder / name
    path.write_bytes(content)
    return TableFile.find(name, path)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain,ascii\n1,2\n", "utf-8"),
        (ENGLISH.encode(), "utf-8"),
        (codecs.BOM_UTF8 + ENGLISH.encode(), "utf-8"),
        (ENGLISH.encode("cp1252"), "cp1252"),
        ("text,label\nA café,pos\n".encode("cp1252"), "cp1252"),
        ("text\nEin schöner Film über die Größe der Zwerge.\n".encode("latin-1"), "cp1252"),
        (POLISH.encode("cp1250"), "cp1250"),
        (TURKISH.encode("cp1254"), "cp1254"),
        (RUSSIAN.encode("cp1251"), "cp1251"),
        (ENGLISH.encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + ENGLISH.encode("utf-16-be"), "utf-16-be"),
        (ENGLISH.encode("utf-16-le"), "utf-16-le"),
        (ENGLISH.encode("utf-16-be"), "utf-16-be"),
        (JAPANESE.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF32_LE + ENGLISH.encode("utf-32-le"), "utf-32-le"),
        (b"text,label\na stray \0 zero,pos\n", "utf-8"),
        (ENGLISH.replace(" ", " \0", 1).encode("cp1252"), "cp1252"),
    ],
)
def test_encodings_are_told_apart(folder: Path, content: bytes, encoding: str) -> None:
    assert encoding_of(as_file(folder, content), None) == encoding


def test_what_is_beyond_ascii_counts_wherever_it_stands(folder: Path) -> None:
    plain = b"nothing special here\n" * 100_000
    assert encoding_of(as_file(folder, plain + POLISH.encode("cp1250")), None) == "cp1250"
    assert encoding_of(as_file(folder, plain + ENGLISH.encode()), None) == "utf-8"


def test_damaged_utf8_is_not_taken_for_another_encoding(folder: Path) -> None:
    damaged = ENGLISH.encode() * 20 + b"one broken \xe9 here\n"
    with pytest.raises(TableError, match=r"a\.csv is UTF-8 except for line 81"):
        encoding_of(as_file(folder, damaged), None)


@pytest.mark.parametrize(("magic", "what"), [(b"PK\x03\x04", "Excel"), (b"PAR1", "Parquet")])
def test_other_kinds_of_file_are_named(folder: Path, magic: bytes, what: str) -> None:
    with pytest.raises(TableError, match=what):
        encoding_of(as_file(folder, magic + b"\0" * 100), None)


def test_lines_keep_their_ends_and_lose_the_mark(folder: Path) -> None:
    file = as_file(folder, codecs.BOM_UTF8 + "é\r\nb\rc\n\u2028d".encode())
    with text_lines(file, "utf-8", newline="") as lines:
        assert list(lines) == ["é\r\n", "b\r", "c\n", "\u2028d"]
    with text_lines(file, "utf-8", newline="\n") as lines:
        assert list(lines) == ["é\r\n", "b\rc\n", "\u2028d"]


def test_a_file_with_only_a_mark_has_no_line(folder: Path) -> None:
    with text_lines(as_file(folder, codecs.BOM_UTF8), "utf-8", newline="") as lines:
        assert list(lines) == []


def test_compressed_text_is_read_like_plain_text(folder: Path) -> None:
    file = as_file(folder, gzip.compress(ENGLISH.encode("cp1252")), "a.csv.gz")
    assert encoding_of(file, None) == "cp1252"
    with text_lines(file, "cp1252", newline="\n") as lines:
        assert "".join(lines) == ENGLISH


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("before", "encoding"), [(0, "utf-8"), (3, "ascii"), (700_000, "utf-8")])
def test_bytes_that_do_not_decode_are_found_by_line(
    folder: Path, ending: str, before: int, encoding: str
) -> None:
    content = f"ab{ending}".encode() * before + b"\xe9\n" + b"more\n"
    with (
        pytest.raises(
            TableError, match=rf"Line {before + 1:d} of a\.csv holds bytes that are not {encoding}"
        ),
        text_lines(as_file(folder, content), encoding, newline="") as lines,
    ):
        list(lines)


def test_a_cut_utf16_file_is_found_by_line(folder: Path) -> None:
    with (
        pytest.raises(TableError, match=r"Line 2 of a\.csv .* utf-16-le: mend that line, or .*--encoding"),
        text_lines(as_file(folder, "a\nb".encode("utf-16-le")[:-1]), "utf-16-le", newline="") as lines,
    ):
        list(lines)


@pytest.mark.parametrize("name", ["utf-9", "base64", ""])
def test_an_unknown_encoding_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(TableError, match="is not a known text encoding"):
        encoding_of(as_file(folder, b"a\n"), name)


def test_a_known_encoding_is_taken_as_named(folder: Path) -> None:
    assert encoding_of(as_file(folder, "é\n".encode()), "Latin-1") == "Latin-1"


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1))
def test_utf8_is_always_told_and_read_exactly(folder: Path, text: str) -> None:
    file = as_file(folder, text.encode())
    assert encoding_of(file, None) == "utf-8"
    with text_lines(file, "utf-8", newline="") as lines:
        assert "".join(lines) == text


def test_bytes_of_no_text_are_called_so(folder: Path) -> None:
    with pytest.raises(TableError, match=r"r\.csv holds bytes of no text"):
        encoding_of(as_file(folder, random.Random(1).randbytes(3000), "r.csv"), None)
