"""Shared by all tests: tiny networks of every supported shape, saved as folders like those of the hub."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTJConfig,
    GPTNeoConfig,
    GPTNeoXConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)
from transformers.utils import logging

from finetable.data.table import Table, TableFormat
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import load_pretrained
from finetable.settings import SHIPPED

# The same examples in every run, so that a change is what turns a run red; "explore" searches for new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("same")

SLOWEST = "test_snippets_run_in_the_order_of_the_pages"

CONTEXT = 96
WINDOW = 8
SENTENCES = (
    "Two friends travel to the moon, and only one comes back.",
    "A film about love, loss and the sea.",
    "science fiction, documentary, drama and comedy",
    "Un été à Paris, l'amour au café; “naïve” – 映画 🎬",
)
TAUGHT = (
    ("the sea", "Two friends sail home, and only one comes back."),
    ("Paris", "Un été à Paris: l'amour au café."),
    ("映画", "A film."),
)


@dataclass(frozen=True)
class Shape:
    """An architecture: its configuration, and what its tokenizer is called in such a folder."""

    config: Callable[..., PreTrainedConfig]
    options: dict[str, Any]
    tokenizer_class: str | None
    spare_rows: int = 0


SMALL: dict[str, Any] = {"hidden_size": 32, "max_position_embeddings": CONTEXT}
LLAMA = {**SMALL, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
GROUPED = {**LLAMA, "num_key_value_heads": 2}
GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
NEO = {**SMALL, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}
SHAPES = {
    "gpt2": Shape(GPT2Config, GPT2, None),
    "gpt_neo": Shape(GPTNeoConfig, {**NEO, "window_size": CONTEXT}, "GPT2Tokenizer"),
    "gpt_neo_local": Shape(GPTNeoConfig, {**NEO, "window_size": WINDOW}, "GPT2Tokenizer"),
    "gptj": Shape(GPTJConfig, {**GPT2, "rotary_dim": 4}, "GPT2Tokenizer"),
    "gpt_neox": Shape(GPTNeoXConfig, LLAMA, "GPTNeoXTokenizer", spare_rows=20),
    "llama": Shape(LlamaConfig, GROUPED, "LlamaTokenizer"),
    "qwen2": Shape(Qwen2Config, GROUPED, "Qwen2Tokenizer", spare_rows=1),
    "qwen3": Shape(Qwen3Config, {**GROUPED, "head_dim": 16}, "Qwen2Tokenizer"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest test, so that one process does not wait for it alone at the end."""
    items.sort(key=lambda item: item.name != SLOWEST)


@pytest.fixture(scope="session", autouse=True)
def _one_quiet_thread() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()


@pytest.fixture(scope="session", params=SHAPES)
def architecture(request: pytest.FixtureRequest) -> str:
    """The name of each supported shape of network; `gpt_neo_local` looks back less far than its texts."""
    return str(request.param)


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an architecture, as from the hub: random weights, small tokenizer; not to be changed."""

    @cache
    def folder_of(architecture: str) -> Path:
        shape = SHAPES[architecture]
        folder = tmp_path_factory.mktemp("bases") / architecture
        tokenizer = _metaspace_tokenizer() if architecture == "llama" else _byte_level_tokenizer(architecture)
        config = shape.config(
            vocab_size=len(tokenizer) + shape.spare_rows,
            initializer_range=0.2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **shape.options,
        )
        with torch.random.fork_rng():
            torch.manual_seed(len(architecture))
            AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        _rename_tokenizer(folder / "tokenizer_config.json", shape.tokenizer_class)
        return folder

    return folder_of


@pytest.fixture(scope="session", params=["scratch", SHIPPED, *SHAPES])
def base_name(request: pytest.FixtureRequest, base_folder: Callable[[str], Path]) -> str:
    """What a person names with --base: scratch, the shipped base, or the folder of each architecture."""
    named = request.param in ("scratch", SHIPPED)
    return str(request.param if named else base_folder(request.param))


@pytest.fixture(scope="session")
def load_base(base_folder: Callable[[str], Path]) -> Callable[[str], BaseModel]:
    """Loads an architecture as a base of its own, to be changed at will."""

    def load(architecture: str) -> BaseModel:
        return load_pretrained(str(base_folder(architecture)), with_separator=True)

    return load


@pytest.fixture(scope="session")
def base(architecture: str, load_base: Callable[[str], BaseModel]) -> BaseModel:
    """A base with random weights of each architecture, shared: not to be changed."""
    return load_base(architecture)


@pytest.fixture(scope="session")
def taught_examples() -> tuple[tuple[str, str], ...]:
    """The prompts and answers that `teach` teaches."""
    return TAUGHT


@pytest.fixture(scope="session")
def teach() -> Callable[[BaseModel, int], list[float]]:
    """Trains a base on `taught_examples` for so many steps; gives the loss in nats before each step."""

    def steps(base: BaseModel, count: int) -> list[float]:
        encoder = base.encoder()
        prompts = encoder.prompts([prompt for prompt, _ in TAUGHT])
        answers = encoder.answers([answer for _, answer in TAUGHT])
        longest = max(len(p + a) for p, a in zip(prompts, answers, strict=True))
        ids = torch.full((len(TAUGHT), longest), base.special.pad)
        targets = torch.full_like(ids, -100)
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            ids[row, : len(prompt + answer)] = torch.tensor(prompt + answer)
            targets[row, len(prompt) - 1 : len(prompt + answer) - 1] = torch.tensor(answer)
        trained = [weight for weight in base.network.parameters() if weight.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=1e-2)
        losses = []
        for _ in range(count):
            logits = base.network(inputs_embeds=base.network.get_input_embeddings()(ids)).logits
            loss = cross_entropy(logits.flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    return steps


@pytest.fixture(scope="session")
def taught(
    architecture: str, load_base: Callable[[str], BaseModel], teach: Callable[[BaseModel, int], list[float]]
) -> BaseModel:
    """A base of each architecture that knows `taught_examples` by heart, shared: not to be changed."""
    base = load_base(architecture)
    teach(base, 40)
    return base


@pytest.fixture(scope="session")
def save() -> Callable[[BaseModel, Path], Path]:
    """Saves a base as a model folder does, for plain transformers to open."""

    def saved(base: BaseModel, folder: Path) -> Path:
        base.network.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
        return folder

    return saved


@pytest.fixture(scope="session")
def slow_score() -> Callable[[BaseModel, str | None, str], float]:
    """Log-probability in nats of an answer with its end token, by the shortest way through transformers."""

    def score(base: BaseModel, prompt: str | None, answer: str) -> float:
        encoder = base.encoder()
        before, ids = encoder.prompts([prompt])[0], encoder.answers([answer])[0]
        with torch.inference_mode():
            logits = base.network(torch.tensor([before + ids]), use_cache=False).logits[0].double()
        nats = logits.log_softmax(dim=-1)
        return sum(float(nats[len(before) - 1 + place, token]) for place, token in enumerate(ids))

    return score


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """Makes a table of columns of texts; its row ids are the places of the rows, its lines begin at 2."""

    def table(**columns: list[str | None]) -> Table:
        cells = pa.table({name: pa.array(texts, pa.large_string()) for name, texts in columns.items()})
        return Table(
            name="films.csv",
            columns=cells,
            row_ids=np.arange(cells.num_rows),
            lines=np.arange(cells.num_rows) + 2,
            format=TableFormat("csv", encoding="utf-8", delimiter=",", quote='"', header=True),
            set_aside=(),
            fingerprint="f" * 64,
        )

    return table


@cache
def _byte_level_tokenizer(architecture: str) -> PreTrainedTokenizerFast:
    """GPT-2's kind, in which the end token is also the start; Qwen's has no start and pads with the end."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(SENTENCES, trainer)
    end = "<|endoftext|>"
    names = (
        {"eos_token": end, "pad_token": end}
        if "qwen" in architecture
        else {"bos_token": end, "eos_token": end}
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, model_max_length=CONTEXT, **names)


@cache
def _metaspace_tokenizer() -> PreTrainedTokenizerFast:
    """Llama's kind: SentencePiece's spelling of blanks, and bytes for what is not in the vocabulary."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=90, show_progress=False)
    learner.train_from_iterator(SENTENCES[:3], trainer)
    learnt = json.loads(learner.to_str())["model"]
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces = [*first, *sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)]
    bpe = Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(pieces)},
            merges=[tuple(merge) for merge in learnt["merges"]],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=CONTEXT,
    )


def _rename_tokenizer(file: Path, tokenizer_class: str | None) -> None:
    """Say what folders on the hub say, instead of what this version of transformers writes."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    del settings["tokenizer_class"]
    if tokenizer_class is not None:
        settings["tokenizer_class"] = tokenizer_class
    file.write_text(json.dumps(settings), encoding="utf-8")
