import random
from math import log1p
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data import copies
from finetable.data.copies import Copy, CopyIndex, words
from finetable.data.folding import fold
from finetable.errors import ModelFolderError

few_words = st.lists(st.sampled_from(["a", "b", "A!", "c", "it's"]), max_size=10).map(" ".join)


def slow_longest_run(training: list[str], text: str) -> tuple[int, int, int]:
    asked, rows = words(text), [words(row) for row in training]
    for length in range(len(asked), 0, -1):
        for start in range(len(asked) - length + 1):
            run = asked[start : start + length]
            for row, read in enumerate(rows):
                if any(read[i : i + length] == run for i in range(len(read) - length + 1)):
                    return length, row, start
    return 0, -1, 0


def ngrams(text: str) -> set[tuple[str, ...]]:
    read = words(text)
    return {tuple(read[i : i + copies.NGRAM_WORDS]) for i in range(len(read) - copies.NGRAM_WORDS + 1)}


def slow_weights(training: list[str], text: str) -> list[float]:
    """How much each row shares of the text's n-grams."""
    held = [ngrams(row) for row in training]
    return [
        sum(log1p(len(held) / sum(gram in other for other in held)) for gram in ngrams(text) & row)
        for row in held
    ]


def check(training: list[str], text: str, found: Copy) -> None:
    assert (found.words, found.row, found.start) == slow_longest_run(training, text)
    equal = [row for row, other in enumerate(training) if text.strip() and fold(other) == fold(text)]
    assert found.whole == bool(equal)
    weights = slow_weights(training, text)
    if equal:
        assert found.nearest_row == equal[0]
    elif found.words == len(words(text)) or not any(weights):
        assert found.nearest_row == found.row
    else:
        best = [row for row, weight in enumerate(weights) if weight > max(weights) - 1e-9]
        assert found.nearest_row in best
        held = [ngrams(training[row]) & ngrams(text) for row in best]
        assert held.index(held[best.index(found.nearest_row)]) == best.index(found.nearest_row)


@settings(deadline=None)
@given(st.lists(few_words, max_size=8), st.lists(few_words, max_size=5))
def test_copies_are_those_of_comparing_every_run(training: list[str], texts: list[str]) -> None:
    found = CopyIndex.build(iter(training)).look_up(texts)
    assert len(found) == len(texts)
    for text, copy in zip(texts, found, strict=True):
        check(training, text, copy)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_longer_texts_too(draw: random.Random) -> None:
    training = [" ".join(draw.choices("abcdefgh", k=draw.randint(0, 40))) for _ in range(15)]
    text = " ".join(draw.choices("abcdefghx", k=30))
    for asked in (text, training[draw.randrange(15)], training[3] + " x " + training[7]):
        [found] = CopyIndex.build(training).look_up([asked])
        check(training, asked, found)


def test_five_hundred_planted_copies_are_found() -> None:
    draw = random.Random(11)
    vocabulary = [f"word{i}" for i in range(3000)]
    training = [" ".join(draw.choices(vocabulary, k=draw.randint(60, 120))) for _ in range(2000)]
    texts, planted = [], []
    for _ in range(500):
        row, length = draw.randrange(len(training)), draw.randint(8, 40)
        read = training[row].split()
        first, before = draw.randint(0, len(read) - length), draw.randint(1, 20)
        run = " ".join(read[first : first + length])
        fillers = [
            " ".join(f"new{draw.randrange(99)}" for _ in range(k)) for k in (before, draw.randint(1, 20))
        ]
        texts.append(f"{fillers[0]}, “{run.upper()}”? {fillers[1]}")
        planted.append(Copy(words=length, row=row, start=before, nearest_row=row, whole=False))
    assert CopyIndex.build(training).look_up(texts) == planted


def test_a_run_does_not_cross_from_one_text_into_the_next() -> None:
    [found] = CopyIndex.build(["one two three", "four five six"]).look_up(["two three four five"])
    assert (found.words, found.row, found.start) == (2, 0, 0)


def test_equal_texts_are_whole_copies_of_the_first_of_them() -> None:
    index = CopyIndex.build(["It was, a dark night and all", "A dark night!", "a dark night"])
    assert index.look_up(["A DARK NIGHT"]) == [Copy(words=3, row=0, start=0, nearest_row=1, whole=True)]


def test_the_first_of_very_many_equal_texts_is_named() -> None:
    training = [f"{('one', 'two', 'three')[row % 3]} film" for row in range(3000)]
    found = CopyIndex.build(training).look_up(["Two film!", "three film", "one film"])
    assert [(copy.row, copy.nearest_row) for copy in found] == [(1, 1), (2, 2), (0, 0)]


def test_equality_needs_no_equal_words() -> None:
    [found] = CopyIndex.build(["nothing", "foot-ball"]).look_up(["football"])
    assert found == Copy(words=0, row=-1, start=0, nearest_row=1, whole=True)


def test_a_text_that_shares_nothing() -> None:
    nothing = Copy(words=0, row=-1, start=0, nearest_row=-1, whole=False)
    assert CopyIndex.build(["one two", "", " "]).look_up(["three four", "", " ", "?"]) == [nothing] * 4
    assert CopyIndex.build([]).look_up(["one two three four"]) == [nothing]
    assert CopyIndex.build(["one"]).look_up([]) == []


def test_a_row_that_holds_the_whole_text_is_nearer_than_one_with_all_its_ngrams() -> None:
    [found] = CopyIndex.build(["b c d and a b c", "so a b c d"]).look_up(["a b c d"])
    assert found == Copy(words=4, row=1, start=0, nearest_row=1, whole=False)


def test_the_rarest_ngrams_decide_which_row_is_nearest() -> None:
    common = [f"this is a film about the number{i}" for i in range(30)]
    rare = "two brothers inherit a lighthouse"
    [found] = CopyIndex.build([*common, rare]).look_up(["this is a story: two brothers inherit little"])
    assert (found.words, found.nearest_row) == (3, 30)


def test_an_ngram_that_a_row_holds_several_times_counts_once() -> None:
    [found] = CopyIndex.build(["d e f", "a b c z a b c z a b c"]).look_up(["a b c x d e f"])
    assert (found.words, found.row, found.start, found.nearest_row) == (3, 1, 0, 0)


def test_a_long_copy_of_one_of_two_nearly_equal_texts(tmp_path: Path) -> None:
    first = [f"word{i % 90}" for i in range(400)]
    second = [*first[:300], "other", *first[301:]]
    training = ["word5 word7", " ".join(second), " ".join(first), " ".join(first)]
    CopyIndex.build(training).save(tmp_path / "copies")
    asked = f"new {' '.join(first[20:390])} word7"
    [found] = CopyIndex.load(tmp_path / "copies").look_up([asked])
    check(training, asked, found)
    assert (found.words, found.row, found.start) == (370, 2, 1)


def test_ngrams_that_stand_in_very_many_places_do_not_decide() -> None:
    opening = " ".join(f"opening{i}" for i in range(20))
    training = [opening] * (copies.COMMON + 1) + ["there was a king"]
    [found] = CopyIndex.build(training).look_up([f"{opening} there was a queen"])
    assert (found.words, found.row, found.nearest_row) == (20, 0, copies.COMMON + 1)
    [found] = CopyIndex.build(training[1:]).look_up([f"{opening} there was a queen"])
    assert (found.words, found.row, found.nearest_row) == (20, 0, 0)


def test_more_texts_than_are_looked_up_at_once() -> None:
    training = [f"row{i} holds number{i} and word{i}" for i in range(2300)]
    found = CopyIndex.build(training).look_up([f"here number{i} and word{i}" for i in range(2300)])
    assert [copy.row for copy in found] == list(range(2300))
    assert {(copy.words, copy.start) for copy in found} == {(3, 1)}


@pytest.mark.parametrize("training", [[], ["", "!"], ["It’s naïve", "我爱你", "a b c d", "हिन्दी में"]])
def test_a_saved_index_answers_the_same(training: list[str], tmp_path: Path) -> None:
    built = CopyIndex.build(training)
    built.save(tmp_path / "copies")
    asked = ["it's naive, or naïve?", "我爱", "b c", "हिन्दी", ""]
    assert CopyIndex.load(tmp_path / "copies").look_up(asked) == built.look_up(asked)


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError):
        CopyIndex.build(["a b"]).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_same_texts_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        CopyIndex.build(["b a c", "a b"]).save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all(
        (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files
    )


def damage_by_removing(folder: Path) -> None:
    (folder / "suffixes.npy").unlink()


def damage_by_emptying(folder: Path) -> None:
    (folder / "symbols.npy").write_bytes(b"")


def damage_by_cutting(folder: Path) -> None:
    (folder / "hashes.npy").write_bytes((folder / "hashes.npy").read_bytes()[:-3])


def damage_by_pickling(folder: Path) -> None:
    np.save(folder / "starts.npy", np.array([{}], dtype=object), allow_pickle=True)
    (folder / "starts.npy").replace(folder / "text_starts.npy")


def damage_by_another_type(folder: Path) -> None:
    np.save(folder / "suffixes.npy", np.zeros(6, dtype=np.float64))


def damage_by_another_index(folder: Path) -> None:
    (folder / "vocabulary.txt").write_text("one\ntwo\n")


@pytest.mark.parametrize(
    "damage",
    [
        damage_by_removing,
        damage_by_emptying,
        damage_by_cutting,
        damage_by_pickling,
        damage_by_another_type,
        damage_by_another_index,
    ],
)
def test_a_damaged_index_is_an_error_that_names_the_folder(damage: object, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    CopyIndex.build(["one two three", "two three four"]).save(folder)
    assert callable(damage)
    damage(folder)
    with pytest.raises(
        ModelFolderError, match=r"index of training texts in .*copies .*train the model again"
    ):
        CopyIndex.load(folder)
