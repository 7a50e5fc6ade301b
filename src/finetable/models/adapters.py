"""Low-rank adapters: put into a network before training, merged into its weights afterwards."""

from copy import deepcopy

import torch
from peft import LoraConfig, LoraModel
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D


class Adapter:
    """LoRA (Hu et al. 2021) on every linear layer but the head.

    The network is changed in place: its own weights are frozen, and it computes with the adapter until
    `merge` is called. Its first weights are drawn from `seed`.
    """

    def __init__(self, network: PreTrainedModel, rank: int, seed: int) -> None:
        config = LoraConfig(
            r=rank,
            lora_alpha=2 * rank,
            target_modules="all-linear",
            # GPT-2's Conv1D keeps its weight transposed.
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in network.modules()),
        )
        self._network = network
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            # Not get_peft_model: it asks the network for what transformers 5 calls deprecated.
            self._lora: LoraModel = LoraModel(network, {"default": config}, "default")

    def merge(self) -> PreTrainedModel:
        """The network with the adapter added to its weights and no trace of it left."""
        self._lora.merge_and_unload()
        return self._network

    def merged_copy(self) -> PreTrainedModel:
        """What `merge` would give now, without changing the network."""
        network, lora = deepcopy((self._network, self._lora))  # together: one lies within the other
        lora.merge_and_unload()
        return network
