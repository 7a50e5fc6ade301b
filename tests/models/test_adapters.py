import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from finetable.models.adapters import Adapter
from finetable.models.base_model import BaseModel, head_of, last_hidden

Load = Callable[[str], BaseModel]
Teach = Callable[[BaseModel, int], list[float]]


def logits_of(base: BaseModel) -> torch.Tensor:
    ids = torch.arange(60).view(2, 30) * 7 % 300
    with torch.inference_mode():
        logits: torch.Tensor = base.network.eval()(ids).logits
    return logits


def weights_of(base: BaseModel) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in base.network.named_parameters()}


def test_an_adapter_changes_nothing_before_it_is_trained(architecture: str, load_base: Load) -> None:
    base = load_base(architecture)
    before = logits_of(base)
    Adapter(base.network, 4, seed=0)
    assert torch.equal(logits_of(base), before)


def test_only_the_adapter_is_trained_and_every_layer_has_one(
    architecture: str, load_base: Load, teach: Teach
) -> None:
    base = load_base(architecture)
    linear = {
        name
        for name, module in base.network.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D") and module is not head_of(base.network)
    }
    Adapter(base.network, 4, seed=0)
    before = weights_of(base)
    losses = teach(base, 8)
    assert losses[-1] < losses[0] - 0.1
    changed = {name for name, weight in weights_of(base).items() if not torch.equal(weight, before[name])}
    assert changed == {name for name, weight in base.network.named_parameters() if weight.requires_grad}
    adapted = {name.split(".lora_")[0] for name in changed}
    assert all(".lora_" in name for name in changed)
    assert adapted == linear


def test_an_adapter_of_the_rank_asked_for(load_base: Load) -> None:
    base = load_base("llama")
    Adapter(base.network, 3, seed=0)
    shapes = {weight.shape[0] for name, weight in base.network.named_parameters() if "lora_A" in name}
    assert shapes == {3}


def test_the_merged_network_computes_what_the_adapted_one_did(
    architecture: str, load_base: Load, teach: Teach, save: Callable[[BaseModel, Path], Path], tmp_path: Path
) -> None:
    base = load_base(architecture)
    before = logits_of(base)
    names = set(base.network.state_dict())
    adapter = Adapter(base.network, 4, seed=0)
    teach(base, 8)
    adapted = logits_of(base)
    assert (adapted - before).abs().max() > 0.1
    base.network = adapter.merge()
    assert torch.allclose(logits_of(base), adapted, atol=1e-4)
    assert set(base.network.state_dict()) == names
    folder = save(base, tmp_path / "saved")
    assert not [
        name for name in load_file(folder / "model.safetensors") if "lora" in name or "base_layer" in name
    ]
    texts = [file.read_text(encoding="utf-8") for file in folder.glob("*.json")]
    assert not [text for text in texts if "lora" in text.lower() or "peft" in text.lower()]
    assert not [file.name for file in folder.iterdir() if "adapter" in file.name]
    assert json.loads((folder / "config.json").read_text())["model_type"]
    base.network = AutoModelForCausalLM.from_pretrained(folder)
    assert torch.allclose(logits_of(base), adapted, atol=1e-4)


def test_the_network_that_was_given_is_the_one_that_is_merged(load_base: Load, teach: Teach) -> None:
    base = load_base("gpt2")
    adapter = Adapter(base.network, 4, seed=0)
    teach(base, 3)
    ids = torch.arange(20).unsqueeze(0)
    with torch.inference_mode():
        adapted = last_hidden(base.network.eval(), base.network.get_input_embeddings()(ids))
    merged = adapter.merge()
    assert merged is base.network
    with torch.inference_mode():
        hidden = last_hidden(merged, merged.get_input_embeddings()(ids))
    assert torch.allclose(hidden, adapted, atol=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_merged_copy_is_what_merging_gives_and_leaves_the_network_alone(
    architecture: str, load_base: Load, teach: Teach
) -> None:
    base = load_base(architecture)
    adapter = Adapter(base.network, 4, seed=0)
    teach(base, 3)
    before = weights_of(base)
    copied = adapter.merged_copy().state_dict()
    after = weights_of(base)
    assert list(after) == list(before)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    merged = adapter.merge().state_dict()
    assert list(copied) == list(merged)
    assert all(torch.equal(copied[name], weight) for name, weight in merged.items())


@pytest.mark.parametrize("architecture", ["gpt2", "qwen3"])
def test_the_first_weights_follow_the_seed_alone(architecture: str, load_base: Load) -> None:
    drawn: list[torch.Tensor] = []
    for seed in (1, 1, 2):
        base = load_base(architecture)
        torch.rand(len(drawn) + 1)
        state = torch.random.get_rng_state()
        Adapter(base.network, 4, seed)
        assert torch.equal(torch.random.get_rng_state(), state)
        drawn.append(torch.cat([w.flatten() for name, w in weights_of(base).items() if "lora_A" in name]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
