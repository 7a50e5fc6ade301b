"""The model card: metadata that the hub reads, figures, recipe, and a true prompt."""

import tomllib

import yaml
from huggingface_hub.repocard_data import model_index_to_eval_results

from finetable.model_folder import Record
from finetable.reporting.model_card import model_card
from finetable.settings import Recipe

FIGURES = {
    "task": "write",
    "rows": 5,
    "best": "model",
    "bits_per_byte": 2.0,
    "bits_per_byte_low": 1.9,
    "bits_per_byte_high": 2.1,
    "perplexity": 9.0,
    "perplexity_low": 8.0,
    "perplexity_high": 10.0,
    "cross_entropy_nats": 2.2,
    "copying": False,
    "written_rows": 100,
    "copied_share": 0.0,
    "copied_share_low": 0.0,
    "copied_share_high": 0.04,
    "copied_share_real": 0.0,
    "copied_share_real_low": 0.0,
    "copied_share_real_high": 0.04,
    "copied_words_median": 2,
    "copied_words_median_real": 2,
    "baselines": {"xz": {"bits_per_byte": 2.5}},
}


def card(**options: object) -> str:
    record = Record(
        recipe=Recipe.of(**options),
        table_name="films.csv",
        table_fingerprint="0",
        table_format="CSV",
        splits={"train": 40, "validation": 5, "test": 5},
        parameters=1234567,
        figures=FIGURES,
    )
    return model_card(record)


def test_a_model_of_the_base_that_comes_with_finetable_names_its_sources() -> None:
    assert "[BASE.md](BASE.md)" in card(write="plot")
    assert "BASE.md" not in card(write="plot", base="scratch")


def test_card_has_metadata_figures_and_prompt() -> None:
    text = card(write="plot", given=("genre", "title"))
    head = text.split("---\n")[1]
    assert "library_name: transformers" in head
    assert "base_model" not in head
    assert "2.000 [1.900, 2.100]" in text
    assert "1,234,567 parameters" in text
    assert "genre: {genre}\\ntitle: {title}" in text
    assert tomllib.loads('x = "genre: {genre}\\ntitle: {title}"')["x"].count("\n") == 1


def test_a_hub_base_is_named_in_the_metadata() -> None:
    assert "base_model: distilgpt2\n" in card(write="plot", base="distilgpt2").split("---\n")[1]


def test_the_metadata_is_the_hubs_and_holds_the_figures() -> None:
    parsed = yaml.safe_load(card(write="plot", base="distilgpt2").split("---\n")[1])
    assert parsed["pipeline_tag"] == "text-generation"
    results = model_index_to_eval_results(parsed["model-index"])[1]
    assert {result.metric_type: result.metric_value for result in results} == {
        "bits_per_byte": 2.0,
        "perplexity": 9.0,
        "copied_share": 0.0,
    }
    assert results[0].dataset_name == "films.csv, rows set aside for testing"


def test_names_of_columns_are_neither_markup_nor_broken_metadata() -> None:
    evil = "a`b<img src=x>\u2028--- \x7f\nplot"
    text = card(write=evil, given=("x`y",))
    assert yaml.safe_load(text.split("---\n")[1])["model-index"][0]["name"].startswith("write a`b")
    assert "<img" not in text.split("## The recipe")[0].split("---\n", 2)[2]
    assert "`{x'y}`" in text
