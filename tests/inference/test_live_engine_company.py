"""Many at once, and what happens when some leave, fail, or the engine is closed."""

import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from finetable.inference import live_batch
from finetable.inference.lanes import bytes_of_place
from finetable.inference.live_engine import EngineClosedError, LiveEngine
from finetable.inference.live_request import Ask, Piece, Ticket
from finetable.models.base_model import BaseModel, embedding_of

Load = Callable[[str], BaseModel]
Open = Callable[..., LiveEngine]
Listen = Callable[[LiveEngine, Ask], Future[list[Piece]]]
Write = Callable[[LiveEngine, Sequence[Ask]], list[list[Piece]]]
Hold = Callable[[BaseModel], tuple[Callable[[], None], Callable[[], None]]]

SECONDS = 60
BAD_ID = 17
"""A token at whose sight a damaged network fails."""


class Leaver:
    """Takes pieces, and cancels its own ask when the first has come."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine
        self.ticket: Future[Ticket] = Future()
        self.pieces: list[Piece | Exception] = []

    def take(self, news: Piece | Exception) -> None:
        self.pieces.append(news)
        for _ in range(2):
            self._engine.cancel(self.ticket.result(SECONDS))


def many_asks(count: int, **options: Any) -> list[Ask]:
    """Asks with prompts and texts of all lengths that the context allows, every other one drawn."""
    draw = torch.Generator().manual_seed(count)
    asks = []
    for number in range(count):
        length, most = (int(torch.randint(1, high, (1,), generator=draw)) for high in (80, 30))
        ids = torch.randint(0, 290, (length,), generator=draw).tolist()
        asks.append(replace(Ask(tuple(ids), most, number % 2, seed=number), **options))
    return asks


def texts_of(written: list[list[Piece]]) -> list[tuple[str, int, str | None]]:
    return [("".join(p.text for p in pieces), pieces[-1].written, pieces[-1].finish) for pieces in written]


def live_threads() -> int:
    return sum(thread.name == "finetable live engine" for thread in threading.enumerate())


def damaged(base: BaseModel) -> BaseModel:
    """A network that fails whenever BAD_ID is in its batch."""

    def fail(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        if bool((inputs[0] == BAD_ID).any()):
            raise ArithmeticError("the network is damaged")

    embedding_of(base.network).register_forward_pre_hook(fail)
    return base


@pytest.fixture(scope="module", params=["gpt2", "gpt_neo_local", "llama", "qwen3"])
def some(request: pytest.FixtureRequest, load_base: Load) -> BaseModel:
    """A base of each kind of cache, positions and heads."""
    return load_base(request.param)


@pytest.mark.parametrize("most_lanes", [3, 64])
def test_asks_from_several_threads_are_not_mixed_up(
    some: BaseModel, open_engine: Open, listen: Listen, most_lanes: int
) -> None:
    asks = many_asks(20)
    engine = open_engine(some, most_lanes)
    alone = texts_of([listen(engine, ask).result(SECONDS) for ask in asks])
    with ThreadPoolExecutor(6) as threads:
        futures = list(threads.map(lambda ask: listen(engine, ask), asks))
    assert texts_of([future.result(SECONDS) for future in futures]) == alone
    assert len({text for text, _, _ in alone}) > 15


def test_little_memory_means_waiting_and_not_other_texts(
    load_base: Load, open_engine: Open, write: Write
) -> None:
    base, asks = load_base("gpt_neo_local"), many_asks(12)
    texts = texts_of(write(open_engine(base), asks))
    for most_bytes in (1, 200 * bytes_of_place(base.network)):
        assert texts_of(write(open_engine(base, 64, most_bytes), asks)) == texts


def test_who_comes_first_is_served_first(load_base: Load, open_engine: Open, listen: Listen) -> None:
    base = load_base("gpt2")
    engine = open_engine(base, 1)
    ended: list[int] = []

    def note(number: int, _: Future[list[Piece]]) -> None:
        ended.append(number)

    asks = [Ask((5, number), 3, 0, logit_bias={base.special.end: -1000}) for number in range(6)]
    futures = [listen(engine, ask) for ask in asks]
    for number, future in enumerate(futures):
        future.add_done_callback(partial(note, number))
    for future in futures:
        future.result(SECONDS)
    assert engine.score([[1, 2]], 0).result(SECONDS)
    assert ended == sorted(ended)


def test_who_joins_does_not_wait_for_those_who_write(
    load_base: Load, hold: Hold, open_engine: Open, listen: Listen
) -> None:
    base = load_base("qwen2")
    reached, let_go = hold(base)
    engine = open_engine(base)
    ended: list[str] = []
    long = listen(engine, Ask((5, 6), 80, 0, logit_bias={base.special.end: -1000}))
    long.add_done_callback(lambda _: ended.append("long"))
    reached()
    short = listen(engine, Ask((7,), 3, 0, logit_bias={base.special.end: -1000}))
    short.add_done_callback(lambda _: ended.append("short"))
    let_go()
    assert long.result(SECONDS)[-1].written == 80
    assert ended == ["short", "long"]


def test_a_cancelled_ask_frees_its_place_and_hears_no_more(
    some: BaseModel, open_engine: Open, write: Write
) -> None:
    engine = open_engine(some, 1)
    leaver = Leaver(engine)
    forever = {some.special.end: -1000.0}
    leaver.ticket.set_result(engine.submit(Ask((5, 6), 80, 0, logit_bias=forever, logprobs=0), leaver.take))
    (pieces,) = write(engine, [Ask((7,), 10, 0, logit_bias=forever)])
    assert pieces[-1].written == 10
    (piece,) = leaver.pieces
    assert isinstance(piece, Piece)
    assert piece.written < 10


def test_those_who_stay_write_on_when_others_leave(
    some: BaseModel, open_engine: Open, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some leave while they write, some while their prompt is taken, some before they have a place."""
    monkeypatch.setattr(live_batch, "PROMPT_TOKENS", 7)
    asks = many_asks(16, logprobs=0)
    engine = open_engine(some, 4)
    alone = texts_of([listen(engine, ask).result(SECONDS) for ask in asks])
    staying, leavers = [], []
    for number, ask in enumerate(asks):
        staying.append(listen(engine, ask))
        leavers.append(Leaver(engine))
        leavers[-1].ticket.set_result(engine.submit(replace(ask, most_tokens=50), leavers[-1].take))
        if number % 3 == 0:
            engine.cancel(leavers[-1].ticket.result())
    assert texts_of([future.result(SECONDS) for future in staying]) == alone
    assert all(len(leaver.pieces) <= 1 for leaver in leavers)


def test_an_ask_cancelled_before_its_turn_is_never_written(
    load_base: Load, hold: Hold, open_engine: Open, write: Write
) -> None:
    base = load_base("llama")
    reached, let_go = hold(base)
    engine = open_engine(base, 1)
    heard: list[Piece | Exception] = []
    engine.submit(Ask((5,), 5, 0), lambda _: None)
    reached()
    ticket = engine.submit(Ask((BAD_ID,), 5, 0), heard.append)
    engine.cancel(ticket)
    engine.cancel(ticket)
    let_go()
    write(engine, [Ask((6,), 5, 0)])
    assert heard == []


def test_a_callback_that_fails_harms_its_own_ask_only(
    load_base: Load, open_engine: Open, write: Write
) -> None:
    base = load_base("gpt_neox")
    engine = open_engine(base)
    heard: list[Piece | Exception] = []

    def fail(news: Piece | Exception) -> None:
        heard.append(news)
        raise SystemExit("gone")

    engine.submit(Ask((5, 6), 80, 0, logprobs=0), fail)
    assert write(engine, [Ask((7,), 10, 0, logit_bias={base.special.end: -1000})])[0][-1].written == 10
    assert len(heard) == 1


@pytest.mark.parametrize("name", ["llama", "gpt_neo_local"])
def test_a_fault_reaches_everyone_and_the_engine_goes_on(
    load_base: Load, hold: Hold, open_engine: Open, listen: Listen, write: Write, name: str
) -> None:
    """Of those who write, those who join, and those who wait."""
    base = load_base(name)
    reached, let_go = hold(base)
    engine = open_engine(damaged(base), 2)
    banned = {BAD_ID: -1000.0, base.special.end: -1000.0}
    futures = [listen(engine, Ask((5, 6), 90, 0, logit_bias=banned))]
    reached()
    for ids in ((8, BAD_ID, 9), (7,), (4, 4), (3,)):
        futures.append(listen(engine, Ask(ids, 90, 0, logit_bias=banned)))
    let_go()
    for future in futures:
        with pytest.raises(ArithmeticError, match="the network is damaged"):
            future.result(SECONDS)
    assert write(engine, [Ask((5, 6), 9, 0, logit_bias=banned)])[0][-1].written == 9


def test_a_job_that_fails_harms_no_one_else(load_base: Load, open_engine: Open, listen: Listen) -> None:
    base = damaged(load_base("llama"))
    engine = open_engine(base)
    text = listen(engine, Ask((5, 6), 20, 0, logit_bias={BAD_ID: -1000.0, base.special.end: -1000.0}))
    failing = (engine.embed([[1, BAD_ID]]), engine.score([[BAD_ID, 4]], 1))
    embedded = engine.embed([[1, 2]])
    for job in failing:
        with pytest.raises(ArithmeticError):
            job.result(SECONDS)
    assert embedded.result(SECONDS).shape == (1, 32)
    assert text.result(SECONDS)[-1].written == 20


def test_closing_tells_everyone_and_ends_the_thread(load_base: Load, hold: Hold, listen: Listen) -> None:
    base = load_base("gptj")
    reached, let_go = hold(base)
    before, engine = live_threads(), LiveEngine(base, most_lanes=2)
    with pytest.raises(ValueError, match="96 ids where 1 to 95 are wanted"):
        engine.submit(Ask((1,) * 96, 5), lambda _: None)
    texts = [listen(engine, Ask((5, 6), 80, 0)) for _ in range(5)]
    reached()
    embedded, scored = engine.embed([[1, 2]]), engine.score([[1, 2]], 0)
    assert scored.cancel()
    threading.Timer(0.05, let_go).start()
    engine.close()
    assert live_threads() == before
    faults = [future.exception(0) for future in texts] + [embedded.exception(0)]
    assert {type(fault) for fault in faults} == {EngineClosedError}
    with pytest.raises(CancelledError):
        scored.result(0)
    with pytest.raises(EngineClosedError):
        engine.submit(Ask((5,), 1), lambda _: None)
    with pytest.raises(EngineClosedError):
        engine.embed([[1]])
    engine.close()


def test_an_engine_may_be_closed_from_a_callback(load_base: Load) -> None:
    engine = LiveEngine(load_base("gpt2"))
    heard: list[Piece | Exception] = []
    told: Future[None] = Future()

    def close(news: Piece | Exception) -> None:
        heard.append(news)
        engine.close()
        if isinstance(news, Exception):
            told.set_result(None)

    engine.submit(Ask((5, 6), 80, 0, logprobs=0), close)
    told.result(SECONDS)
    engine.close()
    assert [type(news) for news in heard] == [Piece, EngineClosedError]


def test_what_is_done_is_forgotten(load_base: Load, open_engine: Open, write: Write) -> None:
    base = load_base("qwen3")
    engine = open_engine(base, 2)
    write(engine, [Ask((9,), 2, 0)])
    before = bytes_of_caches()
    asks = [Ask((5, number), 12, 0, frequency_penalty=1, logprobs=1) for number in range(6)]
    kept = [weakref.ref(ask) for ask in asks]
    engine.cancel(engine.submit(asks.pop(), lambda _: None))
    write(engine, asks)
    del asks
    engine.embed([[1, 2]]).result(SECONDS)
    assert bytes_of_caches() <= before
    assert [ask() for ask in kept] == [None] * 6


def bytes_of_caches() -> int:
    """What keys and values take: the tensors of four dimensions that are not views of others."""
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
    return sum(tensor.nbytes for tensor in tensors if tensor.ndim == 4 and tensor._base is None)
