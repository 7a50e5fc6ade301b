"""A static cache of lanes: each row has a place of its own in every product, whatever runs beside it."""

from typing import Any

import torch
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin

from finetable.models.base_model import last_hidden_masked, window_of


class LaneLayer(CacheLayerMixin):
    """Keys and values of one layer, (lanes, heads, length, width); each lane writes at its own position.

    `positions` int64 (lanes,) is shared by all layers and changed in place by `Lanes`.
    """

    def __init__(self, length: int, positions: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._length = length
        self._positions = positions
        self._lane = torch.arange(len(positions), device=positions.device)

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make the cache when the first keys show heads, widths and format."""
        lanes, heads, _, width = key_states.shape
        self.keys = key_states.new_zeros(lanes, heads, self._length, width)
        self.values = value_states.new_zeros(lanes, heads, self._length, value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one token's keys and values per lane, (lanes, heads, 1, width); give the whole cache."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self._write(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def _write(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        assert self.keys is not None
        assert self.values is not None
        self.keys[self._lane, :, self._positions] = key_states[:, :, 0]
        self.values[self._lane, :, self._positions] = value_states[:, :, 0]

    def get_seq_length(self) -> int:
        """Length of the cache, which never changes."""
        return self._length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys."""
        del query_length
        return self._length, 0

    def get_max_length(self) -> int:
        """Length of the cache."""
        return self._length


class ShiftingLaneLayer(LaneLayer):
    """A cache whose newest token always stands last, for local attention that counts places in the cache."""

    def _write(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        assert self.keys is not None
        assert self.values is not None
        self.keys = torch.cat([self.keys[:, :, 1:], key_states], dim=2)
        self.values = torch.cat([self.values[:, :, 1:], value_states], dim=2)


class Lanes:
    """A fixed number of rows in work together; every step computes all of them in products of one shape."""

    def __init__(self, network: PreTrainedModel, lanes: int, length: int) -> None:
        self._network = network
        device = network.device
        self.positions = torch.zeros(lanes, dtype=torch.int64, device=device)
        self._places = torch.arange(length, device=device)
        window = window_of(network)
        self._shifting = window is not None and window < length
        kind = ShiftingLaneLayer if self._shifting else LaneLayer
        layers = network.config.num_hidden_layers
        self._cache = Cache(layers=[kind(length, self.positions) for _ in range(layers)])

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """Last hidden states (lanes, D) of the next token of each lane, ids int64 (lanes,)."""
        positions = self.positions.unsqueeze(1)
        if self._shifting:
            seen = self._places >= len(self._places) - 1 - positions
        else:
            seen = self._places <= positions
        hidden = last_hidden_masked(
            self._network, ids.unsqueeze(1), positions, seen.unsqueeze(1), self._cache
        )
        # Lanes without a row go on counting, and begin again rather than leave the cache.
        self.positions.add_(1).remainder_(len(self._places))
        return hidden[:, 0]

    def restart(self, lane: int) -> None:
        """Begin a new row in a lane; what it saw before is masked from now on."""
        self.positions[lane] = 0


def lanes_for(network: PreTrainedModel, length: int, most: int, most_bytes: int) -> int:
    """How many lanes of `length` tokens fit into `most_bytes`: a power of two, the same for every request."""
    lane_bytes = length * bytes_of_place(network)
    lanes = most
    while lanes > 1 and lanes * lane_bytes > most_bytes:
        lanes //= 2
    return lanes


def bytes_of_place(network: PreTrainedModel) -> int:
    """What the keys and values of one token take in all layers, in the format of the network."""
    config = network.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width * network.dtype.itemsize)
