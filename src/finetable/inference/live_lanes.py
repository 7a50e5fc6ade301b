"""A cache that grows and shrinks with the requests in it: lanes in work stand together at its beginning."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin

from finetable.models.base_model import last_hidden_masked, window_of

ROUND_PLACES = 64


@dataclass
class Space:
    """What all layers share: room for how many lanes and places, and where the tokens that come now go.

    They go to `count` lanes from `first` on, to `places`: a run of them, or one in each lane, int64 (count,),
    whose numbers from `first` on are `numbers`. They see the cache up to `view`.
    """

    lanes: int = 0
    length: int = 0
    first: int = 0
    count: int = 0
    view: int = 0
    places: slice | torch.Tensor | None = None
    numbers: torch.Tensor | None = None


class LiveLayer(CacheLayerMixin):
    """Keys and values of one layer, (lanes, heads, length, width); a token's place is its position."""

    def __init__(self, space: Space) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._space = space

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make the cache, or make it larger; heads, widths and format are those of the states."""
        # Zeros, because what is masked is still multiplied.
        keys, values = (
            states.new_zeros(self._space.lanes, states.shape[1], self._space.length, states.shape[3])
            for states in (key_states, value_states)
        )
        if self.is_initialized:
            assert self.keys is not None
            assert self.values is not None
            self._copy(self.keys, keys)
            self._copy(self.values, values)
        self.keys, self.values, self.is_initialized = keys, values, True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take keys and values (count, heads, T, width); give all that these lanes hold, up to the view."""
        space = self._space
        if self.keys is None or self.keys.shape[0] != space.lanes or self.keys.shape[2] != space.length:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        return self._written(self.keys, key_states), self._written(self.values, value_states)

    def move(self, source: int, target: int, length: int) -> None:
        """Copy what a lane of so many tokens holds to another."""
        for states in (self.keys, self.values):
            assert states is not None
            self._last(states[target], length).copy_(self._last(states[source], length))

    def clear(self) -> None:
        """Let the memory go."""
        self.keys, self.values, self.is_initialized = None, None, False

    def _written(self, states: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        space = self._space
        lanes = states[space.first : space.first + space.count]
        if isinstance(space.places, slice):
            lanes[:, :, space.places] = new
        else:
            lanes[space.numbers, :, space.places] = new[:, :, 0]
        return lanes[:, :, : space.view]

    @staticmethod
    def _last(lane: torch.Tensor, length: int) -> torch.Tensor:
        return lane[:, :length]

    @staticmethod
    def _copy(old: torch.Tensor, new: torch.Tensor) -> None:
        lanes, length = min(len(old), len(new)), min(old.shape[2], new.shape[2])
        new[:lanes, :, :length] = old[:lanes, :, :length]

    def get_seq_length(self) -> int:
        """Places that are looked at."""
        return self._space.view

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys."""
        del query_length
        return self._space.view, 0

    def get_max_length(self) -> int:
        """Length of the cache."""
        return self._space.length


class ShiftingLiveLayer(LiveLayer):
    """A cache whose newest token always stands last, for local attention that counts places in the cache."""

    def _written(self, states: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        space = self._space
        lanes = states[space.first : space.first + space.count, :, states.shape[2] - space.view :]
        shifted = torch.cat([lanes[:, :, new.shape[2] :], new], dim=2)
        lanes.copy_(shifted)
        return shifted

    @staticmethod
    def _last(lane: torch.Tensor, length: int) -> torch.Tensor:
        return lane[:, lane.shape[1] - length :]

    @staticmethod
    def _copy(old: torch.Tensor, new: torch.Tensor) -> None:
        lanes, length = min(len(old), len(new)), min(old.shape[2], new.shape[2])
        new[:lanes, :, new.shape[2] - length :] = old[:lanes, :, old.shape[2] - length :]


class LiveLanes:
    """Rows in work at different positions: a step takes the first lanes by a token, a prefill others by many.

    Who stands where and has come how far is the caller's matter.
    """

    def __init__(self, network: PreTrainedModel, context: int) -> None:
        self._network = network
        self._context = context
        window = window_of(network)
        self.shifting = window is not None and window < context
        kind = ShiftingLiveLayer if self.shifting else LiveLayer
        self._space = Space()
        self._layers = [kind(self._space) for _ in range(network.config.num_hidden_layers)]
        self._cache = Cache(layers=[*self._layers])

    def reserve(self, lanes: int, length: int, most: int) -> None:
        """Make room for rows of `length` tokens in so many lanes, of which there will be `most` at most."""
        if lanes > self._space.lanes or length > self._space.length:
            self._space.lanes = min(most, 1 << (lanes - 1).bit_length())
            self._space.length = self.rounded(length)

    def rounded(self, length: int) -> int:
        """Places that a row of `length` tokens is given."""
        return min(self._context, -(-length // ROUND_PLACES) * ROUND_PLACES)

    def step(self, ids: list[int], positions: list[int]) -> torch.Tensor:
        """Last hidden states (count, D) of the next token of each of the first lanes, at its position."""
        device = self._network.device
        view = self.rounded(max(positions) + 1)
        at = torch.tensor(positions, device=device)
        one = slice(positions[0], positions[0] + 1)
        self._aim(0, len(ids), view, one if len(ids) == 1 else at)
        column = at.unsqueeze(1)
        places = torch.arange(view, device=device)
        seen = places >= view - 1 - column if self.shifting else places <= column
        return self._run(torch.tensor(ids, device=device).unsqueeze(1), column, seen.unsqueeze(1))[:, 0]

    def prefill(self, first: int, rows: list[list[int]], start: int) -> None:
        """Take ids of rows in the lanes from `first` on, all from position `start` on.

        Rows may differ in length, unless the cache is shifting; what the longest makes the others hold beyond
        their end is written over before it is seen.
        """
        longest = max(map(len, rows))
        device = self._network.device
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=device)
        positions = torch.arange(start, start + longest, device=device)
        view = self.rounded(start + longest)
        self._aim(first, len(rows), view, slice(start, start + longest))
        # In a shifting cache the newest stands last, and its row begins where the others' ends do not matter.
        offset = view - start - longest if self.shifting else 0
        places = torch.arange(view, device=device) - offset
        seen = (places >= 0) & (places <= positions.unsqueeze(1))
        self._run(ids, positions.expand(len(rows), -1), seen.expand(len(rows), -1, -1))

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row of so many tokens to another lane."""
        for layer in self._layers:
            layer.move(source, target, length)

    def clear(self) -> None:
        """Let the memory go, where no row is left."""
        self._space.lanes = self._space.length = 0
        for layer in self._layers:
            layer.clear()

    def _aim(self, first: int, count: int, view: int, places: slice | torch.Tensor) -> None:
        space = self._space
        space.first, space.count, space.view, space.places = first, count, view, places
        space.numbers = torch.arange(count, device=self._network.device)

    def _run(self, ids: torch.Tensor, positions: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return last_hidden_masked(self._network, ids, positions, seen, self._cache)
