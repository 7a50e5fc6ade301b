import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.mojibake import find_mojibake

CLEAN = (
    "L’été à Paris : « Où êtes-vous ? », dit-elle… Ça va très bien, naïve et sûre.",
    "« À bientôt »\u00a0! Voilà\u00a0» C’était déjà\u00a0«\u00a0fini\u00a0»",
    "Tôi đã… không biết; anh ấy nói “đã”. Ở Việt Nam, người ta ăn phở ngon lắm.",
    "Það er gott að sjá þig, sagði hún. Ísland er fallegt land á veturna.",
    "NÃO É “MAÇÔ. A AÇÃO”: ação, maçã – irmã… SÃ”",
    "Der Spaß“ sagte er: „Straße–Weiß“. Größe, Fuß–Ball, GRÖẞE.",
    "Øl, Åse og Ærø…” ÅÄÖ – smörgåsbord, Å°",
    "2×³ and 3 ×¼, σß² ± 1 µm, 20 °C, ÷, £5, €9, ½",
    "Привет, мир… “Ещё” – ёлка",
    "Ünlü Türk şairi, İstanbul’da “doğdu”.",
    "映画「東京」…",
    "fixé à\u00a0€5, kostar í\u00a0€5",
)
SPOKEN = (
    "L’été",
    "Pokémon",
    "it’s",
    "“Quoted”",
    "naïve",
    "señor",
    "Größe",
    "são",
    "el niño – y más",
    "¿Qué?",
    "Ötzi",
)
BEYOND = ("Привет", "Ελλάδα", "東京", "🎬", "ação", "Łódź", "žena", "שלום", "مرحبا", "Việt")


@pytest.mark.parametrize("text", CLEAN)
def test_well_spelled_text_is_left_alone(text: str) -> None:
    assert find_mojibake(text) is None


@pytest.mark.parametrize("text", [*SPOKEN, *BEYOND])
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_utf8_read_as_something_else_is_found(text: str, wrong: str) -> None:
    read = f"He said {text} and left.".encode().decode(wrong, "replace")
    span = find_mojibake(read)
    assert span is not None
    assert not read[slice(*span)].isascii()


@pytest.mark.parametrize(
    "text", ["caf\ufffd", "â€Quoted", "read as Mac Roman: it‚Äôs", "Ã©tÃ©", "vocï¿½ que"]
)
def test_other_remains_are_found(text: str) -> None:
    assert find_mojibake(text) is not None


@given(st.text())
def test_what_is_found_is_in_the_text(text: str) -> None:
    span = find_mojibake(text)
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)


@given(st.text(alphabet=st.sampled_from("éèàçñöüÀÉ")), st.text(alphabet=st.characters(max_codepoint=127)))
def test_mojibake_of_mojibake_is_found_and_its_source_is_not(accented: str, plain: str) -> None:
    text = plain + accented
    assert find_mojibake(text) is None
    if accented:
        assert find_mojibake(text.encode().decode("latin-1").encode().decode("latin-1")) is not None
