from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace

from finetable.inference.engine import Request
from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask, Piece
from finetable.inference.torch_engine import TorchEngine
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

Load = Callable[[str], BaseModel]

SECONDS = 60
"""After which a test says that nothing comes; none waits so long where all is well."""
REQUESTS = (
    Request(0, "the sea"),
    Request(1, None),
    Request(2, "Un été à Paris, l'amour au café; Un été à Paris"),
    Request(3, ""),
    Request(4, "映画", prefix="Two friends"),
    Request(5, None, prefix="Only "),
    Request(6, "a film about the moon, and love"),
)


class Listener:
    """Takes the pieces of one ask; `all` waits for the last."""

    def __init__(self, engine: LiveEngine, ask: Ask) -> None:
        self._pieces: list[Piece] = []
        self._done: Future[list[Piece]] = Future()
        self.ticket = engine.submit(ask, self._take)

    def _take(self, news: Piece | Exception) -> None:
        assert not self._done.done(), "something came after the last piece"
        if isinstance(news, Exception):
            self._done.set_exception(news)
            return
        self._pieces.append(news)
        if news.finish is not None:
            self._done.set_result(self._pieces)

    def all(self) -> list[Piece]:
        return self._done.result(SECONDS)

    def text(self) -> str:
        return "".join(piece.text for piece in self.all())


def ask_of(base: BaseModel, request: Request, **options: object) -> Ask:
    encoder = base.encoder()
    ids = encoder.prompts([request.prompt])[0] + encoder.prefix(request.prefix)
    return replace(Ask(tuple(ids), 24, temperature=0), **options)  # type: ignore[arg-type]


def slowly(base: BaseModel, requests: Sequence[Request], most: int) -> list[str]:
    engine = TorchEngine(base, longest_prompt=20, longest_answer=20, most_lanes=4)
    texts = engine.stream(requests, SamplingSettings(temperature=0, max_tokens=most), 64)
    by_row = {text.request.row: text.text for text in texts}
    return [by_row[request.row] for request in requests]


def test_greedy_texts_are_those_of_the_other_engine(base: BaseModel) -> None:
    with closing(LiveEngine(base)) as engine:
        for most in (24, 70):
            together = [Listener(engine, ask_of(base, request, most_tokens=most)) for request in REQUESTS]
            assert [each.text() for each in together] == slowly(base, REQUESTS, most)
