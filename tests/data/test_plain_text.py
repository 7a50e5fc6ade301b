import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.plain_text import plain_text
from finetable.errors import TableError

BERLIN = dt.timezone(dt.timedelta(hours=2))


def written(values: object, kind: pa.DataType | None = None) -> list[str]:
    texts = plain_text(pa.chunked_array([pa.array(values, kind)]), "column")
    assert texts.type == pa.large_string()
    return [str(text) for text in texts.to_pylist()]


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["é", "", None]), ["é", "", ""]),
        (pa.array(["é", None], pa.string_view()), ["é", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array([7, None]), ["7", ""]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([8.0, 7.5, None, float("nan"), -0.0]), ["8", "7.5", "", "", "0"]),
        (pa.array([2.0**53 - 1, 1e15, 1e300]), ["9007199254740991", "1000000000000000", "1e+300"]),
        (pa.array([0.1, 3.0], pa.float32()), ["0.1", "3"]),
        (pa.array(np.array([0.5, 3.0], np.float16)), ["0.5", "3"]),
        (pa.array([Decimal("12.50")]), ["12.50"]),
        (pa.array([dt.date(2021, 9, 25), None]), ["2021-09-25", ""]),
        (pa.array([dt.datetime(2021, 9, 25), None]), ["2021-09-25", ""]),
        (
            pa.array([dt.datetime(2021, 9, 25), dt.datetime(2021, 9, 25, 13, 5)]),
            ["2021-09-25 00:00:00", "2021-09-25 13:05:00"],
        ),
        (pa.array([dt.datetime(2021, 9, 25, 13, 5, 0, 250_000)]), ["2021-09-25 13:05:00.250000"]),
        (
            pa.array([dt.datetime(2021, 9, 25, 13, 5)], pa.timestamp("us", "Europe/Berlin")),
            ["2021-09-25 15:05:00+0200"],
        ),
        (pa.array([dt.time(13, 5)]), ["13:05:00"]),
        (pa.array([dt.timedelta(seconds=5)]), ["0:00:05"]),
        (pa.array([[1, 2], None]), ["[1, 2]", ""]),
        (pa.array([{"name": "é", "when": dt.date(2021, 9, 25)}]), ['{"name": "é", "when": "2021-09-25"}']),
        (pa.array([b"abc", None]), ["abc", ""]),
        (pa.nulls(2), ["", ""]),
    ],
)
def test_values_become_what_a_person_writes(array: pa.Array, texts: list[str]) -> None:
    assert plain_text(pa.chunked_array([array]), "column").to_pylist() == texts


def test_an_empty_column_stays_empty() -> None:
    assert written([], pa.float64()) == []
    assert written([], pa.timestamp("us")) == []


def test_bytes_that_are_no_text_are_refused_by_name() -> None:
    with pytest.raises(TableError, match="Column 'picture' holds bytes that are not text"):
        plain_text(pa.chunked_array([pa.array([b"\xff\xd8"])]), "picture")


@given(st.lists(st.floats(allow_nan=False)))
def test_a_float_reads_back_as_itself(values: list[float]) -> None:
    assert [float(text) for text in written(values, pa.float64())] == values


@given(st.lists(st.one_of(st.none(), st.text())))
def test_text_stays_as_it_is(values: list[str | None]) -> None:
    assert written(values, pa.string()) == [value or "" for value in values]
