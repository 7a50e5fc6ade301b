"""What holds for a base from every source and of every architecture."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args
from unicodedata import normalize

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from finetable.catalog import base_of
from finetable.models.base_model import BaseModel, check_network, embedding_of, last_hidden
from finetable.models.own_words import with_own_words
from finetable.models.scratch import train_tokenizer
from finetable.models.shipped import shipped_tokenizer
from finetable.settings import SHIPPED, BaseSettings, Recipe, SourceName
from finetable.training.optimizer import MasterWeights

MakeBase = Callable[[], BaseModel]
Teach = Callable[[BaseModel, int], list[float]]

TEXTS = st.text(max_size=30) | st.lists(
    st.sampled_from(
        ["the", " ", "  ", "été", "映画", "🎬", "\n", "<|endoftext|>", "<|pad|>", "</s>", "e\u0301"]
    ),
    max_size=12,
).map("".join)


@pytest.fixture(scope="session")
def make_base(base_name: str) -> MakeBase:
    """Makes a base through the catalog."""
    size = "tiny" if base_name == "scratch" else None
    recipe = Recipe(base=BaseSettings(base=base_name, size=size), seed=3)
    tokenizer = _grown_tokenizer if base_name == SHIPPED else _tokenizer
    return lambda: base_of(recipe, tokenizer, with_separator=True)


@pytest.fixture(scope="session")
def made(make_base: MakeBase) -> BaseModel:
    """One such base, shared: not to be changed."""
    return make_base()


@cache
def _tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(lambda: ["Two friends travel to the moon.", "Un été à Paris, 映画 🎬"] * 9, "tiny")


def _grown_tokenizer() -> PreTrainedTokenizerFast:
    """The shipped base's own, which has learnt words of a table."""
    words = ("zebra", "yucca", "vodka") * 40
    return with_own_words(shipped_tokenizer(SHIPPED), lambda: words, fold_case=False)


def test_every_source_is_tried(base_folder: Callable[[str], Path]) -> None:
    names = ["scratch", SHIPPED, str(base_folder("llama"))]
    assert {BaseSettings(base=name).source for name in names} == set(get_args(SourceName))


def survives(base: BaseModel, text: str) -> bool:
    """SentencePiece's spelling can tell neither a blank at the start nor its sign for a blank."""
    return base.tokenizer.unk_token != "<unk>" or not (text.startswith(" ") or "▁" in text)


@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
def test_texts_survive_encode_and_decode(made: BaseModel, text: str) -> None:
    assume(survives(made, text))
    # Qwen's and GPT-NeoX's own tokenizers compose letters and marks (NFC) before anything else.
    normalizer = made.tokenizer.backend_tokenizer.normalizer
    wanted = text if normalizer is None else normalizer.normalize_str(text)
    assert normalize("NFC", wanted) == normalize("NFC", text)
    encoder = made.encoder()
    assert encoder.decode(encoder.answers([text])[0][:-1]) == wanted
    prompt = encoder.prompts([text])[0]
    assert encoder.decode(prompt[1:-1]) == wanted


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5))
def test_texts_are_encoded_alike_alone_and_together(made: BaseModel, texts: list[str]) -> None:
    encoder = made.encoder()
    assert encoder.answers(texts) == [encoder.answers([text])[0] for text in texts]
    assert encoder.prompts(texts) == [encoder.prompts([text])[0] for text in texts]


def test_special_tokens_are_ids_of_the_network(made: BaseModel) -> None:
    special = made.special
    ids = [special.start, special.separator, special.end, special.pad]
    rows = embedding_of(made.network).num_embeddings
    assert all(number is not None and 0 <= number < rows for number in ids)
    assert len(set(ids)) == 4
    assert len(made.tokenizer) <= rows
    assert made.context > 0
    check_network(made.network)


def test_steps_lower_the_loss(make_base: MakeBase, teach: Teach) -> None:
    losses = teach(make_base(), 12)
    assert losses[-1] < losses[0] / 2


def test_the_same_call_gives_the_same_base(make_base: MakeBase) -> None:
    one, two = make_base(), make_base()
    assert one.tokenizer.backend_tokenizer.to_str() == two.tokenizer.backend_tokenizer.to_str()
    weights = two.network.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in one.network.state_dict().items())


def test_a_trained_base_is_the_same_to_plain_transformers(
    make_base: MakeBase, teach: Teach, save: Callable[[BaseModel, Path], Path], tmp_path: Path
) -> None:
    base = make_base()
    teach(base, 2)
    folder = save(base, tmp_path / "model")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    assert not [file for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".pkl", ".py")]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder)
    spelled = f"{tokenizer.bos_token}the sea, un été<|separator|>A film.{tokenizer.eos_token}"
    ids = tokenizer(spelled, add_special_tokens=False, return_tensors="pt")["input_ids"]
    encoder = base.encoder()
    assert ids[0].tolist() == [*encoder.prompts(["the sea, un été"])[0], *encoder.answers(["A film."])[0]]
    with torch.inference_mode():
        assert torch.equal(network(ids).logits, base.network.eval()(ids).logits)


def test_it_computes_in_bf16_and_comes_back_whole(make_base: MakeBase) -> None:
    base = make_base()
    before = {name: weight.clone() for name, weight in base.network.state_dict().items()}
    masters = MasterWeights(base.network, torch.bfloat16)
    ids = torch.tensor(base.encoder().answers(["Two friends travel to the moon."]))
    hidden = last_hidden(base.network, embedding_of(base.network)(ids))
    assert hidden.dtype == torch.bfloat16
    hidden.float().square().mean().backward()
    assert masters.gradient_norm() > 0
    masters.widen()
    after = base.network.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
