import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from finetable.data.profile import Profile
from finetable.data.profiling import profile_table
from finetable.data.table import Table
from finetable.errors import ColumnError

MakeTable = Callable[..., Table]
SYLLABLES = [
    "ba",
    "ke",
    "li",
    "mo",
    "nu",
    "ra",
    "sé",
    "ti",
    "vo",
    "za",
    "chi",
    "dro",
    "fen",
    "gul",
    "pra",
    "ston",
]
GENRES = ["drama", "comedy", "horror"]
CLEAN = 1000


def made_up_words(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 3))) for _ in range(count)]


def stories(count: int) -> list[str]:
    draw = random.Random(7)
    known = made_up_words(1, 800)
    return [" ".join(draw.choices(known, k=draw.randint(30, 44))).capitalize() + "." for _ in range(count)]


class Planted:
    """A table of clean rows with faults after them, and the lines on which each fault stands."""

    def __init__(self, make_table: MakeTable) -> None:
        texts = stories(CLEAN)
        genres = [GENRES[row % 3] for row in range(CLEAN)]
        self.lines: dict[str, list[int]] = {}
        faults = {
            "duplicate": [text.upper() for text in texts[:30]],
            "near": [text.replace(text.split()[20], "kelimo", 1) for text in texts[100:150]],
            "conflict": texts[200:220],
            "mojibake": [f"{text} é".encode().decode("cp1252") for text in texts[300:310]],
            "very long": [
                " ".join([texts[row] for row in range(400, 405)]) + f" {copy}" for copy in range(5)
            ],
        }
        for kind, planted in faults.items():
            self.lines[kind] = [len(texts) + 2 + place for place in range(len(planted))]
            labels = genres[200:220] if kind == "conflict" else []
            genres += [GENRES[(GENRES.index(label) + 1) % 3] for label in labels] or ["drama"] * len(planted)
            texts = [*texts, *planted]
        self.table = make_table(synopsis=texts, genre=genres, nothing=[""] * len(texts))

    def profile(self) -> Profile:
        return profile_table(self.table, "genre", ["synopsis"], "label")


def test_planted_faults_are_found_and_clean_rows_are_not_accused(make_table: MakeTable) -> None:
    planted = Planted(make_table)
    found = planted.profile()
    lines = planted.lines
    assert [pair.line for pair in found.duplicates] == [*lines["duplicate"], *lines["conflict"]]
    assert [pair.other_line for pair in found.duplicates] == [*range(2, 32), *range(202, 222)]
    near = {pair.line: pair.other_line for pair in found.near_duplicates}
    assert {line: near.get(line) for line in lines["near"]} == dict(
        zip(lines["near"], range(102, 152), strict=True)
    )
    assert {conflict.lines for conflict in found.conflicts} >= set(
        zip(range(202, 222), lines["conflict"], strict=True)
    )
    by_kind = {
        kind: [s.line for s in found.suspicions if s.kind == kind] for kind in ("mojibake", "very long")
    }
    assert by_kind["mojibake"] == lines["mojibake"]
    assert set(by_kind["very long"]) >= set(lines["very long"])
    accused = {s.line for s in found.suspicions} | set(near) | {pair.line for pair in found.duplicates}
    assert len([line for line in accused if line < CLEAN + 2]) <= 0.02 * CLEAN


def test_a_label_table_is_compared_by_its_prompt(make_table: MakeTable) -> None:
    table = make_table(
        title=["", "Moon", "Moon", "Fox", " ", "Sea"],
        synopsis=["", "a story", "A STORY", "a story", "", "a story"],
        genre=["war", "war", "drama ", "war", "drama", " "],
    )
    found = profile_table(table, "genre", ["title", "synopsis"], "label")
    assert (found.text, found.label) == ("title, synopsis", "genre")
    assert [(pair.line, pair.other_line) for pair in found.duplicates] == [(4, 3)]
    assert [(conflict.lines, conflict.labels) for conflict in found.conflicts] == [((3, 4), ("war", "drama"))]
    assert [*found.labels.items()] == [("war", 3), ("drama", 2)]
    assert {column.name: column.role for column in found.columns} == {
        "title": "given",
        "synopsis": "given",
        "genre": "label",
    }


def test_a_writers_table_is_compared_by_its_target_and_has_no_label(make_table: MakeTable) -> None:
    table = make_table(title=["Moon", "Fox", "moon"], genre=["war", "drama", "war"])
    found = profile_table(table, "title", ["genre"], "write")
    assert (found.text, found.label, found.labels, found.conflicts) == ("title", None, {}, ())
    assert [(pair.line, pair.other_line) for pair in found.duplicates] == [(4, 2)]
    assert (found.lengths[0].column, found.lengths[0].unit) == ("title", "words")


def test_without_a_job_text_and_label_are_guessed(make_table: MakeTable) -> None:
    texts = stories(60)
    table = make_table(
        code=[f"c{row}" for row in range(120)], synopsis=texts * 2, genre=["war"] * 60 + ["drama"] * 60
    )
    found = profile_table(table, None, [], None)
    assert (found.text, found.label) == ("synopsis", "genre")
    assert (len(found.duplicates), len(found.conflicts), found.labels) == (60, 60, {"war": 60, "drama": 60})


def test_a_table_without_text_has_nothing_to_compare(make_table: MakeTable) -> None:
    found = profile_table(make_table(year=["1984", "1984", "2001"]), None, [], None)
    assert (found.text, found.duplicates, found.lengths, found.word_counts) == ("", (), (), {})


def test_lengths_are_of_all_cells_that_are_not_blank(make_table: MakeTable) -> None:
    texts = [
        "one two three four five six",
        "One two, three four five six!",
        "it's one two three four",
        "",
        " ",
    ]
    found = profile_table(make_table(text=texts), "text", [], "write")
    (lengths,) = found.lengths
    assert lengths.values.tolist() == [6, 6, 5]
    assert (lengths.missing, lengths.distinct) == (2, 2)
    assert found.columns[0].median_words == 6


def test_a_large_table_has_topics_and_words(make_table: MakeTable) -> None:
    found = Planted(make_table).profile()
    assert found.topics
    assert found.topic_rows == CLEAN + 115
    assert Counter(found.word_counts).total() > 1000


def test_what_was_read_and_set_aside_is_kept(make_table: MakeTable) -> None:
    table = make_table(text=["a", "b", ""])
    table = table.select(np.array([True, True, False]), "it is blank")
    found = profile_table(table, None, [], None)
    assert (found.name, found.rows, found.set_aside) == ("films.csv", 2, table.set_aside)
    assert found.format == table.format.describe()


def test_a_column_that_is_not_there_is_named(make_table: MakeTable) -> None:
    table = make_table(text=["a", "b"])
    with pytest.raises(ColumnError, match="no column 'txt'"):
        profile_table(table, "text", ["txt"], "write")
    with pytest.raises(ColumnError, match="no column 'label'"):
        profile_table(table, "label", ["text"], "label")
