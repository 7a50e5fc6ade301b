import lzma
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.folding import TERM, UNSPACED
from finetable.evaluation.baselines import compressed_bits_per_byte, majority, tfidf

LABELS = ["comedy", "drama", "horror"]
WORDS = {"comedy": "laugh jokes clown", "drama": "tears family letter", "horror": "ghost scream cellar"}


def table(rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts in which one word in four tells the label."""
    draw = random.Random(seed)
    filler = ["the", "story", "of", "a", "man", "and", "his", "town", "in", "winter"]
    labels = [draw.choice(LABELS) for _ in range(rows)]
    texts = [
        " ".join(draw.choice(WORDS[label].split() if place % 4 == 0 else filler) for place in range(8))
        for label in labels
    ]
    return texts, labels


def test_majority_gives_everyone_the_most_frequent_training_label() -> None:
    figures = majority(["drama", "comedy", "drama"], ["drama", "horror", "drama", "comedy"], LABELS)
    assert figures.predicted.tolist() == [1, 1, 1, 1]
    assert figures.accuracy.value == 0.5
    assert figures.macro_f1.value == pytest.approx(2 / 3 / 3)


def test_majority_of_equally_frequent_labels_is_the_first_of_the_labels() -> None:
    assert majority(["horror", "drama"], ["drama"], LABELS).predicted.tolist() == [1]


@pytest.mark.parametrize("rows", [90, 1_500], ids=["every term", "terms of two rows"])
def test_tfidf_learns_which_words_tell_the_label(rows: int) -> None:
    (texts, labels), (test_texts, test_labels) = table(rows, 1), table(60, 2)
    figures = tfidf(texts, labels, test_texts, test_labels, LABELS)
    assert figures.accuracy.value > 0.9
    assert figures.macro_f1.value > 0.9


def test_tfidf_reads_scripts_without_spaces_between_words() -> None:
    funny, sad = "这部电影真好笑{}我们笑了很久", "这部电影真悲伤{}大家都哭了很久"
    texts = [text.format(chr(0x4E00 + number)) for number in range(700) for text in (funny, sad)]
    labels = ["comedy", "drama"] * 700
    figures = tfidf(texts, labels, ["他笑了很久", "她哭了很久"], ["comedy", "drama"], LABELS)
    assert figures.accuracy.value == 1


@given(st.text())
def test_terms_of_spaced_scripts_are_those_of_scikit_learn(text: str) -> None:
    spaced = re.sub(f"[{UNSPACED}]", " ", text)
    assert re.findall(TERM, spaced) == re.findall(r"(?u)\b\w\w+\b", spaced)


def test_tfidf_gives_the_same_figures_every_time() -> None:
    (texts, labels), (test_texts, test_labels) = table(60, 1), table(60, 2)
    noisy = labels[20:] + labels[:20]
    first, second = (tfidf(texts, noisy, test_texts, test_labels, LABELS) for _ in range(2))
    assert first.predicted.tolist() == second.predicted.tolist()
    assert (first.accuracy, first.macro_f1) == (second.accuracy, second.macro_f1)


def test_tfidf_uses_every_word_of_a_few_rows_and_judges_labels_that_training_never_had() -> None:
    train_texts, train_labels = ["they laugh", "tears flow"], ["comedy", "drama"]
    figures = tfidf(
        train_texts, train_labels, ["tears", "laugh", "boo"], ["drama", "comedy", "horror"], LABELS
    )
    assert figures.predicted[:2].tolist() == [1, 0]
    assert figures.accuracy.value == pytest.approx(2 / 3)


def test_tfidf_with_one_label_is_the_majority() -> None:
    train_labels, test_labels = ["drama", "drama"], ["drama", "horror"]
    figures = tfidf(["one text", "another text"], train_labels, ["one", "two"], test_labels, LABELS)
    assert figures.predicted.tolist() == [1, 1]
    assert figures.accuracy == majority(train_labels, test_labels, LABELS).accuracy


@pytest.mark.parametrize(
    "texts",
    [["!", "?", ""], [f"word{row}" for row in range(1_200)]],
    ids=["no words", "no word in two rows"],
)
def test_tfidf_without_terms_is_the_majority(texts: list[str]) -> None:
    labels = ["horror", "horror", "comedy"] * (len(texts) // 3)
    figures = tfidf(texts, labels, ["!", "word1"], ["horror", "comedy"], LABELS)
    assert figures.predicted.tolist() == [2, 2]


def test_random_hexadecimal_digits_cost_their_four_bits() -> None:
    draw = random.Random(1)
    train, test = ([f"{draw.getrandbits(4 * 2_000):02000x}" for _ in range(10)] for _ in range(2))
    assert 4 <= compressed_bits_per_byte(train, test) < 4.7


def test_the_compressor_knows_what_it_saw_in_training() -> None:
    draw = random.Random(1)
    texts = [f"{draw.getrandbits(4 * 2_000):02000x}" for _ in range(10)]
    assert compressed_bits_per_byte(texts, texts) < 0.1


def test_bytes_are_those_of_utf8() -> None:
    draw = random.Random(1)
    latin = "".join(draw.choice("abcdefgh") for _ in range(4_000))
    cyrillic = latin.translate({ord("a") + n: ord("а") + n for n in range(8)})
    assert compressed_bits_per_byte([], [cyrillic]) < 0.75 * compressed_bits_per_byte([], [latin])


def test_of_too_much_training_text_every_second_row_is_taken() -> None:
    draw = random.Random(1)
    told = f"{draw.getrandbits(4 * 4_000):04000x}"
    filler = "x" * 2**20
    assert compressed_bits_per_byte([filler, told] * 7, [told]) < 0.5
    assert compressed_bits_per_byte([filler, told] * 9, [told]) > 4


def test_texts_taken_one_by_one_cost_what_they_cost_together() -> None:
    train, _ = table(900, 3)
    test, _ = table(300, 4)
    read = b"".join(text.encode() + b"\0" for text in train)
    asked = b"".join(text.encode() + b"\0" for text in test)
    spent = len(lzma.compress(read + asked)) - len(lzma.compress(read))
    assert compressed_bits_per_byte(train, test) == spent * 8 / sum(map(len, test))


def test_test_texts_without_a_byte_have_no_bits_per_byte() -> None:
    with pytest.raises(AssertionError, match="not empty"):
        compressed_bits_per_byte(["text"], ["", ""])
