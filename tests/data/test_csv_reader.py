import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.csv_reader import read_csv
from finetable.data.table import SetAside, Table
from finetable.data.table_file import TableFile
from finetable.errors import TableError
from finetable.settings import TableOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def read(
    folder: Path, text: str | bytes, options: TableOptions | None = None, name: str = "films.csv"
) -> Table:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(TableFile.find(name, path), options or TableOptions())


def rows_of(table: Table) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in table.columns.to_pylist()]


def reasons_of(table: Table) -> list[tuple[int, int, str]]:
    return [(row.row_id, row.line, row.reason) for row in table.set_aside]


def test_cells_lines_and_ids_are_exact(folder: Path) -> None:
    table = read(folder, 'title,text\r\n A ,"one\r\ntwo, ""three"""\r\n\r\nB,\r\n')
    assert table.column_names == ["title", "text"]
    assert rows_of(table) == [(" A ", 'one\r\ntwo, "three"'), ("B", "")]
    assert table.lines.tolist() == [2, 5]
    assert table.row_ids.tolist() == [0, 1]
    assert table.set_aside == ()
    assert table.notes == ()
    assert table.format.describe() == (
        "CSV, utf-8, ',' between cells, '\"' around them, first line names the columns"
    )


def test_an_old_table_from_windows_is_read_as_it_was_meant(folder: Path) -> None:
    table = read(folder, "título;año\r\nEl café – “sí”;1999\r\nBeyoncé’s niño;2001\r\n".encode("cp1252"))
    assert table.column_names == ["título", "año"]
    assert rows_of(table) == [("El café – “sí”", "1999"), ("Beyoncé’s niño", "2001")]
    assert table.format.encoding == "cp1252"


def test_rows_of_another_width_are_set_aside_with_line_and_reason(folder: Path) -> None:
    table = read(folder, 'a,b,c\n1,2,3\n4,5\n6,"x\ny",8,9\n7\n1,2,3,,\n')
    assert rows_of(table) == [("1", "2", "3"), ("1", "2", "3")]
    assert reasons_of(table) == [
        (1, 3, "2 cells where the header has 3"),
        (2, 4, "4 cells where the header has 3 (lines 4 to 5)"),
        (3, 6, "1 cell where the header has 3"),
    ]
    assert table.row_ids.tolist() == [0, 4]
    assert table.lines.tolist() == [2, 7]


def test_an_open_quote_does_not_swallow_the_file(folder: Path) -> None:
    body = "".join(f'{number},"text {number}"\n' for number in range(100))
    table = read(folder, f'id,text\n{body}x,"open\n{body}')
    assert len(table) == 200
    assert [(row.line, row.row_id) for row in table.set_aside] == [(102, 100)]


def test_a_file_whose_last_quote_is_open_loses_one_row(folder: Path) -> None:
    body = "".join(f'{number},"text {number}"\n' for number in range(50))
    table = read(folder, f'id,text\n{body}x,"open\ny,plain\nz,plain\n')
    assert len(table) == 52
    assert reasons_of(table) == [(50, 52, 'a quote (") that opens in it is never closed')]


def test_padding_columns_are_dropped_and_rows_that_fill_them_set_aside(folder: Path) -> None:
    body = "".join(f"{number};x;;;\n" for number in range(300))
    table = read(folder, "id;text;;;\n" + body + "300;a; b; c\n301;y\n302;a;;;d\n")
    assert table.column_names == ["id", "text"]
    assert len(table) == 301
    assert table.lines.tolist()[-1] == 303
    assert reasons_of(table) == [
        (300, 302, "4 cells where the header has 2"),
        (302, 304, "5 cells where the header has 2"),
    ]
    assert table.notes == (
        "The last 3 columns have no name, are empty but for 2 rows that were set aside, and were left out.",
    )


def test_a_last_column_without_a_name_is_kept_where_it_holds_text(folder: Path) -> None:
    table = read(folder, "id,text,\n1,x,more\n2,y,\n")
    assert table.column_names == ["id", "text", "column_3"]
    assert rows_of(table) == [("1", "x", "more"), ("2", "y", "")]
    assert table.notes == ("Column 3 has no name and is called 'column_3' here.",)


def test_a_first_column_without_a_name_and_one_named_twice_get_names(folder: Path) -> None:
    table = read(folder, ",text,text\n0,x,y\n")
    assert table.column_names == ["column_1", "text", "text_2"]
    assert len(table.notes) == 2


def test_without_a_header_the_first_row_is_a_row(folder: Path) -> None:
    table = read(folder, "a,b\nc,d\ne\n", TableOptions(header=False))
    assert table.column_names == ["column_1", "column_2"]
    assert rows_of(table) == [("a", "b"), ("c", "d")]
    assert table.lines.tolist() == [1, 2]
    assert reasons_of(table) == [(2, 3, "1 cell where the first row has 2")]


def test_without_a_header_a_broken_first_row_is_set_aside(folder: Path) -> None:
    table = read(folder, '"a" x,b\n"c",d\n"e",f\n', TableOptions(header=False))
    assert rows_of(table) == [("c", "d"), ("e", "f")]
    assert [row.line for row in table.set_aside] == [1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\n\r\n\n", r"films\.csv holds no row, only blank lines\."),
        (
            ",,\n1,2,3\n",
            r"Line 1 of films\.csv should name the columns but cannot be read: they are all empty",
        ),
        ('\n"a" b,"c"\n"1","2"\n"3","4"\n', r"Line 2 of films\.csv should name .*: text follows a closing"),
    ],
)
def test_a_file_without_usable_names_is_refused(folder: Path, text: str, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        read(folder, text, TableOptions(header=True))


def test_a_cell_over_very_many_lines_is_pointed_out(folder: Path) -> None:
    table = read(folder, 'id,text\n1,"' + "line\n" * 150 + '"\n2,b\n')
    assert len(table) == 2
    assert table.notes == (
        "The row on line 2 goes on for 151 lines: check that a quote in it is not left open.",
    )


def test_a_row_with_a_nul_is_set_aside(folder: Path) -> None:
    table = read(folder, "id,text\n1,a\n2,b\0c\n")
    assert reasons_of(table) == [(1, 3, "it holds a NUL character")]


def test_a_wrong_encoding_is_answered_with_the_line(folder: Path) -> None:
    with pytest.raises(TableError, match=r"Line 3 of films\.csv holds bytes that are not utf-8"):
        read(folder, "id,text\n1,a\n2,é\n".encode("cp1252"), TableOptions(encoding="utf-8"))


def test_the_fingerprint_changes_with_the_bytes(folder: Path) -> None:
    assert read(folder, "a\nx\n").fingerprint != read(folder, "a\ny\n").fingerprint


def slow_reference(path: Path, encoding: str) -> list[tuple[int, list[str]]]:
    """Every row with its first line: parse each prefix of the file that ends with a line."""
    with path.open(encoding=encoding, newline="") as stream:
        lines = stream.readlines()
    rows: list[tuple[int, list[str]]] = []
    start = 0
    for end in range(1, len(lines) + 1):
        if "".join(lines[start:end]).count('"') % 2 == 0:
            parsed = list(csv.reader(lines[start:end], strict=True))
            rows.extend((start + 1, cells) for cells in parsed if cells)
            start = end
    return rows


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10) | st.text(
    st.sampled_from('a,;"\n\r '), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"]))
def test_any_csv_in_any_encoding_reads_like_the_slow_reference(
    folder: Path, data: st.DataObject, encoding: str
) -> None:
    width = data.draw(st.integers(2, 4))
    cell = CELL if encoding != "cp1252" else st.text(st.characters(codec="cp1252", exclude_characters="\0"))
    rows = data.draw(st.lists(st.lists(cell, min_size=width - 1, max_size=width + 1), max_size=6))
    path = folder / "any.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(
            stream, quoting=csv.QUOTE_ALL, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"]))
        )
        writer.writerow(["name", "text", "label", "note"][:width])
        writer.writerows(rows)
    codec = encoding.removesuffix("-sig")
    table = read_csv(
        TableFile.find("any.csv", path), TableOptions(encoding=codec, delimiter=",", header=True)
    )
    _, *expected = slow_reference(path, encoding)
    taken: dict[int, tuple[int, tuple[str, ...]]] = {}
    aside: list[SetAside] = list(table.set_aside)
    for row_id, line, row in zip(table.row_ids, table.lines, rows_of(table), strict=True):
        taken[int(row_id)] = (int(line), row)
    for row_id, (line, cells) in enumerate(expected):
        if len(cells) == width or (len(cells) > width and not any(cells[width:])):
            assert taken.pop(row_id) == (line, tuple(cells[:width]))
        else:
            dropped = aside.pop(0)
            assert (dropped.row_id, dropped.line) == (row_id, line)
    assert not taken
    assert not aside


def test_a_quote_left_open_is_told_where_quotes_were_taken_as_text(folder: Path) -> None:
    table = read(folder, 'a,b\none,two\n"three,four\n' + "five,six\n" * 20)
    assert table.texts("a").to_pylist()[1] == '"three'
    assert any("line 3 is never closed" in note for note in table.notes)
    assert not read(folder, 'a,b\none,two\n"three" he said,four\n' + "five,six\n" * 20).notes
