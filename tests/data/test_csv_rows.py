import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.csv_rows import CELL_CHARACTERS_MAX, CellMarks, CsvRow, csv_rows

COMMAS = CellMarks(",", '"')
CELLS = st.text(st.sampled_from("ab \",;\n\r\t'é\\"), max_size=8)


def read(text: str, marks: CellMarks = COMMAS) -> list[CsvRow]:
    return list(csv_rows(io.StringIO(text, newline=""), marks))


def places(text: str) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in read(text)]


def test_each_row_knows_its_first_line_and_how_many_it_takes() -> None:
    rows = read('a,b\n"x\ny\r\nz",1\n\n\nc,"d\re"\n')
    assert [(row.line, row.line_count, row.cells) for row in rows] == [
        (1, 1, ["a", "b"]),
        (2, 3, ["x\ny\r\nz", "1"]),
        (7, 2, ["c", "d\re"]),
    ]


def test_blank_lines_are_no_rows_but_quoted_nothing_is() -> None:
    assert places('\n\r\n""\n\n') == [(3, [""])]


def test_a_quote_that_is_never_closed_costs_only_its_own_line() -> None:
    rows = read('a,b\n"open,1\nc,d\ne,f\n')
    assert [(row.line, row.cells) for row in rows] == [
        (1, ["a", "b"]),
        (2, []),
        (3, ["c", "d"]),
        (4, ["e", "f"]),
    ]
    assert rows[1].fault == 'a quote (") that opens in it is never closed'
    assert rows[1].unclosed


def test_a_quote_that_swallows_lines_up_to_the_next_quote_costs_only_its_own_line() -> None:
    rows = read('a,b\n"open,1\nc,d\n"e, e",f\ng,h\n')
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    assert [bool(row.fault) for row in rows] == [False, True, False, False, False]
    assert "text follows a closing quote" in rows[1].fault
    assert rows[3].cells == ["e, e", "f"]


def test_broken_rows_one_after_another_are_each_found() -> None:
    rows = read('"a\n"b\n"c\n1,2\n')
    assert [(row.line, bool(row.fault)) for row in rows] == [(1, True), (2, True), (3, True), (4, False)]


def test_a_cell_may_be_longer_than_the_csv_readers_own_limit() -> None:
    long = "x" * 200_000  # Python's own limit is 131,072
    assert places(f'1,"{long}"\n') == [(1, ["1", long])]


def test_a_quote_open_for_millions_of_characters_is_given_up() -> None:
    line = "y" * (CELL_CHARACTERS_MAX // 16) + "\n"
    rows = read('"open\n' + line * 20)
    assert "16,777,216 characters" in rows[0].fault
    assert [row.line for row in rows] == list(range(1, 22))


def test_a_row_with_a_nul_has_a_fault() -> None:
    assert [row.fault for row in read("a,b\nc\0,d\n")] == ["", "it holds a NUL character"]


def test_without_a_delimiter_a_line_is_a_cell() -> None:
    assert [row.cells for row in read('a,b;c\td\n"x,\ny"\n', CellMarks(None, '"'))] == [
        ["a,b;c\td"],
        ["x,\ny"],
    ]


def test_without_a_quote_quotes_are_text() -> None:
    assert [row.cells for row in read('"a,b"\n', CellMarks(",", None))] == [['"a', 'b"']]


def test_an_escaped_quote_is_a_quote_and_other_escapes_stay() -> None:
    rows = read('"he \\"said\\", \\n",C:\\dir\n', CellMarks(",", '"', "\\"))
    assert [row.cells for row in rows] == [['he "said", \\n', "C:\\dir"]]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4)), st.sampled_from(["\n", "\r\n"]))
def test_well_formed_text_reads_as_the_plain_csv_reader_reads_it(rows: list[list[str]], end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [row.cells for row in read(text.getvalue())] == rows


@given(st.lists(CELLS).map("".join))
@pytest.mark.parametrize(
    "marks", [COMMAS, CellMarks(";", None), CellMarks(None, "'"), CellMarks(",", '"', "\\")]
)
def test_every_line_of_any_text_is_in_exactly_one_row_or_blank(marks: CellMarks, text: str) -> None:
    lines = io.StringIO(text, newline="").readlines()
    covered = [0] * len(lines)
    for row in read(text, marks):
        for line in range(row.line, row.line + row.line_count):
            covered[line - 1] += 1
    assert all(count == 1 or not line.strip("\r\n") for count, line in zip(covered, lines, strict=True))
    assert max(covered, default=0) <= 1
