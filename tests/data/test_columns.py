import random
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.columns import CELLS_LOOKED_AT, column_profiles, even_sample, is_name_list, is_title_like
from finetable.data.profile import ColumnProfile
from finetable.data.table import Table, TableFormat

MakeTable = Callable[..., Table]
WORDS = [
    "fox",
    "moon",
    "river",
    "night",
    "letter",
    "sister",
    "train",
    "war",
    "secret",
    "island",
    "storm",
    "king",
]


def sentences(count: int, length: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=length)) + f" {number}" for number in range(count)]


def lists(separator: str, count: int = 300) -> list[str]:
    draw = random.Random(2)
    return [separator.join(draw.sample(WORDS, draw.randint(1, 3))) for _ in range(count)]


def profile(make_table: MakeTable, cells: list[str | None], name: str = "column") -> ColumnProfile:
    return column_profiles(make_table(**{name: cells}))[0]


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("text", sentences(300, 12)),
        ("text", [*sentences(150, 12), *sentences(150, 12)]),
        ("label", ["drama", "comedy", "action film"] * 100),
        ("label", ["0", "1"] * 100),
        ("label", ["Yes, always", "No, never"] * 100),
        ("list", lists(", ")),
        ("list", lists("|")),
        ("list", lists("; ")),
        ("number", [str(1950 + place % 15) for place in range(300)]),
        ("number", [f"{place}.5" for place in range(300)]),
        ("number", ["5.083.954", "$12,000", "-3", "1e-5", "45 %"] * 60),
        ("date", ["September 25, 2021", "March 1, 1999"] * 100),
        ("date", ["2021-09-25", "2021-09-25T10:11:12Z"] * 100),
        ("date", ["25/9/2021", "30-Mar-21", "1 May 2020"] * 100),
        ("id", [f"s{place}" for place in range(300)]),
        ("id", [str(place) for place in range(300)]),
        ("id", [f"https://example.org/films/and/more/posters/{place}.jpg" for place in range(300)]),
        ("id", [f"The {WORDS[place % 12].title()} {place}" for place in range(300)]),
        ("constant", ["en"] * 300),
        ("empty", ["", " ", None, "\t"] * 75),
    ],
)
def test_the_kind_of_a_column(make_table: MakeTable, kind: str, cells: list[str | None]) -> None:
    assert profile(make_table, cells).kind == kind


def test_text_without_blanks_between_words_is_text(make_table: MakeTable) -> None:
    draw = random.Random(1)
    cells = ["".join(draw.choices("月夜汽車海島家族映画物語戦争秘密", k=20)) for _ in range(100)]
    assert profile(make_table, [*cells]).kind == "text"


def test_many_labels_are_no_labels(make_table: MakeTable) -> None:
    few = [f"label {place}" for place in range(1000)] * 4
    many = [f"label {place}" for place in range(1001)] * 4
    assert profile(make_table, [*few]).kind == "label"
    assert profile(make_table, [*many]).kind != "label"


def test_what_is_missing_and_distinct_is_counted(make_table: MakeTable) -> None:
    found = profile(make_table, ["a", "b", "a", "", "  ", None] * 10)
    assert (found.missing, found.distinct, found.median_words) == (30, 2, 1)


def test_the_values_of_a_list_are_counted(make_table: MakeTable) -> None:
    assert profile(make_table, [*lists(", ")]).values == len(WORDS)
    assert profile(make_table, ["x"] * 9).values is None


def test_cells_whose_parts_do_not_recur_are_no_list(make_table: MakeTable) -> None:
    assert profile(make_table, [f"Name{place}, First{place}" for place in range(1500)]).kind == "id"


def test_codes_between_blanks_are_a_list_and_words_are_not(make_table: MakeTable) -> None:
    draw = random.Random(2)
    codes = [" ".join(draw.sample([f"cs.{letter}" for letter in "ABCDEFGH"], 2)) for _ in range(300)]
    found = profile(make_table, [*codes])
    assert (found.kind, found.values) == ("list", 8)
    assert profile(make_table, [" ".join(draw.sample(WORDS, 2)) for _ in range(300)]).kind != "list"


def test_roles_are_guessed(make_table: MakeTable) -> None:
    table = make_table(
        show_id=[f"s{place}" for place in range(300)],
        title=[f"The {WORDS[place % 12].title()} {place}" for place in range(300)],
        slogan=[*sentences(300, 6)],
        rating=["PG"] * 270 + ["R"] * 20 + ["G"] * 10,
        type=["film", "series"] * 150,
        cast=[*lists(", ")],
        year=[str(1950 + place % 70) for place in range(300)],
        description=[*sentences(300, 20)],
    )
    assert {column.name: column.role for column in column_profiles(table)} == {
        "show_id": "",
        "title": "given",
        "slogan": "given",
        "rating": "given",
        "type": "label",
        "cast": "given",
        "year": "",
        "description": "write",
    }


def test_a_column_that_is_named_like_a_label_is_the_label(make_table: MakeTable) -> None:
    table = make_table(half=["a", "b"] * 150, film_genre=["drama"] * 250 + ["war"] * 50)
    assert [column.role for column in column_profiles(table)] == ["given", "label"]


def test_names_are_told_from_codes() -> None:
    assert is_title_like(["The Moon", "Élan", "Heat"])
    assert not is_title_like(["s1", "f87dea47db", "Heat"])


def test_the_sample_is_even() -> None:
    texts = pa.chunked_array([pa.array([str(place) for place in range(10)], pa.large_string())])
    assert even_sample(texts, 4) == ["0", "3", "6", "9"]
    assert even_sample(texts, 10) == even_sample(texts, 99) == [str(place) for place in range(10)]


def test_a_large_column_is_judged_by_a_sample(make_table: MakeTable) -> None:
    cells = [str(place) for place in range(2 * CELLS_LOOKED_AT)]
    found = profile(make_table, [*cells])
    assert (found.kind, found.distinct) == ("id", 2 * CELLS_LOOKED_AT)


@settings(deadline=None)
@given(
    st.lists(st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=12)
)
def test_every_column_has_a_kind(cells: list[str | None]) -> None:
    columns = pa.table({"column": pa.array(cells, pa.large_string())})
    rows = np.arange(len(cells))
    found = column_profiles(Table("t", columns, rows, rows, TableFormat("parquet"), (), ""))[0]
    filled = [cell for cell in cells if cell is not None and cell.strip()]
    assert (found.missing, found.distinct) == (len(cells) - len(filled), len(set(filled)))
    assert (found.kind == "empty") == (not filled)


def test_whole_numbers_of_any_length_are_told_from_rows_counted(make_table: MakeTable) -> None:
    huge = [f"{'9' * 5000}{place:03}" for place in range(300)]
    assert profile(make_table, list(huge)).kind == "id"
    assert profile(make_table, list(huge[::-1])).kind == "number"
    assert profile(make_table, [str(place * 7 % 997) for place in range(300)], "paid").kind == "number"
    assert profile(make_table, [str(place * 7 % 997) for place in range(300)], "filmID").kind == "id"


def test_few_rows_have_no_label(make_table: MakeTable) -> None:
    assert profile(make_table, ["yes", "no"] * 4, "label").role != "label"
    assert profile(make_table, ["yes", "no"] * 5, "label").role == "label"


def test_lists_of_names_are_told_from_sentences() -> None:
    assert is_name_list(["Ann Lee, Bo Ek, Cy Young", "Dee Dee", "Ed Poe, Flo Rae"])
    assert not is_name_list(sentences(20, 12))
    assert not is_name_list([f"{text}, and then, so it is said, {text}" for text in sentences(20, 12)])
