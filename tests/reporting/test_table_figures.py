"""Pictures of a table hold the numbers that were found in it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from finetable.data.lengths import Lengths
from finetable.data.profile import Topic
from finetable.reporting.figure import Figure
from finetable.reporting.findings import Findings, TableFindings
from finetable.reporting.length_figure import text_lengths
from finetable.reporting.table_figures import MOST_LABELS, duplicates, label_counts, table_words, topics

TextsOf = Callable[[Figure], list[str]]

TABLE = TableFindings(lengths=(), labels={}, word_counts={}, rows=2_000)


def drawn(make: Callable[[Findings], Figure | None], table: TableFindings) -> Figure:
    figure = make(Findings(table=table))
    assert figure is not None
    return figure


def test_lengths_stand_beside_their_histogram(texts_of: TextsOf) -> None:
    values = np.arange(1, 1_502)
    lengths = Lengths("plot", "tokens", values, missing=499, distinct=1_500, limit=1_024)
    texts = texts_of(drawn(text_lengths, replace(TABLE, lengths=(lengths,))))
    told = ["1,501", "1,500", "24.9 %", "751.0", "433.3", "1 – 1,501", "16 – 1,486", "376 – 1,126", "751"]
    assert [text for text in texts if text in {*told, "1,024", "477"}] == [*told, "1,024", "477"]
    assert {"plot", "length in tokens", "texts", "longer", "base sees", "missing"} <= set(texts)


def test_very_long_texts_are_counted_if_not_drawn(texts_of: TextsOf) -> None:
    values = np.array([10] * 900 + [20] * 99 + [90_000])
    figure = drawn(text_lengths, replace(TABLE, lengths=(Lengths("plot", "words", values, 0, 3),)))
    assert "length in words (1 of 41 and more not drawn)" in texts_of(figure)
    assert "from 10 to 90,000" in figure.alt


def test_only_the_first_columns_have_room(texts_of: TextsOf) -> None:
    many = tuple(Lengths(f"column {place}", "words", np.array([1, 2]), 0, 2) for place in range(6))
    figure = drawn(text_lengths, replace(TABLE, lengths=many))
    assert "The first 4 of 6 columns" in figure.caption
    assert [text for text in texts_of(figure) if text.startswith("column")] == [
        f"column {place}" for place in range(4)
    ]


def test_a_column_of_blanks_has_no_lengths() -> None:
    blank = Lengths("blank", "words", np.array([], dtype=np.int64), missing=9, distinct=0)
    assert text_lengths(Findings(table=replace(TABLE, lengths=(blank,)))) is None


def test_labels_come_with_counts_and_shares(texts_of: TextsOf) -> None:
    figure = drawn(label_counts, replace(TABLE, labels={"comedy": 500, "drama": 1_500}))
    assert texts_of(figure) == ["drama", "comedy", "1,500 (75.0 %)", "500 (25.0 %)"]
    assert figure.alt == "2 labels on 2,000 rows. drama: 1,500, comedy: 500."


def test_rare_labels_are_summed(texts_of: TextsOf) -> None:
    counts = {f"label {place}": 10 for place in range(MOST_LABELS + 20)}
    texts = texts_of(drawn(label_counts, replace(TABLE, labels=counts)))
    assert "20 other labels" in texts
    assert "200 (40.0 %)" in texts
    assert texts.count("10 (2.0 %)") == MOST_LABELS


def test_frequent_words_are_the_largest(texts_of: TextsOf) -> None:
    figure = drawn(table_words, replace(TABLE, word_counts={"sea": 1_200, "moon": 30, "never": 0}))
    assert texts_of(figure) == ["sea", "moon"]
    assert "sea (1,200), moon (30)" in figure.alt


def test_topics_come_with_shares(texts_of: TextsOf) -> None:
    found = (Topic(("love", "letter"), 0.1, (2,)), Topic(("sea", "ship"), 0.25, (3,)))
    texts = texts_of(drawn(topics, replace(TABLE, topics=found)))
    assert texts == ["25.0 %", "10.0 %", "sea, ship", "love, letter"]


def test_each_row_is_counted_once(texts_of: TextsOf) -> None:
    texts = texts_of(drawn(duplicates, replace(TABLE, duplicates=100, near_duplicates=300)))
    assert texts[-3:] == ["1,600 (80.0 %)", "100 (5.0 %)", "300 (15.0 %)"]


def test_what_was_not_looked_for_is_not_drawn(texts_of: TextsOf) -> None:
    texts = texts_of(drawn(duplicates, replace(TABLE, duplicates=100)))
    assert texts[-2:] == ["1,900 (95.0 %)", "100 (5.0 %)"]
    assert duplicates(Findings(table=TABLE)) is None


@pytest.mark.parametrize("make", [text_lengths, label_counts, table_words, topics, duplicates])
def test_all_belong_to_the_table(make: Callable[[Findings], Figure | None]) -> None:
    full = replace(
        TABLE,
        lengths=(Lengths("plot", "words", np.array([1, 2]), 0, 2),),
        labels={"drama": 1},
        word_counts={"sea": 1},
        duplicates=0,
        topics=(Topic(("sea",), 1.0, (2,)),),
    )
    assert drawn(make, full).section == "table"
