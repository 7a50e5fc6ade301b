import gc
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.inference.lanes import bytes_of_place
from finetable.inference.live_lanes import LiveLanes
from finetable.models.base_model import BaseModel, embedding_of, last_hidden

LENGTH = 80
MOST = 8


def token_ids(seed: int, length: int = LENGTH) -> list[int]:
    drawn = torch.randint(0, 300, (length,), generator=torch.Generator().manual_seed(seed))
    return [int(token) for token in drawn]


def whole_pass(base: BaseModel, ids: list[int]) -> torch.Tensor:
    """Last hidden states (T, D) of one row, all computed at once."""
    with torch.inference_mode():
        return last_hidden(base.network, embedding_of(base.network)(torch.tensor([ids])))[0]


def lanes_of(base: BaseModel, lanes: int, length: int = LENGTH) -> LiveLanes:
    made = LiveLanes(base.network, base.context)
    made.reserve(lanes, length, MOST)
    return made


@torch.inference_mode()
def test_prompts_in_parts_and_then_steps_are_the_whole_pass(base: BaseModel) -> None:
    for parts in ([], [1], [40], [7, 30], [5, 1, 3, 60]):
        ids, lanes, start = token_ids(len(parts)), lanes_of(base, 1), 0
        for part in parts:
            lanes.prefill(0, [ids[start : start + part]], start)
            start += part
        states = torch.stack([lanes.step([ids[t]], [t])[0] for t in range(start, LENGTH)])
        assert torch.allclose(states, whole_pass(base, ids)[start:], atol=1e-4), parts


@torch.inference_mode()
def test_prompts_of_different_lengths_together(base: BaseModel) -> None:
    lanes = lanes_of(base, 4)
    if lanes.shifting:
        return
    rows = [token_ids(lane) for lane in range(4)]
    lengths = [3, 70, 0, 21]
    lanes.prefill(0, [row[:length] for row, length in zip(rows, lengths, strict=True)], 0)
    for t in range(LENGTH - max(lengths)):
        at = [length + t for length in lengths]
        states = lanes.step([row[place] for row, place in zip(rows, at, strict=True)], at)
        for row, place, state in zip(rows, at, states, strict=True):
            assert torch.allclose(state, whole_pass(base, row)[place], atol=1e-4)


@torch.inference_mode()
def test_rows_join_leave_and_move_while_the_cache_grows(base: BaseModel) -> None:
    """The third row joins while two write, the first leaves, and the last takes its place."""
    rows = [token_ids(lane, 90) for lane in range(3)]
    found: list[dict[int, torch.Tensor]] = [{}, {}, {}]
    lanes = lanes_of(base, 2, 20)

    def step(who: list[int], at: list[int]) -> None:
        hidden = lanes.step([rows[row][place] for row, place in zip(who, at, strict=True)], at)
        for row, place, state in zip(who, at, hidden, strict=True):
            found[row][place] = state

    for t in range(10):
        step([0, 1], [t, t])
    lanes.reserve(3, 90, MOST)
    lanes.prefill(2, [rows[2][:50]], 0)
    step([0, 1], [10, 10])
    lanes.prefill(2, [rows[2][50:60]], 50)
    step([0, 1], [11, 11])
    step([0, 1, 2], [12, 12, 60])
    lanes.move(2, 0, 61)
    for t in range(13, 40):
        step([2, 1], [48 + t, t])
    lanes.move(1, 0, 40)
    for t in range(40, 90):
        step([1], [t])
    for row, states in enumerate(found):
        whole = whole_pass(base, rows[row])
        assert len(states) == [13, 90, 28][row]
        for place, state in states.items():
            assert torch.allclose(state, whole[place], atol=1e-4), (row, place)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_company_of_rows_computes_what_each_does_alone(data: st.DataObject, any_base: BaseModel) -> None:
    """Rows come, go and move as they like; how far each has come is drawn, too."""
    lanes = LiveLanes(any_base.network, any_base.context)
    running: list[tuple[int, int]] = []
    seeds = iter(range(100))
    with torch.inference_mode():
        for _ in range(data.draw(st.integers(1, 25))):
            if data.draw(st.booleans()) and running:
                gone = data.draw(st.integers(0, len(running) - 1))
                last = running.pop()
                if gone < len(running):
                    running[gone] = last
                    lanes.move(len(running), gone, last[1])
            if not running or (data.draw(st.booleans()) and len(running) < MOST):
                row, length = next(seeds), data.draw(st.sampled_from([0, 1, 5, 40, 63, 64, 65]))
                lanes.reserve(len(running) + 1, LENGTH + 15, MOST)
                if length:
                    lanes.prefill(len(running), [token_ids(row, 95)[:length]], 0)
                running.append((row, length))
            at = [length for _, length in running]
            hidden = lanes.step([token_ids(row, 95)[length] for row, length in running], at)
            for (row, length), state in zip(running, hidden, strict=True):
                assert torch.allclose(state, whole_pass(any_base, token_ids(row, 95))[length], atol=1e-4)
            running = [(row, length + 1) for row, length in running]


@pytest.fixture(scope="module", params=["qwen3", "gpt_neo_local"])
def any_base(request: pytest.FixtureRequest, load_base: Callable[[str], BaseModel]) -> BaseModel:
    return load_base(request.param)


def test_the_cache_takes_what_is_reserved_and_lets_it_go(load_base: Callable[[str], BaseModel]) -> None:
    base = load_base("llama")
    before = bytes_of_caches()
    lanes = lanes_of(base, 3, 70)
    with torch.inference_mode():
        lanes.step([1, 2, 3], [0, 0, 0])
    assert bytes_of_caches() - before == 4 * 96 * bytes_of_place(base.network)
    lanes.clear()
    assert bytes_of_caches() == before


def test_no_more_lanes_are_reserved_than_there_may_be(load_base: Callable[[str], BaseModel]) -> None:
    base = load_base("llama")
    before = bytes_of_caches()
    lanes = LiveLanes(base.network, base.context)
    lanes.reserve(3, 60, 3)
    with torch.inference_mode():
        lanes.step([1, 2, 3], [0, 0, 0])
    assert bytes_of_caches() - before == 3 * 64 * bytes_of_place(base.network)


def bytes_of_caches() -> int:
    """What keys and values take: the tensors of four dimensions that are not views of others."""
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
    return sum(tensor.nbytes for tensor in tensors if tensor.ndim == 4 and tensor._base is None)
