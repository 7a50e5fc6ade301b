"""Shared by the tests of the live engine."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedTokenizerFast

from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask, Piece
from finetable.models.base_model import BaseModel, embedding_of

SECONDS = 60
"""After which a test says that nothing comes; none waits so long where all is well."""

Pieces = list[Piece]
Listen = Callable[[LiveEngine, Ask], Future[Pieces]]


@pytest.fixture(scope="session")
def listen() -> Listen:
    """Submits an ask; the future holds its pieces when the last has come, or the exception that came."""

    def submit(engine: LiveEngine, ask: Ask) -> Future[Pieces]:
        pieces: Pieces = []
        done: Future[Pieces] = Future()

        def take(news: Piece | Exception) -> None:
            assert not done.done(), "something came after the last piece"
            if isinstance(news, Exception):
                done.set_exception(news)
                return
            pieces.append(news)
            if news.finish is not None:
                done.set_result(pieces)

        engine.submit(ask, take)
        return done

    return submit


@pytest.fixture(scope="session")
def write(listen: Listen) -> Callable[[LiveEngine, Sequence[Ask]], list[Pieces]]:
    """Submits asks together and waits for the pieces of all."""

    def written(engine: LiveEngine, asks: Sequence[Ask]) -> list[Pieces]:
        return [future.result(SECONDS) for future in [listen(engine, ask) for ask in asks]]

    return written


@pytest.fixture
def open_engine() -> Iterator[Callable[..., LiveEngine]]:
    """Opens live engines, and closes them when the test is over."""
    opened: list[LiveEngine] = []

    def open_one(base: BaseModel, most_lanes: int = 64, most_bytes: int = 2**30) -> LiveEngine:
        opened.append(LiveEngine(base, most_lanes, most_bytes))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


@pytest.fixture
def hold() -> Callable[[BaseModel], tuple[Callable[[], None], Callable[[], None]]]:
    """Holds a network where a step begins; gives how to wait until it is there, and how to let it go."""

    def held(base: BaseModel) -> tuple[Callable[[], None], Callable[[], None]]:
        reached, free = Event(), Event()

        def wait(*_: Any) -> None:
            reached.set()
            assert free.wait(SECONDS)

        def wait_until_reached() -> None:
            assert reached.wait(SECONDS)

        embedding_of(base.network).register_forward_pre_hook(wait)
        return wait_until_reached, free.set

    return held


@pytest.fixture(scope="session")
def wide_folder(tmp_path_factory: pytest.TempPathFactory, base_folder: Callable[[str], Path]) -> Path:
    """A base that sees 400 tokens, enough for a few examples in the letters of its small tokenizer."""
    folder = tmp_path_factory.mktemp("bases") / "wide"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base_folder("gpt2"))
    sizes: dict[str, Any] = {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 400,
        "initializer_range": 0.2,
    }
    ends: dict[str, Any] = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = GPT2Config(vocab_size=len(tokenizer), **sizes, **ends)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
