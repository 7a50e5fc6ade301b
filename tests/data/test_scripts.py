import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.data.scripts import is_in_another_script, usual_script

WRITTEN = {
    "Latin": "Đây là một câu tiếng Việt, naïve Straße",
    "Cyrillic": "Это обычное предложение на русском языке",
    "Greek": "Αυτή είναι μια πρόταση στα ελληνικά",
    "Armenian": "Սա հայերեն նախադասություն է",
    "Georgian": "ეს არის ქართული წინადადება",
    "Hebrew": "זהו משפט בעברית לדוגמה",
    "Arabic": "هذه جملة باللغة العربية",
    "Devanagari": "यह हिन्दी में एक वाक्य है और लम्बा",
    "Bengali": "এটি বাংলা ভাষায় একটি বাক্য এবং দীর্ঘ",
    "Tamil": "இது தமிழில் ஒரு வாக்கியம் மற்றும்",
    "Telugu": "ఇది తెలుగులో ఒక వాక్యం మరియు పొడవు",
    "Thai": "นี่คือประโยคภาษาไทยที่ยาว",
    "Korean": "이것은 한국어로 된 문장입니다",
    "Chinese or Japanese": "これは日本語の文です。東京の映画",
}


@pytest.mark.parametrize("script", WRITTEN)
def test_each_script_is_known_and_told_from_the_others(script: str) -> None:
    assert usual_script([WRITTEN[script]] * 9 + ["?!"]) == script
    for other, text in WRITTEN.items():
        assert is_in_another_script(text, script) == (other != script)


def test_a_mixed_column_has_no_usual_script() -> None:
    assert usual_script([WRITTEN["Latin"], WRITTEN["Greek"]]) is None
    assert usual_script(["1984", ""]) is None


def test_a_word_in_another_script_and_a_short_text_are_no_other_script() -> None:
    assert not is_in_another_script("The film Тарковский was shown in cinemas", "Latin")
    assert not is_in_another_script("映画", "Latin")


def test_half_of_the_letters_are_enough() -> None:
    assert not is_in_another_script("film film " + "кино" * 2, "Latin")
    assert is_in_another_script("film film " + "кино" * 2 + "а", "Latin")


@given(st.text(), st.sampled_from(list(WRITTEN)))
def test_no_text_raises(text: str, script: str) -> None:
    assert is_in_another_script(text, script) in (True, False)
    assert usual_script([text]) in (None, *WRITTEN)
