"""A fresh network sized by one dial, and a byte-level BPE tokenizer trained on the table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from finetable.models.base_model import END, PAD, SEPARATOR, START, BaseModel, special_tokens_of
from finetable.settings import SizeName

CONTEXT = 1024
SMALLEST_VOCABULARY = 512
CHARACTERS_PER_TOKEN = 150
"""A token has to be met often to be learnt: one entry of the vocabulary for so many characters of text."""


@dataclass(frozen=True)
class Size:
    """Width of the hidden states, number of layers and heads, and most entries of the vocabulary."""

    width: int
    layers: int
    heads: int
    vocabulary: int


SIZES: dict[SizeName, Size] = {
    "tiny": Size(width=128, layers=2, heads=2, vocabulary=8192),
    "small": Size(width=256, layers=4, heads=4, vocabulary=4096),
    "medium": Size(width=384, layers=6, heads=6, vocabulary=8192),
    "large": Size(width=512, layers=8, heads=8, vocabulary=16384),
}


def build_scratch(size: SizeName, tokenizer: PreTrainedTokenizerFast, seed: int) -> BaseModel:
    """A Llama-shaped network with random weights drawn from `seed`.

    The shape is Llama's (Touvron et al. 2023, section 2.2: RMSNorm, rotary positions, SwiGLU) with tied
    embeddings, known to every program that runs models.
    """
    return build_network(SIZES[size], tokenizer, seed, "scratch")


def build_network(shape: Size, tokenizer: PreTrainedTokenizerFast, seed: int, origin: str) -> BaseModel:
    """The network of `build_scratch` in any shape; what its vocabulary holds is the tokenizer's matter."""
    special = special_tokens_of(tokenizer)
    config = LlamaConfig(
        vocab_size=_round_up(len(tokenizer), 64),
        hidden_size=shape.width,
        intermediate_size=_round_up(shape.width * 8 // 3, 64),
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=special.start,
        eos_token_id=special.end,
        pad_token_id=special.pad,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config)
    return BaseModel(network, tokenizer, special, origin)


def differ_without_case(labels: Sequence[str]) -> bool:
    """Whether labels are still told apart by a tokenizer that folds case."""
    return len({label.lower() for label in labels}) == len(labels)


def train_tokenizer(
    texts: Callable[[], Iterable[str]], size: SizeName, fold_case: bool = False
) -> PreTrainedTokenizerFast:
    """A tokenizer whose vocabulary is as large as the texts are worth, at most that of the size.

    `texts` is called twice: to count characters and to learn from.
    """
    characters = sum(len(text) for text in texts())
    vocabulary = max(SMALLEST_VOCABULARY, min(SIZES[size].vocabulary, characters // CHARACTERS_PER_TOKEN))
    return learn_tokenizer(texts(), vocabulary, fold_case)


def learn_tokenizer(
    texts: Iterable[str], vocabulary: int, fold_case: bool = False
) -> PreTrainedTokenizerFast:
    """Byte-level BPE (Radford et al. 2019, section 2.2): every text survives encoding and decoding.

    With `fold_case` texts are read, and come back, in small letters.
    """
    bpe = Tokenizer(models.BPE())
    if fold_case:
        bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[START, SEPARATOR, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return finished_tokenizer(bpe)


def finished_tokenizer(bpe: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer of ours as transformers opens it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=[SEPARATOR],
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
