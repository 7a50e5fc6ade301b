"""How much faster the live engine writes for many clients at once than for one, and how soon text begins.

    python benchmarks/live_engine.py                  # a fresh network of 4 million parameters
    python benchmarks/live_engine.py films --tokens 64

Given a model folder, it is measured in place of the fresh one. Each client asks for a text that is not ended
before its tokens are written; the runs of one and of many are taken in turn, and the fastest of each counts.
"""

import argparse
import random
import statistics
import time
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass

from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask, Piece
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import load_pretrained
from finetable.models.scratch import build_scratch, train_tokenizer

ROUNDS = 3


@dataclass(frozen=True)
class Speed:
    """Of one run: tokens per second of all clients together, and each one's seconds to the first piece."""

    tokens: float
    first: list[float]


class Client:
    """Takes one text and notes when it began."""

    def __init__(self, engine: LiveEngine, ask: Ask) -> None:
        self._start = time.perf_counter()
        self.first: float | None = None
        self.written: Future[int] = Future()
        engine.submit(ask, self._take)

    def _take(self, news: Piece | Exception) -> None:
        if isinstance(news, Exception):
            self.written.set_exception(news)
            return
        if self.first is None:
            self.first = time.perf_counter() - self._start
        if news.finish is not None:
            self.written.set_result(news.written)


def fresh_base(draw: random.Random) -> BaseModel:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(20_000)]
    texts = [" ".join(draw.choices(words, k=100)) for _ in range(1500)]
    return build_scratch("small", train_tokenizer(lambda: texts, "small"), seed=0)


def run(engine: LiveEngine, asks: list[Ask]) -> Speed:
    start = time.perf_counter()
    clients = [Client(engine, ask) for ask in asks]
    written = sum(client.written.result() for client in clients)
    seconds = time.perf_counter() - start
    return Speed(written / seconds, [client.first or 0.0 for client in clients])


def asks_for(base: BaseModel, arguments: argparse.Namespace, draw: random.Random) -> list[Ask]:
    special = base.special
    plain = [i for i in range(base.network.config.vocab_size) if i not in vars(special).values()]
    return [
        Ask(
            ids=(special.start, *draw.choices(plain, k=draw.randint(1, 2 * arguments.prompt))),
            most_tokens=arguments.tokens,
            temperature=arguments.temperature,
            top_p=arguments.top_p,
            seed=number,
            logit_bias={special.end: -1000.0},
        )
        for number in range(arguments.clients)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=16, help="tokens of a prompt, on average")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float, default=1.0)
    arguments = parser.parse_args()
    draw = random.Random(0)
    base = (
        fresh_base(draw)
        if arguments.folder is None
        else load_pretrained(arguments.folder, with_separator=False)
    )
    parameters = sum(weight.numel() for weight in base.network.parameters())
    print(f"{parameters:,} parameters, texts of {arguments.tokens} tokens")
    asks = asks_for(base, arguments, draw)
    with closing(LiveEngine(base, most_lanes=arguments.clients)) as engine:
        run(engine, asks)
        rounds = [(run(engine, asks[:1]), run(engine, asks)) for _ in range(ROUNDS)]
    one, many = (max(speeds, key=lambda speed: speed.tokens) for speeds in zip(*rounds, strict=True))
    for clients, speed in ((1, one), (arguments.clients, many)):
        first = statistics.median(speed.first) * 1000
        print(
            f"{clients:>4} at once: {speed.tokens:8.0f} tokens/s, first piece after {first:6.0f} ms (median)"
        )
    print(f"together {many.tokens / one.tokens:.1f} times as fast as one")


if __name__ == "__main__":
    main()
