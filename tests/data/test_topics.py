import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data import topics
from finetable.data.profile import Topic
from finetable.data.topics import FEWEST_TEXTS, MOST_TEXTS, topics_of, word_counts

LISTED = {
    "sea": "ship captain harbour sailor island storm wreck pirate anchor whale reef mast",
    "court": "judge lawyer trial witness verdict jury crime murder prison appeal guilty oath",
    "kitchen": "chef recipe oven bread spice restaurant waiter soup butter dinner menu salt",
    "space": "planet rocket orbit alien star galaxy crew engine signal moon comet gravity",
}
NONSENSE = "nonsense"
SUBJECTS = {name: words.split() for name, words in LISTED.items()}


def stories(count: int) -> tuple[list[str], list[str]]:
    """Texts and their subjects: two thirds have none, so that no word is too frequent; some half of one."""
    draw = random.Random(3)
    nonsense = ["".join(draw.choices("bcdfgaeiou", k=7)) for _ in range(400)]
    texts, names = [], []
    for place in range(count):
        name = draw.choice(list(SUBJECTS))
        told = {0: 12, 1: 0, 2: 0, 3: 7, 4: 0, 5: 0}[place % 6]
        words = draw.choices(SUBJECTS[name], k=told) + draw.choices(nonsense, k=12 - told)
        texts.append(f"The {' and the '.join(words)}.")
        names.append({12: name, 7: "half a story", 0: NONSENSE}[told])
    return texts, names


def subjects_of(topic: Topic) -> set[str]:
    return {name for name in SUBJECTS if set(topic.words) & set(SUBJECTS[name])} or {NONSENSE}


def test_the_subjects_of_a_table_come_out_as_topics() -> None:
    texts, names = stories(3000)
    topics, rows = topics_of(texts, np.arange(3000) + 2)
    assert rows == 3000
    # The search for topics ends in a local optimum: two subjects may share one, but no subject is cut up.
    assert (
        len(
            [topic for topic in topics if len(subjects_of(topic)) == 1 and NONSENSE not in subjects_of(topic)]
        )
        >= 2
    )
    assert set().union(*map(subjects_of, topics)) == {*SUBJECTS, NONSENSE}
    for topic in topics:
        assert {names[line - 2] for line in topic.lines} <= subjects_of(topic)
    assert sum(topic.share for topic in topics) == pytest.approx(1)
    assert [topic.share for topic in topics] == sorted((topic.share for topic in topics), reverse=True)


def test_topics_are_the_same_each_time() -> None:
    texts, _ = stories(600)
    topics, _ = topics_of(texts, np.arange(600))
    assert topics
    assert topics == topics_of(texts, np.arange(600))[0]


def test_a_small_table_and_a_table_that_says_nothing_have_no_topics() -> None:
    texts, _ = stories(FEWEST_TEXTS - 1)
    assert topics_of(texts, np.arange(len(texts))) == ((), 0)
    assert topics_of(["of the and"] * 500, np.arange(500)) == ((), 0)
    assert topics_of(["good"] * 500, np.arange(500)) == ((), 0)


def test_topics_of_a_large_table_are_found_in_an_even_part_of_it() -> None:
    texts, _ = stories(MOST_TEXTS + 1000)
    lines = np.arange(len(texts))
    topics, rows = topics_of(texts, lines)
    assert rows == MOST_TEXTS
    assert sum(topic.share for topic in topics if NONSENSE not in subjects_of(topic)) == pytest.approx(
        1 / 3, abs=0.03
    )


def test_counted_are_words_that_tell_something() -> None:
    texts = [
        "The harbour's ship is 1984 old, isn't it",
        "A ship and a Ship",
        "b2b ok",
        *["quite other"] * 2,
        *"abcdefgh",
    ]
    counts = word_counts(texts)
    assert counts == {"ship": 3, "quite": 2, "harbour": 1, "old": 1}
    assert next(iter(counts)) == "ship"


def test_words_in_more_than_a_fifth_of_the_texts_are_not_counted() -> None:
    texts = [f"film {word}" for word in ("moon", "star") for _ in range(10)] + ["film"] * 79 + ["comet " * 40]
    assert word_counts(texts) == {"comet": 40, "moon": 10, "star": 10}
    assert word_counts(texts, most=2) == {"comet": 40, "moon": 10}


def test_words_counted_in_pieces_are_those_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"comet moon star{n % 3} planet{n}" for n in range(30)] + ["film"] * 200
    together = word_counts(texts)
    assert together
    monkeypatch.setattr(topics, "_TEXTS_COUNTED_AT_ONCE", 4)
    assert word_counts(iter(texts)) == together


@given(st.lists(st.text(), max_size=8))
def test_no_text_stops_the_counting(texts: list[str]) -> None:
    counts = word_counts(texts)
    assert all(len(word) >= 3 and word.isalpha() for word in counts)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert Counter(counts).total() <= sum(len(text) for text in texts)
