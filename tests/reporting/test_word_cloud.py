"""Clouds keep the words apart, whatever their script, and come out the same each time."""

from itertools import combinations
from xml.etree.ElementTree import Element, tostring

from finetable.reporting.word_cloud import SMALLEST, PlacedWord, lay_out, write_words

WIDTH, HEIGHT = 400, 240
COUNTS = {f"word{place}": 100 - place for place in range(30)} | {
    "映画": 95, "電影": 95, "кино": 80, "हिन्दी": 75, "ภาพยนตร์": 70, "🎬": 65, "ß": 60, "$x_1$": 55, "<b>": 50,
}  # fmt: skip


def overlap(one: PlacedWord, other: PlacedWord) -> bool:
    """Whether two words meet, each with room for high and for low letters."""
    across = one.x < other.x + other.width and other.x < one.x + one.width
    tops, bottoms = [[word.baseline + part * word.size for word in (one, other)] for part in (-0.75, 0.22)]
    down = max(tops) < min(bottoms)
    return across and down


def test_words_stay_apart_and_inside() -> None:
    placed = lay_out(COUNTS, WIDTH, HEIGHT)
    assert len(placed) >= 20
    assert not [pair for pair in combinations(placed, 2) if overlap(*pair)]
    assert all(word.x >= 0 and word.x + word.width <= WIDTH and word.baseline <= HEIGHT for word in placed)


def test_every_script_stays_text() -> None:
    words = {word.word for word in lay_out(COUNTS, WIDTH, HEIGHT)}
    assert {"映画", "電影", "кино", "हिन्दी"} <= words
    assert words <= COUNTS.keys()


def test_the_more_the_larger() -> None:
    sizes = {word.word: word.size for word in lay_out({"often": 50, "seldom": 10, "once": 1}, WIDTH, HEIGHT)}
    assert sizes["often"] > sizes["seldom"] >= sizes["once"] >= SMALLEST


def test_the_same_weights_give_the_same_cloud() -> None:
    assert lay_out(COUNTS, WIDTH, HEIGHT) == lay_out(dict(reversed(COUNTS.items())), WIDTH, HEIGHT)


def test_each_word_is_as_wide_as_its_place() -> None:
    parent = Element("g")
    write_words(parent, [PlacedWord("<sea>", 10, 50, 99.5, 40)])
    assert 'x="10.0" y="50.0" textLength="99.5" lengthAdjust="spacingAndGlyphs"' in tostring(
        parent, "unicode"
    )
    assert "&lt;sea&gt;" in tostring(parent, "unicode")
