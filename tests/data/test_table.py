import numpy as np
import pyarrow as pa
import pytest

from finetable.data.table import SetAside, Table, TableFormat, set_aside_lines
from finetable.errors import ColumnError


def make_table(set_aside: tuple[SetAside, ...] = ()) -> Table:
    return Table(
        name="films.csv",
        columns=pa.table({"title": ["A", "B", "C"], "Genre": ["x", None, "z"], "year": [1999, None, 2001]}),
        row_ids=np.array([0, 2, 3]),
        lines=np.array([2, 5, 9]),
        format=TableFormat("csv", encoding="cp1252", delimiter=";", quote='"', header=True),
        set_aside=set_aside,
        fingerprint="f",
    )


def test_has_length_and_names() -> None:
    table = make_table()
    assert len(table) == 3
    assert table.column_names == ["title", "Genre", "year"]


def test_texts_have_no_missing_and_no_other_type() -> None:
    table = make_table()
    assert table.texts("Genre").to_pylist() == ["x", "", "z"]
    assert table.texts("year").to_pylist() == ["1999", "", "2001"]
    assert table.texts("year").type == pa.large_string()


@pytest.mark.parametrize(
    ("wrong", "right"), [("titel", "title"), ("genre", "Genre"), ("TITLE", "title"), ("yaer", "year")]
)
def test_a_wrong_column_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(ColumnError) as caught:
        make_table().texts(wrong)
    assert str(caught.value) == (
        f"films.csv has no column '{wrong}'; its columns are: 'title', 'Genre', 'year'. "
        f"Did you mean '{right}'?"
    )


def test_a_column_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(ColumnError, match=r"its columns are: 'title', 'Genre', 'year'\.$"):
        make_table().require(["title", "director_of_photography"])


def test_many_columns_are_listed_in_part() -> None:
    wide = pa.table({f"c{number}": ["x"] for number in range(50)})
    table = Table("w.csv", wide, np.array([0]), np.array([2]), TableFormat("csv"), (), "f")
    with pytest.raises(ColumnError, match="'c19' and 30 more"):
        table.require(["nothing"])


def test_select_keeps_ids_and_notes_the_others_in_order() -> None:
    table = make_table((SetAside(1, 4, "broken"),))
    kept = table.select(np.array([False, True, False]), lambda position: f"no. {position}")
    assert kept.columns["title"].to_pylist() == ["B"]
    assert kept.row_ids.tolist() == [2]
    assert kept.lines.tolist() == [5]
    assert kept.set_aside == (SetAside(0, 2, "no. 0"), SetAside(1, 4, "broken"), SetAside(3, 9, "no. 2"))
    assert table.set_aside == (SetAside(1, 4, "broken"),)


def test_select_takes_one_reason_for_all() -> None:
    kept = make_table().select(np.array([True, False, True]), "empty")
    assert kept.set_aside == (SetAside(2, 5, "empty"),)


def test_select_of_everything_changes_nothing() -> None:
    table = make_table()
    assert table.select(np.ones(3, dtype=bool), "never") is table


def test_take_gives_rows_in_the_order_asked_for() -> None:
    taken = make_table((SetAside(1, 4, "broken"),)).take(np.array([2, 0]))
    assert taken.columns["title"].to_pylist() == ["C", "A"]
    assert taken.row_ids.tolist() == [3, 0]
    assert taken.lines.tolist() == [9, 2]
    assert len(taken.set_aside) == 1


@pytest.mark.parametrize(
    ("form", "described"),
    [
        (
            make_table().format,
            "CSV, cp1252, ';' between cells, '\"' around them, first line names the columns",
        ),
        (
            TableFormat("tsv", True, "utf-8", "\t", None, None, False),
            "TSV (gzip), utf-8, tab between cells, quotes are plain text, first line is a row",
        ),
        (
            TableFormat("csv", False, "utf-8", None, '"', "\\", True),
            "CSV, utf-8, one column, '\"' around them, '\\\"' for a quote inside, "
            "first line names the columns",
        ),
        (TableFormat("jsonl", False, "utf-16-le"), "JSON Lines, utf-16-le"),
        (TableFormat("parquet"), "Parquet"),
    ],
)
def test_a_format_is_described_in_one_line(form: TableFormat, described: str) -> None:
    assert form.describe() == described


def test_reasons_are_shown_the_most_frequent_first_and_not_without_end() -> None:
    rows = [SetAside(number, number + 2, f"reason {min(number, 14)}") for number in range(30)]
    lines = set_aside_lines(rows)
    assert lines[0] == "16 × reason 14 (lines 16, 17, 18, 19, 20, …)"
    assert lines[1] == "1 × reason 0 (line 2)"
    assert lines[9:] == ["1 × reason 8 (line 10)", "5 × 5 other reasons"]
