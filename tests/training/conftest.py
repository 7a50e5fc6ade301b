"""A network of a few thousand weights, rows to train it on, and a trainer: all of them the real thing."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from finetable.data.examples import Example
from finetable.data.tokens import TokenizedRows, tokenize
from finetable.models.base_model import BaseModel, special_tokens_of
from finetable.models.scratch import train_tokenizer
from finetable.training.plan import Plan
from finetable.training.trainer import Trainer

GENRES = ("drama", "comedy", "western")
WORDS = ("a", "man", "and", "his", "dog", "cross", "the", "river", "to", "find", "old", "gold", "at", "last")
TRAINING = [
    Example(100 + n, f"{GENRES[n % 3]} {n}", " ".join(WORDS[n % 5 : n % 5 + 1 + n * 7 % 11]))
    for n in range(40)
]
VALIDATION = [Example(900 + n, GENRES[n % 3], " ".join(WORDS[n : n + 4])) for n in range(9)]


def small_base(kind: str = "llama", seed: int = 0) -> BaseModel:
    """A base of the kind: `llama` with a tied head, `untied`, `gpt2`, `gptj` with a bias in its head."""
    texts = [f"{example.prompt} {example.answer}" for example in TRAINING]
    tokenizer = train_tokenizer(lambda: texts, "tiny")
    special = special_tokens_of(tokenizer)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _network(kind, len(tokenizer))
    return BaseModel(network, tokenizer, special, "scratch")


def _network(kind: str, vocabulary: int) -> PreTrainedModel:
    ids: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 3}
    if kind == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=vocabulary, n_embd=16, n_layer=2, n_head=2, n_positions=64, **ids)
        )
    if kind == "gptj":
        return GPTJForCausalLM(
            GPTJConfig(
                vocab_size=vocabulary, n_embd=16, n_layer=2, n_head=2, rotary_dim=4, n_positions=64, **ids
            )
        )
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=kind == "llama",
            **ids,
        )
    )


def small_rows(base: BaseModel, examples: Sequence[Example]) -> TokenizedRows:
    """The examples as the base reads them, held in memory."""
    with tempfile.TemporaryDirectory() as folder:
        rows = tokenize(examples, base.encoder(), Path(folder) / "ids")
        return rows.select(torch.arange(len(rows)).numpy())


def small_plan(**changes: Any) -> Plan:
    """Three steps to an epoch, ten in all, validations after the fourth, eighth and tenth."""
    numbers: dict[str, Any] = {
        "steps": 10,
        "validate_every": 4,
        "validation_rows": 5,
        "patience": 0,
        "learning_rate": 0.01,
        "schedule": "linear",
        "warmup": 0.1,
        "clip": 1.0,
        "weight_decay": 0.1,
        "dropout": 0.1,
        "batch_tokens": 256,
        "micro_batch_tokens": 96,
        "precision": "fp32",
        "threads": 1,
        "seed": 5,
    }
    return Plan(**(numbers | changes))


def small_trainer(
    base: BaseModel | None = None,
    training: Sequence[Example] = TRAINING,
    validation: Sequence[Example] = VALIDATION,
    **changes: Any,
) -> Trainer:
    """A trainer whose base, rows, optimizer and plan are made anew; `changes` go into the plan."""
    base = base if base is not None else small_base()
    rows, judged = small_rows(base, training), small_rows(base, validation)
    return Trainer(base, rows, judged, small_plan(**changes))


@pytest.fixture(scope="session")
def make_base() -> Callable[..., BaseModel]:
    return small_base


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., TokenizedRows]:
    return small_rows


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    return small_plan


@pytest.fixture(scope="session")
def make_trainer() -> Callable[..., Trainer]:
    return small_trainer


@pytest.fixture(scope="session")
def training() -> list[Example]:
    return TRAINING


@pytest.fixture(scope="session")
def validation() -> list[Example]:
    return VALIDATION
