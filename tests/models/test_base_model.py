from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BloomConfig,
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    MptConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
)

from finetable.errors import BaseModelError
from finetable.models.base_model import (
    SEPARATOR,
    BaseModel,
    check_network,
    context_of,
    embedding_of,
    head_of,
    last_hidden,
    last_hidden_masked,
    window_of,
)
from finetable.models.pretrained import load_pretrained

SHAPE: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
TEXTS = ("", "A film about the sea", "<|startoftext|><|separator|><|endoftext|><|pad|><s></s><unk>")


def network_of(config: PreTrainedConfig) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    network.eval()
    return network


def token_ids(rows: int, length: int) -> torch.Tensor:
    return torch.arange(rows * length).view(rows, length) * 37 % 300


def test_special_tokens_are_four_that_no_text_can_produce(base: BaseModel) -> None:
    special = base.special
    ids = {special.start, special.separator, special.end, special.pad}
    assert len(ids) == 4
    encoder = base.encoder()
    for encoded in [*(encoder.prefix(text) for text in TEXTS), *(row[:-1] for row in encoder.answers(TEXTS))]:
        assert not ids & set(encoded)
    assert [row[0] for row in encoder.prompts(TEXTS)] == [special.start] * len(TEXTS)
    assert [row[-1] for row in encoder.prompts(TEXTS)] == [special.separator] * len(TEXTS)
    assert [row[-1] for row in encoder.answers(TEXTS)] == [special.end] * len(TEXTS)


def test_the_start_and_end_of_the_base_are_kept_where_it_has_two(
    architecture: str, base: BaseModel, base_folder: Callable[[str], Path]
) -> None:
    before = AutoTokenizer.from_pretrained(base_folder(architecture))
    known = len(before)
    assert base.special.end == before.eos_token_id < known
    if before.bos_token not in (None, before.eos_token):
        assert base.special.start == before.bos_token_id
    else:
        assert base.special.start >= known
    assert base.special.pad != base.special.end
    assert base.tokenizer.get_vocab()[SEPARATOR] == base.special.separator


def test_without_given_columns_there_is_no_separator(base_folder: Callable[[str], Path]) -> None:
    base = load_pretrained(str(base_folder("gpt2")), with_separator=False)
    assert base.special.separator is None
    assert SEPARATOR not in base.tokenizer.get_vocab()


def test_rows_of_new_tokens_are_the_mean_of_the_old_ones_which_stay(
    architecture: str, base: BaseModel, base_folder: Callable[[str], Path]
) -> None:
    folder = base_folder(architecture)
    old_network = AutoModelForCausalLM.from_pretrained(folder)
    old_tokens = AutoTokenizer.from_pretrained(folder).get_vocab()
    new_ids = sorted(set(base.tokenizer.get_vocab().values()) - set(old_tokens.values()))
    assert len(new_ids) in (2, 3)
    pairs = [
        (old_network.get_input_embeddings().weight, base.network.get_input_embeddings().weight),
        (old_network.get_output_embeddings().weight, base.network.get_output_embeddings().weight),
    ]
    if old_network.get_output_embeddings().bias is not None:
        pairs.append((old_network.get_output_embeddings().bias, base.network.get_output_embeddings().bias))
    for old, new in pairs:
        assert len(new) >= max(new_ids) + 1
        mean = old[: len(old_tokens)].mean(dim=0)
        for number in new_ids:
            assert torch.allclose(new[number], mean, atol=1e-6)
        assert torch.equal(new[: len(old_tokens)], old[: len(old_tokens)])


def test_tied_weights_stay_tied(base: BaseModel) -> None:
    network = base.network
    shared = embedding_of(network).weight is head_of(network).weight
    assert shared == network.config.tie_word_embeddings


def test_plain_transformers_is_told_where_a_text_ends(base: BaseModel) -> None:
    special = base.special
    for told in (base.network.config, base.network.generation_config):
        assert told is not None
        assert (told.bos_token_id, told.eos_token_id, told.pad_token_id) == (
            special.start,
            special.end,
            special.pad,
        )


def test_last_hidden_is_what_transformers_computes(base: BaseModel) -> None:
    ids = token_ids(3, 40)
    with torch.inference_mode():
        hidden = last_hidden(base.network, embedding_of(base.network)(ids))
        output = base.network(ids, output_hidden_states=True, use_cache=False)
        assert torch.allclose(hidden, output.hidden_states[-1], atol=1e-5)
        assert torch.allclose(head_of(base.network)(hidden), output.logits, atol=1e-4)


def test_padding_on_the_right_changes_nothing_before_it(base: BaseModel) -> None:
    ids = token_ids(1, 30)
    padded = torch.cat([ids, torch.full((1, 25), base.special.pad)], dim=1)
    embedding = embedding_of(base.network)
    with torch.inference_mode():
        alone = last_hidden(base.network, embedding(ids))
        beside = last_hidden(base.network, embedding(padded))[:, :30]
    assert torch.allclose(alone, beside, atol=1e-5)


def test_a_causal_mask_of_ours_gives_the_same_as_none(base: BaseModel) -> None:
    ids = token_ids(2, 40)
    seen = torch.ones(2, 40, 40, dtype=torch.bool).tril()
    with torch.inference_mode():
        ours = last_hidden_masked(base.network, ids, torch.arange(40).expand(2, -1), seen, None)
        theirs = last_hidden(base.network, embedding_of(base.network)(ids))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_what_the_mask_hides_has_no_influence(base: BaseModel) -> None:
    ids, positions = token_ids(1, 6), torch.arange(6).unsqueeze(0)
    seen = torch.ones(1, 6, 6, dtype=torch.bool).tril()
    seen[:, 3:, 2] = False
    other = ids.clone()
    other[0, 2] += 1
    with torch.inference_mode():
        ours = last_hidden_masked(base.network, ids, positions, seen, None)
        theirs = last_hidden_masked(base.network, other, positions, seen, None)
    assert torch.equal(ours[:, 3:], theirs[:, 3:])
    assert not torch.allclose(ours[:, 2], theirs[:, 2], atol=1e-3)


def test_only_gpt_neo_has_a_window_that_counts_places(architecture: str, base: BaseModel) -> None:
    windows = {"gpt_neo": base.context, "gpt_neo_local": 8}
    assert window_of(base.network) == windows.get(architecture)


@pytest.mark.parametrize(
    ("config", "context"),
    [
        (GPT2Config(n_positions=77), 77),
        (LlamaConfig(max_position_embeddings=50), 50),
        (MistralConfig(max_position_embeddings=500, sliding_window=40), 40),
        (MistralConfig(max_position_embeddings=500, sliding_window=None), 500),
        (Qwen2Config(max_position_embeddings=500, sliding_window=40, use_sliding_window=False), 500),
    ],
)
def test_the_context_is_what_every_layer_sees(config: PreTrainedConfig, context: int) -> None:
    assert context_of(config) == context


def test_a_context_that_is_not_told_is_an_error() -> None:
    with pytest.raises(BaseModelError, match="'bloom' does not say its context length"):
        context_of(BloomConfig())


def test_a_head_or_embedding_of_another_kind_is_refused() -> None:
    network = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=1, n_positions=8))
    network.set_output_embeddings(nn.Sequential(nn.Linear(8, 20)))
    with pytest.raises(BaseModelError, match="GPT2LMHeadModel has no plain output layer"):
        head_of(network)
    network.set_input_embeddings(nn.Sequential(nn.Embedding(20, 8)))
    with pytest.raises(BaseModelError, match="GPT2LMHeadModel has no plain embedding"):
        embedding_of(network)


def test_a_network_without_anything_after_its_head_is_taken() -> None:
    check_network(network_of(LlamaConfig(**SHAPE)))
    check_network(network_of(Gemma2Config(**SHAPE, head_dim=8, final_logit_softcapping=None)))


@pytest.mark.parametrize(
    "config",
    [
        # Its small random weights give small logits, which a cap hardly changes.
        Gemma2Config(**SHAPE, head_dim=8, final_logit_softcapping=30.0),
        CohereConfig(**SHAPE, logit_scale=0.0625),
        GraniteConfig(**SHAPE, logits_scaling=8.0),
        BertConfig(**SHAPE),
    ],
    ids=lambda config: str(config.model_type),
)
def test_logits_that_are_more_than_one_product_are_refused(config: PreTrainedConfig) -> None:
    network = network_of(config)
    with pytest.raises(BaseModelError, match=r"changes its logits .* use a base of another family") as caught:
        check_network(network)
    assert str(caught.value).startswith(type(network).__name__)


@pytest.mark.parametrize(
    "config",
    [
        # ALiBi counts the places of the keys, whatever positions it is told.
        MptConfig(vocab_size=64, d_model=32, n_heads=4, n_layers=2, max_seq_len=64),
        BloomConfig(vocab_size=64, hidden_size=32, n_head=4, n_layer=2),
        MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2),
    ],
    ids=lambda config: str(config.model_type),
)
def test_an_attention_that_does_not_follow_masks_and_positions_is_refused(config: PreTrainedConfig) -> None:
    with pytest.raises(
        BaseModelError, match=r"(does not let finetable choose|cannot be run as finetable needs)"
    ):
        check_network(network_of(config))


def test_weights_that_are_not_finite_are_refused() -> None:
    network = network_of(LlamaConfig(**SHAPE))
    with torch.no_grad():
        embedding_of(network).weight[2, 0] = float("nan")
    with pytest.raises(BaseModelError, match="numbers that are not finite"):
        check_network(network)


def test_checking_leaves_the_network_as_it_was(base: BaseModel) -> None:
    ids = token_ids(1, 9)
    with torch.inference_mode():
        before = base.network(ids).logits
        check_network(base.network)
        assert torch.equal(base.network(ids).logits, before)
