import random
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.columns import column_profiles
from finetable.data.folding import words
from finetable.data.profile import SuspicionKind
from finetable.data.suspicious import EXCERPT_LETTERS, excerpt_of, suspicions
from finetable.data.table import Table

MakeTable = Callable[..., Table]
PLAIN = (
    "fox moon river night letter sister train war secret island storm king café naïve “noon” it’s – Zoë 1984"
)
SIGNS = "$1,200,000 9.5/10 R&B AT&T; Q&A 3-2-1 2019-2021 @home 7:30 C-3PO"
WORDS = [*PLAIN.split(), *SIGNS.split()]

DAMAGED: dict[SuspicionKind, list[str]] = {
    "mojibake": ["the cafÃ© at the sea", "itâ€™s the king", "the king\ufffds war", "a naÃ¯ve sister"],
    "letters lost": [
        "the Pok       mon king",
        "India         s finest",
        "the king don?t go, they say",
        "she      ",
    ],
    "HTML entities": [
        "war &amp; peace",
        "the king&#39;s war",
        "&quot;noon&quot; at sea",
        "five&nbsp;islands",
    ],
    "another script": [
        "Это обычное предложение на русском языке, король",
        "これは日本語の文です。東京の映画",
    ],
    "e-mail address": ["write to the.king+war@mail.example.org today", "ask Zoë: zoe_1@example.museum"],
    "phone number": [
        "call +49 30 901820 or +1 (617) 555-0143",
        "call (617) 262-2220 now",
        "call 1-800-262-2220 now",
        "appelez le 01 42 68 53 00",
        "in London 020 7946 0958",
        "dial +914044621160 today",
    ],
}
CLEAN = (
    "ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2, pages 123-456",
    "from 1914-1918 to 2020-12-31 10:30:00, about 1.000.000 or 1,000,000,000 dollars",
    "scores 21-19 18-21 25-23 and 192.168.100.200, 3.14159265358979",
    "224 224 1024 pixels, +10.5 12.3 14.1 % over 100 200 3000, arXiv 2301.12345v2",
    "mAP@0.5, recall@10.in all, @user and user @ home, precision@k.The end",
    "R&B, AT&T; Q&A, http://example.org/?a=1&b=2;c &c; x&y; Q&Answers;",
    "part 617-262-2220-XL and 617-262-22201",
    "Really?Yes. What? so it is?",
    "    indented text.    After a sentence.\n    And a line",
    "The film that Тарковский made, in 東京",
)


def sentences(count: int, least: int = 12, most: int = 20) -> list[str]:
    draw = random.Random(1)
    return [
        " ".join([*draw.choices(WORDS, k=draw.randint(least, most)), str(place)]) for place in range(count)
    ]


def found_in(make_table: MakeTable, texts: list[str], name: str = "text") -> set[tuple[SuspicionKind, int]]:
    table = make_table(**{name: texts})
    counts = {name: np.array([len(words(text)) if text.strip() else -1 for text in texts], np.int64)}
    found = suspicions(table, column_profiles(table), counts)
    assert all(suspicion.column == name for suspicion in found)
    return {(suspicion.kind, suspicion.line) for suspicion in found}


def test_clean_texts_raise_no_alarm(make_table: MakeTable) -> None:
    assert found_in(make_table, [*sentences(500, 6, 10), *CLEAN]) == set()


@pytest.mark.parametrize(
    ("kind", "damaged"), [(kind, text) for kind, texts in DAMAGED.items() for text in texts]
)
def test_each_kind_of_damage_is_found_where_it_is(
    make_table: MakeTable, kind: SuspicionKind, damaged: str
) -> None:
    texts = sentences(300, 6, 10)
    assert found_in(make_table, [*texts, damaged, *texts]) == {(kind, 302)}


def test_lengths_far_from_the_usual_are_found(make_table: MakeTable) -> None:
    texts = [*sentences(300), "fox moon", " ".join(WORDS * 4), ""]
    assert found_in(make_table, texts) == {("very short", 302), ("very long", 303)}


@pytest.mark.parametrize("length", [1, 6, 30])
def test_uniform_columns_have_no_unusual_length(make_table: MakeTable, length: int) -> None:
    texts = [" ".join([*["fox"] * (length + place % 2), str(place)]) for place in range(300)]
    assert found_in(make_table, texts) == set()


def test_columns_of_very_different_lengths_have_no_unusual_length(make_table: MakeTable) -> None:
    draw = random.Random(1)
    texts = [" ".join(["fox"] * int(draw.lognormvariate(3, 0.8) + 1)) + f" {place}" for place in range(2000)]
    assert len(found_in(make_table, texts)) <= 10


def test_gaps_are_no_damage_where_people_leave_them(make_table: MakeTable) -> None:
    sloppy = [text.replace(" ", "  ", 1) for text in sentences(300)]
    assert found_in(make_table, [*sloppy, "miss you bby      wish you were here"]) == set()
    padded = [f"{text:<200}" for text in sentences(300)]
    assert found_in(make_table, padded) == set()


def test_another_script_is_another_than_the_columns_own(make_table: MakeTable) -> None:
    russian = [f"это обычное предложение на русском языке номер {place}" for place in range(100)]
    assert found_in(make_table, [*russian, "an English sentence in a Russian column"]) == {
        ("another script", 102)
    }
    assert found_in(make_table, [*russian, *sentences(100, 6, 8)]) == set()


def test_names_and_lists_are_searched_for_damage_only(make_table: MakeTable) -> None:
    names = [f"Zoë Moon {place}" for place in range(100)]
    assert found_in(make_table, [*names, "ZoÃ« Moon", "Juan Fern?ndez", "me@example.org 1"], "title") == {
        ("mojibake", 102),
        ("letters lost", 103),
    }
    casts = [", ".join(random.Random(place).sample(["Ann Fox", "Bo Moon", "Zoë"], 2)) for place in range(100)]
    assert found_in(make_table, [*casts, "Ann Fox, ZoÃ«"], "cast") == {("mojibake", 102)}


def test_codes_and_labels_are_not_searched(make_table: MakeTable) -> None:
    assert found_in(make_table, [f"code&amp;{place}" for place in range(100)], "id") == set()
    assert found_in(make_table, ["R&amp;B", "pop"] * 50, "genre") == set()


def test_suspicions_come_in_the_order_of_kinds(make_table: MakeTable) -> None:
    texts = [*sentences(100), *(text for texts in reversed(DAMAGED.values()) for text in texts)]
    table = make_table(text=texts)
    counts = {"text": np.array([len(words(text)) for text in texts], np.int64)}
    kinds = [suspicion.kind for suspicion in suspicions(table, column_profiles(table), counts)]
    assert kinds == sorted(kinds, key=get_args(SuspicionKind).index)


@pytest.mark.parametrize("blob", ["a" * 40_000, "a." * 20_000, "a@" * 20_000, "x" * 64 + "@" + "a" * 40_000])
def test_a_long_text_without_blanks_takes_no_longer_than_others(make_table: MakeTable, blob: str) -> None:
    """Before the pattern was bounded each of these took minutes."""
    cells = [f"a plain text of some words number {n}" for n in range(40)]
    found = found_in(make_table, [*cells, f"{blob} write to bob@example.org. Thanks"], "text")
    assert ("e-mail address", 42) in found


@given(st.text(), st.integers(0, 50), st.integers(0, 50))
def test_an_excerpt_is_short_and_on_one_line(text: str, start: int, length: int) -> None:
    excerpt = excerpt_of(text, min(start, len(text)), min(start + length, len(text)))
    assert len(excerpt) <= EXCERPT_LETTERS + 2
    assert not set(excerpt) & set("\r\n\t")


def test_an_excerpt_shows_what_was_found() -> None:
    text = "a" * 500 + "HERE" + "b" * 500
    excerpt = excerpt_of(text, 500, 504)
    assert "aHEREb" in excerpt
    assert excerpt[0] == excerpt[-1] == "…"
    assert excerpt_of("short") == "short"
    assert excerpt_of("x" * 200).endswith("x…")
    assert excerpt_of("x" * 200, 199, 200).startswith("…x")


def test_a_short_list_of_names_is_not_suspicious(make_table: MakeTable) -> None:
    draw = random.Random(5)
    casts = [", ".join(f"Ann{draw.random()} Fox" for _ in range(9)) for _ in range(100)]
    assert found_in(make_table, [*casts, "Solo"], "cast") == set()
