from collections.abc import Callable

import pytest
import torch
from torch import nn

from finetable.inference.lanes import LaneLayer, Lanes, ShiftingLaneLayer, lanes_for
from finetable.models.base_model import BaseModel, embedding_of, last_hidden

LENGTH = 48


def token_ids(seed: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, 300, shape, generator=torch.Generator().manual_seed(seed))


def whole_pass(base: BaseModel, ids: torch.Tensor) -> torch.Tensor:
    """Last hidden states (T, D) of one row, all computed at once."""
    with torch.inference_mode():
        return last_hidden(base.network, embedding_of(base.network)(ids.unsqueeze(0)))[0]


def test_each_lane_computes_its_own_row(base: BaseModel) -> None:
    ids = token_ids(1, 3, LENGTH)
    lanes = Lanes(base.network, 3, LENGTH)
    with torch.inference_mode():
        steps = torch.stack([lanes.step(ids[:, t]) for t in range(LENGTH)], dim=1)
    for lane in range(3):
        assert torch.allclose(steps[lane], whole_pass(base, ids[lane]), atol=1e-4)


def test_rows_may_begin_at_any_time_and_lanes_be_used_again(base: BaseModel) -> None:
    starts = [(0, 0), (1, 7), (2, 7), (0, 20), (1, 31), (0, 44)]
    rows = {start: token_ids(place, LENGTH) for place, start in enumerate(starts)}
    lanes = Lanes(base.network, 3, LENGTH)
    running: dict[int, tuple[int, int]] = {}
    found: dict[tuple[int, int], list[torch.Tensor]] = {start: [] for start in starts}
    with torch.inference_mode():
        for t in range(60):
            for lane, begin in starts:
                if begin == t:
                    running[lane] = (lane, begin)
                    lanes.restart(lane)
            ids = torch.full((3,), 5)
            for lane, start in running.items():
                ids[lane] = rows[start][min(t - start[1], LENGTH - 1)]
            hidden = lanes.step(ids)
            for lane, start in running.items():
                found[start].append(hidden[lane])
    for start, states in found.items():
        computed = torch.stack(states[:LENGTH])
        assert torch.allclose(computed, whole_pass(base, rows[start][: len(computed)]), atol=1e-4)


def test_a_lane_gives_the_same_bits_whatever_runs_beside_it(base: BaseModel) -> None:
    ids = token_ids(2, LENGTH)
    found = []
    for company in range(3):
        others = token_ids(10 + company, 3, LENGTH + 9)
        lanes = Lanes(base.network, 4, LENGTH)
        with torch.inference_mode():
            for t in range(9 * company):
                lanes.step(torch.cat([others[:2, t % 9], ids[:1], others[2:, t % 9]]))
            lanes.restart(2)
            states = []
            for t in range(LENGTH):
                if t % (7 + company) == 3:
                    lanes.restart(company % 2)
                states.append(lanes.step(torch.cat([others[:2, t], ids[t : t + 1], others[2:, t]]))[2])
        found.append(torch.stack(states))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_lanes_without_a_row_never_leave_the_cache(base: BaseModel) -> None:
    ids = token_ids(3, LENGTH)
    lanes = Lanes(base.network, 2, LENGTH)
    with torch.inference_mode():
        for _ in range(2):
            lanes.restart(0)
            states = [lanes.step(torch.tensor([int(ids[t]), 7]))[0] for t in range(LENGTH)]
            assert int(lanes.positions.max()) < LENGTH
    assert torch.allclose(torch.stack(states), whole_pass(base, ids), atol=1e-4)


def test_a_lane_layer_writes_where_each_lane_stands() -> None:
    positions = torch.tensor([0, 3, 1])
    layer = LaneLayer(5, positions)
    keys, values = torch.ones(3, 2, 1, 4), torch.full((3, 2, 1, 6), 2.0)
    layer.update(keys, values)
    positions += 1
    all_keys, all_values = layer.update(3 * keys, 4 * values)
    assert all_keys.shape == (3, 2, 5, 4)
    assert all_values.shape == (3, 2, 5, 6)
    assert all_keys[:, 0, :, 0].tolist() == [[1, 3, 0, 0, 0], [0, 0, 0, 1, 3], [0, 1, 3, 0, 0]]
    assert all_values[:, 1, :, 5].tolist() == [[2, 8, 0, 0, 0], [0, 0, 0, 2, 8], [0, 2, 8, 0, 0]]
    assert layer.get_mask_sizes(1) == (5, 0)
    assert layer.get_seq_length() == layer.get_max_length() == 5


def test_a_shifting_layer_keeps_the_newest_last() -> None:
    layer = ShiftingLaneLayer(3, torch.tensor([0, 2]))
    for number in range(1, 6):
        keys, values = layer.update(
            torch.full((2, 1, 1, 1), float(number)), torch.full((2, 1, 1, 1), -float(number))
        )
    assert keys.flatten(1).tolist() == [[3, 4, 5], [3, 4, 5]]
    assert values.flatten(1).tolist() == [[-3, -4, -5], [-3, -4, -5]]


def test_as_many_lanes_as_fit_into_the_memory(base: BaseModel) -> None:
    """The reference is what transformers' own cache takes for a token."""
    with torch.inference_mode():
        cache = base.network(token_ids(4, 1, 10), use_cache=True).past_key_values
    token_bytes = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers) // 10
    eight_lanes = 8 * LENGTH * token_bytes
    assert lanes_for(base.network, LENGTH, 64, eight_lanes) == 8
    assert lanes_for(base.network, LENGTH, 64, eight_lanes - 1) == 4
    assert lanes_for(base.network, LENGTH, 64, 2 * eight_lanes - 1) == 8
    assert lanes_for(base.network, LENGTH, 4, eight_lanes) == 4
    assert lanes_for(base.network, LENGTH, 64, 1) == 1


def test_memory_is_counted_in_the_format_of_the_network(load_base: Callable[[str], BaseModel]) -> None:
    network = load_base("llama").network
    most = lanes_for(network, LENGTH, 64, 4 * LENGTH * 2 * 2 * 2 * 8 * 4)
    assert most == 4
    nn.Module.to(network, torch.bfloat16)
    assert lanes_for(network, LENGTH, 64, 4 * LENGTH * 2 * 2 * 2 * 8 * 4) == 8


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 17])
def test_windows_shorter_and_longer_than_the_lanes(
    load_base: Callable[[str], BaseModel], length: int
) -> None:
    base = load_base("gpt_neo_local")
    ids = token_ids(5, length)
    lanes = Lanes(base.network, 2, length)
    with torch.inference_mode():
        states = torch.stack([lanes.step(ids[t].repeat(2))[1] for t in range(length)])
    assert torch.allclose(states, whole_pass(base, ids), atol=1e-4)
