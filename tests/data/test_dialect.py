import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.csv_rows import CellMarks
from finetable.data.dialect import Dialect, Sample, detect_dialect
from finetable.data.table_file import TableFile, kind_of
from finetable.errors import TableError
from finetable.settings import TableOptions

COMMA, SEMICOLON, TAB, PIPE = (CellMarks(delimiter, '"') for delimiter in ",;\t|")
ONE_COLUMN = CellMarks(None, '"')


def detect(
    text: str, name: str = "a.csv", *, whole: bool = True, options: TableOptions | None = None
) -> Dialect:
    kind = kind_of(name)
    assert kind is not None
    file = TableFile(name, Path(name), kind, compressed=False)
    lines = io.StringIO(text, newline="").readlines()
    return detect_dialect(Sample(lines, whole), file, options or TableOptions())


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("text,label\nhello there,pos\n", COMMA),
        ("text\nhello\nworld\n", ONE_COLUMN),
        ("text\nHello, world\nfoo, bar; baz\nplain\n", ONE_COLUMN),
        ('"text"\n"a, b; c"\n"d"\n', ONE_COLUMN),
        ("text;label\nHello, world, it is, me;pos\nOh, well;neg\n", SEMICOLON),
        ("a;b\n1,5;2,5\n3,5;4,5\n", SEMICOLON),
        ("title (a, b);label\nx;y\nz;w\n", SEMICOLON),
        ("text\tlabel\nHello, world\tpos\nOh, well\tneg\n", TAB),
        ("text|label\nHello, world|pos\nOh; well|neg\n", PIPE),
        ("text,label\rhello,pos\rfoo,neg\r", COMMA),
        ("a;b;;;\n1;x;;;\n2;y;;;\n", SEMICOLON),
        ("text,label\n'tis the season,pos\ndon't,neg\n'twas,pos\n", COMMA),
        ('text,label\n5" disk,pos\nhe said "x",neg\n', COMMA),
        ("text,label\n'a, b',pos\n'c',neg\n", CellMarks(",", "'")),
        ('text\tlabel\n"hello\tpos\nfoo "bar" x\tneg\nfoo\tpos\n', CellMarks("\t", None)),
        ('text,label\n"he \\"said\\", x",pos\n"b",neg\n', CellMarks(",", '"', "\\")),
        ('text,label\n"ends with \\",pos\n"b, c",neg\n', COMMA),
        ('"text","label"\n"\\","",""\n', COMMA),
    ],
)
def test_marks_of_clean_tables(text: str, marks: CellMarks) -> None:
    assert detect(text).marks == marks


@pytest.mark.parametrize(
    "broken",
    ["1;2;3;4\n", "1;2\n", '1;"open;3\n', '1;"a" b;3\n', '"open;2;3\n', "only this, and that, and, that\n"],
)
def test_one_broken_row_does_not_change_the_marks(broken: str) -> None:
    good = 'a;b;c\n1;"x; y";3\n1;"x, ""y""";3\n1;z;3\n'
    assert detect(good + broken + "1;y;4\n").marks == SEMICOLON


def test_a_sample_that_ends_inside_a_long_cell_is_judged_by_its_whole_rows() -> None:
    cut = 'text,label\nshort,pos\n"long, one\n' + "and a line, here\n" * 500
    assert detect(cut, whole=False).marks == COMMA


def test_a_broken_row_does_not_turn_quotes_into_text_where_cells_are_quoted() -> None:
    assert detect('id;text;label\n0;"""runs"" away";pos\n5;"open;x\n2;away;neg\n').marks == SEMICOLON


def test_the_ending_tsv_means_tab() -> None:
    assert detect("a,b\tc\n1,2\t3\n", "a.tsv").marks == TAB
    assert detect("a,b\n1,2\n", "a.tsv").marks == ONE_COLUMN


@pytest.mark.parametrize(
    ("options", "marks"),
    [
        (TableOptions(delimiter=";"), SEMICOLON),
        (TableOptions(delimiter="\\t"), TAB),
        (TableOptions(delimiter=""), ONE_COLUMN),
        (TableOptions(quote=""), CellMarks(",", None)),
        (TableOptions(quote="|"), CellMarks(",", "|")),
        (TableOptions(delimiter="a", quote="'"), CellMarks("a", "'")),
        (TableOptions(delimiter='"'), CellMarks('"', None)),
        (TableOptions(quote=","), CellMarks("|", ",")),
    ],
)
def test_what_the_person_names_is_taken(options: TableOptions, marks: CellMarks) -> None:
    assert detect("a,b|c\n1,2|3\n", options=options).marks == marks


def test_marks_that_cannot_be_are_refused() -> None:
    for options, sentence in (
        (TableOptions(delimiter=", "), "--delimiter must be one character"),
        (TableOptions(quote="\n"), "--quote must be one character"),
        (TableOptions(delimiter=";", quote=";"), "--delimiter and --quote are both ';'"),
    ):
        with pytest.raises(TableError, match=sentence):
            detect("a,b\n1,2\n", options=options)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("text,label\nhello,pos\n", True),
        ("text,label\n", True),
        ("year,text\n1999,hello\n2000,foo\n", True),
        ("0,1\nhello,pos\nfoo,neg\n", True),
        (",text\n0,hello\n1,foo\n", True),
        ("1,text\nhello,x\n2,y\nfoo,z\n", True),
        ("text,label\nhello,label\nfoo,label\n", True),
        ("1,hello\n2,foo\n", False),
        ("2021-09-25,hello\n2021-09-26,foo\n", False),
        ("ham\tGo until jurong point, crazy\nspam\tFree entry in a comp\nham\tOk lar\n", False),
    ],
)
def test_a_first_row_like_the_others_names_nothing(text: str, header: bool) -> None:
    assert detect(text).header is header


def test_the_person_decides_about_the_header() -> None:
    assert detect("1,2\n3,4\n", options=TableOptions(header=True)).header is True
    assert detect("a,b\nc,d\n", options=TableOptions(header=False)).header is False


CELL = st.text(st.sampled_from("abc d,;|\t\"'\n"), max_size=12)


@settings(deadline=None)
@given(
    delimiter=st.sampled_from(",;\t|"),
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=3, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_the_delimiter_of_any_quoted_table_with_plain_names_is_found(
    delimiter: str, rows: list[tuple[str, str, str]], end: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [("id", "text", "label"), *rows]
    )
    assert detect(text.getvalue()) == Dialect(CellMarks(delimiter, '"'), header=True)
