from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GemmaConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from finetable.models.base_model import embedding_of, last_hidden
from finetable.models.fast_training import (
    ATTENTION,
    LONGEST_ROW,
    RootMeanSquareNorm,
    attention_by_products,
    speed_up,
)


def states(length: int, heads: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    drawn = torch.randn(2, heads, length, 8, generator=torch.Generator().manual_seed(heads + length))
    return drawn.to(dtype).requires_grad_()


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    return attention_by_products(nn.Module(), query, key, value, mask, scaling=0.3)[0]


def exact(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Causal attention in float64, (B, T, H, D)."""
    groups = query.shape[1] // key.shape[1]
    keys, values = (each.double().repeat_interleave(groups, 1) for each in (key, value))
    return scaled_dot_product_attention(query.double(), keys, values, is_causal=True, scale=0.3).transpose(
        1, 2
    )


@pytest.mark.parametrize("length", [1, 7, 64])
@pytest.mark.parametrize("key_heads", [4, 2])
def test_products_and_their_gradients_are_those_of_attention(length: int, key_heads: int) -> None:
    leaves = states(length, 4), states(length, key_heads), states(length, key_heads)
    wanted = exact(*leaves)
    found = attend(*leaves)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), wanted, atol=0.03, rtol=0.02)
    above = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    wanted_gradients = torch.autograd.grad(wanted, leaves, above.double())
    found_gradients = torch.autograd.grad(found, leaves, above.bfloat16())
    for mine, other in zip(found_gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(mine.double(), other.double(), atol=0.06, rtol=0.03)


def test_no_token_sees_a_later_one() -> None:
    query, key, value = states(9, 2), states(9, 2), states(9, 2)
    found = attend(query, key, value)
    with torch.no_grad():
        key[:, :, 5:] = 100
        value[:, :, 5:] = 100
    again = attend(query, key, value)
    assert torch.equal(again[:, :5], found[:, :5])
    assert not torch.equal(again[:, 5:], found[:, 5:])


def test_an_attention_with_more_than_queries_and_keys_is_left_to_torch() -> None:
    query, key, value = states(6, 2), states(6, 2), states(6, 2)
    bias = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(3)).bfloat16()
    plain = attend(query, key, value)
    biased, _ = attention_by_products(nn.Module(), query, key, value, None, scaling=0.3, position_bias=bias)
    assert not torch.allclose(biased, plain, atol=0.05)


@pytest.mark.parametrize("case", ["fp32", "no gradients", "long rows", "mask", "cache"])
def test_all_else_is_left_to_torch(case: str) -> None:
    length = LONGEST_ROW + 1 if case == "long rows" else 6
    dtype = torch.float32 if case == "fp32" else torch.bfloat16
    query, key, value = (states(length, 2, dtype) for _ in range(3))
    if case == "cache":
        query = states(1, 2, dtype)
    mask = torch.zeros(2, 1, length, length, dtype=dtype) if case == "mask" else None
    with torch.set_grad_enabled(case != "no gradients"):
        found = attend(query, key, value, mask=mask)
        causal = mask is None and case != "cache"
        wanted = scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=0.3)
    assert torch.equal(found, wanted.transpose(1, 2))


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=40, n_positions=64)
    network: PreTrainedModel = GPT2LMHeadModel(config).eval()
    return network


def test_a_faster_network_computes_and_saves_the_same(tmp_path: Path) -> None:
    plain, fast = gpt2(), gpt2()
    speed_up(fast)
    assert fast.config._attn_implementation == ATTENTION
    assert any(isinstance(part, nn.GELU) for part in fast.modules())
    ids = torch.randint(40, (3, 12), generator=torch.Generator().manual_seed(2))
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        for network in (plain, fast):
            nn.Module.to(network, dtype)
        outputs = [last_hidden(each, embedding_of(each)(ids)) for each in (plain, fast)]
        torch.testing.assert_close(outputs[1], outputs[0], atol=tolerance, rtol=tolerance)
    for name, network in (("plain", plain), ("fast", fast)):
        network.float().save_pretrained(tmp_path / name)
    for file in (tmp_path / "plain").iterdir():
        assert (tmp_path / "fast" / file.name).read_bytes() == file.read_bytes(), file.name
    assert AutoConfig.from_pretrained(tmp_path / "fast").activation_function == "gelu_new"


def llama(config: type[PretrainedConfig]) -> PreTrainedModel:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "vocab_size": 40,
    }
    network: PreTrainedModel = AutoModelForCausalLM.from_config(config(**shape)).eval()
    for name, weight in network.named_parameters():
        if "norm" in name:
            nn.init.normal_(weight, mean=1.0, std=0.3)
    return network


NORMED = [LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config]


@pytest.mark.parametrize("config", NORMED)
def test_a_norm_in_fewer_passes_gives_what_the_network_gave(config: type[PretrainedConfig]) -> None:
    plain, fast = llama(config), llama(config)
    names = [name for name, _ in fast.named_parameters()]
    speed_up(fast)
    norms = [part for part in plain.modules() if type(part).__name__.endswith("RMSNorm")]
    assert sum(isinstance(part, RootMeanSquareNorm) for part in fast.modules()) == len(norms) > 0
    assert [name for name, _ in fast.named_parameters()] == names
    ids = torch.randint(40, (3, 12), generator=torch.Generator().manual_seed(2))
    for network in (plain, fast):
        network(input_ids=ids, labels=ids).loss.backward()
    for (name, weight), other in zip(plain.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(other.grad, weight.grad, atol=1e-6, rtol=1e-4, msg=name)


def test_a_norm_that_adds_one_to_its_weights_is_left_alone() -> None:
    network = llama(GemmaConfig)
    speed_up(network)
    assert not any(isinstance(part, RootMeanSquareNorm) for part in network.modules())


@given(st.integers(1, 40), st.integers(1, 70), st.sampled_from([1e-3, 1.0, 300.0]), st.integers(0, 99))
def test_norm_and_its_gradients_are_those_of_the_formula(
    rows: int, width: int, spread: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    states = (torch.randn(2, rows, width, generator=generator) * spread).requires_grad_()
    weight = nn.Parameter(torch.randn(width, generator=generator))
    above = torch.randn(states.shape, generator=generator)
    norm = RootMeanSquareNorm(weight, 1e-6)
    exact = (
        states.double() / (states.double().square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight.double()
    )
    wanted = torch.autograd.grad(exact, (states, weight), above.double())
    for dtype, tolerance in ((torch.float32, 2e-5), (torch.bfloat16, 0.05)):
        leaves = states.detach().to(dtype).requires_grad_(), nn.Parameter(weight.detach().to(dtype))
        norm.weight = leaves[1]
        found = norm(leaves[0])
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), exact, atol=tolerance, rtol=tolerance)
        for mine, other in zip(torch.autograd.grad(found, leaves, above.to(dtype)), wanted, strict=True):
            room = tolerance * (1 + float(other.abs().max()))
            torch.testing.assert_close(mine, other.to(dtype), atol=room, rtol=tolerance)


def test_a_norm_whose_weights_rest_gives_them_no_gradient() -> None:
    norm = RootMeanSquareNorm(nn.Parameter(torch.ones(4), requires_grad=False), 1e-6)
    states = torch.arange(8.0).view(2, 4).requires_grad_()
    norm(states).sum().backward()
    assert norm.weight.grad is None
    assert states.grad is not None


def test_an_attention_of_its_own_is_left_alone() -> None:
    torch.manual_seed(0)
    config = GPTNeoConfig(
        num_layers=2, attention_types=[[["global", "local"], 1]], hidden_size=16, num_heads=2, vocab_size=40
    )
    network = GPTNeoForCausalLM(config).eval()
    before = network.config._attn_implementation
    speed_up(network)
    assert network.config._attn_implementation == before != ATTENTION
