"""Contestants as a person spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError

MODELS = st.text(
    st.characters(exclude_characters="=", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: not name.endswith("@") and name != "scratch")


@given(
    model=MODELS,
    k=st.integers(0, 1000),
    pick=st.sampled_from(["random", "balanced", "nearest"]),
    order=st.sampled_from(["best-last", "best-first", "shuffled"]),
    url=st.none() | st.sampled_from(["https://example.org/v1", "http://127.0.0.1:8000/v1"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_what_is_spelled_is_what_is_set(
    model: str, k: int, pick: str, order: str, url: str | None, seed: int
) -> None:
    words = f"k={k},pick={pick},order={order},seed={seed}" + (f",url={url}" if url else "")
    settings = FewShotSettings.parsed(f"{model}@{words}")
    found = (settings.model, settings.k, settings.pick, settings.order, settings.url, settings.seed)
    assert found == (model, k, pick, order, url, seed)


@given(st.text(max_size=40))
def test_any_text_is_settings_or_a_sentence(text: str) -> None:
    try:
        settings = FewShotSettings.parsed(text)
    except RecipeError:
        return
    assert text.startswith(settings.model)
    assert settings.model


def test_a_model_alone_has_the_usual_settings() -> None:
    assert FewShotSettings.parsed("distilgpt2") == FewShotSettings(model="distilgpt2")
    assert FewShotSettings.parsed("./a@b/c@").model == "./a@b/c"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("m@kk=3", "Did you mean k?"),
        ("m@pik=random", "Did you mean pick?"),
        ("m@k=3,nearest", "There are budget"),
        ("m@model=x", "no option 'model'"),
        ("m@k=three", "k must be a whole number"),
        ("m@k=-1", "k must be greater"),
        ("m@pick=nearst", "'random', 'balanced' or 'nearest'"),
        ("m@k=3,k=4", "says k twice"),
        ("@k=3", "Name a model"),
        ("", "Name a model"),
        ("scratch@k=3", "scratch"),
        ("m@url=ftp://example.org", "no address"),
        ("m@url=https://me:secret@example.org/v1", "OPENAI_API_KEY"),
        ("m@url=https://example.org/v1,by=embedding", "by=tfidf"),
        ("m@budget=1", "costs nothing"),
        ("m@url=https://example.org/v1,budget=nan", "finite"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        FewShotSettings.parsed(text)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80/v1", True),
        ("https://localhost.example.org/v1", False),
        ("https://example.org/127.0.0.1", False),
    ],
)
def test_which_addresses_are_this_machine(url: str, here: bool) -> None:
    assert FewShotSettings.parsed(f"m@url={url}").is_on_this_machine == here
    assert FewShotSettings.parsed("m").is_on_this_machine
