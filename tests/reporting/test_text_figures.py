"""Pictures of written texts: both sides are counted alike."""

from collections.abc import Callable

from finetable.data.copies import COPIED_RUN, Copy
from finetable.evaluation.diversity import distinct_n, self_bleu
from finetable.reporting.figure import Figure
from finetable.reporting.findings import Findings, TextFindings
from finetable.reporting.text_figures import copied_words, variety, word_use, written_lengths, written_words

TextsOf = Callable[[Figure], list[str]]


def copy_of(words: int) -> Copy:
    return Copy(words=words, row=0, start=0, nearest_row=0, whole=False)


WRITTEN = ["the sea the sea the moon"] * 30
REAL = [f"a quiet town number {place} waits for the rain and the train" for place in range(30)]
TEXT = TextFindings(
    written=WRITTEN,
    real=REAL,
    written_copies=[copy_of(words) for words in (2, 4, COPIED_RUN, 30)],
    real_copies=[copy_of(words) for words in (1, 2, 3, COPIED_RUN - 1)],
)


def drawn(make: Callable[[Findings], Figure | None], text: TextFindings = TEXT) -> Figure:
    figure = make(Findings(text=text))
    assert figure is not None
    return figure


def test_lengths_are_in_words(texts_of: TextsOf) -> None:
    figure = drawn(written_lengths)
    assert figure.alt == "Median 6 words in written texts, 12 in real ones."
    assert {"written", "real", "texts"} <= set(texts_of(figure))


def test_copies_are_counted_from_the_limit_on(texts_of: TextsOf) -> None:
    figure = drawn(copied_words)
    assert "copies are 50.0 % of written and 0.0 % of real texts" in figure.alt
    assert figure.alt.startswith("Median copied run 8 words in written texts, 2.5 in real ones")
    assert f"{COPIED_RUN} words: a copy" in texts_of(figure)


def test_telling_words_stand_on_their_side(texts_of: TextsOf) -> None:
    figure = drawn(word_use)
    over, under = figure.alt.split(" Too seldom: ")
    assert over.startswith("Too often: sea (z +")
    assert "town (z -" in under
    assert "60 : 0" in texts_of(figure)
    assert "0 : 30" in texts_of(figure)


def test_clouds_hold_the_telling_words(texts_of: TextsOf) -> None:
    texts = texts_of(drawn(written_words))
    border = texts.index("real")
    assert texts[0] == "written"
    assert "sea" in texts[:border]
    assert "town" in texts[border:]


def test_texts_alike_have_no_telling_words() -> None:
    alike = TextFindings(REAL, REAL, [], [])
    assert written_words(Findings(text=alike)) is None
    assert word_use(Findings(text=alike)) is None


def test_variety_is_compared_on_as_much_text(texts_of: TextsOf) -> None:
    longer = TextFindings(WRITTEN, REAL * 3, [], [])
    figure = drawn(variety, longer)
    same = 6 * len(WRITTEN)
    assert f"counted in {same} words" in figure.caption
    for n in (1, 2, 3, 4):
        shares = [distinct_n(texts, n, same) for texts in (WRITTEN, REAL * 3)]
        assert f"distinct-{n}: written {100 * shares[0]:.1f} %, real {100 * shares[1]:.1f} %" in figure.alt
    assert f"self-BLEU: written 100.0 %, real {100 * self_bleu(REAL):.1f} %." in figure.alt
    assert "100 %" in texts_of(figure)
