"""Few-shot prompting for texts: a model is shown training rows, predicts other texts and writes its own."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing

import numpy as np
import numpy.typing as npt
import torch

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError
from finetable.inference.answerer import NOT_ASKED, Question, full_text, most_that_fit, same_beginning
from finetable.inference.contestant import Wrote
from finetable.inference.engine import usual_most_tokens
from finetable.inference.few_shot_layout import WritingLayout
from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask, Piece
from finetable.inference.local_answers import LocalAnswerer
from finetable.inference.shown_examples import ShownExamples
from finetable.inference.tail_scores import score_tails
from finetable.models.base_model import BaseModel
from finetable.settings import TaskSettings
from finetable.verb_settings import SamplingSettings
from finetable.wording import are_counted, counted

END_OF_TEXT = "\n\n"
"""Examples stand a blank line apart, so that is what ends a text; a single line break may stand in one."""

FEWEST_TOKENS = 16
BATCH = 64
ROWS_AT_ONCE = 512
"""Rows whose ids are held together."""


class FewShotWriter:
    """Writes behind examples; only the training rows it was given are ever shown."""

    def __init__(
        self,
        settings: FewShotSettings,
        base: BaseModel,
        task: TaskSettings,
        examples: tuple[Sequence[str], Sequence[str]],
    ) -> None:
        """Take a base as it came, and the training rows: their prompts ("" without given columns) and texts.

        Raises RecipeError where there is no room for a prompt and a text.
        """
        self._base = base
        self._encoder = base.encoder()
        self._room = min(base.context, settings.tokens or base.context)
        if self._room < FEWEST_TOKENS:
            raise RecipeError(
                f"{self._room:,} tokens are too few for a prompt and a text; at least {FEWEST_TOKENS} are "
                f"needed."
            )
        self._known = examples[1]
        spelled = self._encoder.plain([full_text("", text, END_OF_TEXT) for text in self._known])
        self._most = usual_most_tokens(max(map(len, spelled)))
        self._prompt_room = self._room - min(self._most, self._room // 2)
        vectors = LocalAnswerer(base, None).vectors
        self._examples = ShownExamples(settings, examples, vectors, WritingLayout(task).prompt)

    def wrote(self, prompts: Sequence[str], texts: Sequence[str], count: int) -> Wrote:
        """How well it predicts the rows' texts, and `count` texts of its own for the rows' prompts in turn.

        The text written at a place depends on that place and its prompt alone.
        """
        fitted = [self._fitted(question) for question in self._examples.questions(prompts)]
        asked = [prompt for _, prompt in fitted]
        nats, in_pieces = self._nats(asked, texts)
        with closing(LiveEngine(self._base)) as engine:
            began = time.perf_counter()
            pending = [_whole_text(engine, self._ask(asked[i % len(asked)], i)) for i in range(count)]
            written = [future.result() for future in pending]
            seconds = time.perf_counter() - began
        shown = np.array([examples for examples, _ in fitted], dtype=np.int64)
        cut = sum(is_cut for _, is_cut in written)
        return Wrote(
            nats=nats,
            texts=tuple(text for text, _ in written),
            seconds=seconds,
            cost=0.0,
            notes=(*self._examples.notes(shown), *self._notes(shown, texts, in_pieces, cut)),
        )

    def prompt_for(self, prompt: str) -> str:
        """What the model is shown for a row, with the examples there is room for."""
        return self._fitted(self._examples.questions([prompt])[0])[1]

    def _fitted(self, question: Question) -> tuple[int, str]:
        """How many examples leave room for the longest text, NOT_ASKED where not even none do; the prompt."""

        def fits(count: int) -> bool:
            return len(self._encoder.plain([question.text(count)])[0]) <= self._prompt_room

        count = most_that_fit(question.examples, fits)
        return count, question.text(max(0, count))

    @torch.inference_mode()
    def _nats(self, prompts: Sequence[str], texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], int]:
        """Minus log-probability of each text with its end, (N,), and how many were read in pieces.

        Whatever tokens the end of a prompt and the beginning of a text make together, what counts is the
        ids of the whole behind those it shares with the prompt alone.
        """
        nats = np.zeros(len(texts))
        in_pieces = 0
        for first in range(0, len(texts), ROWS_AT_ONCE):
            some = slice(first, first + ROWS_AT_ONCE)
            alone = self._encoder.plain(prompts[some])
            joined = [full_text(*both, END_OF_TEXT) for both in zip(prompts[some], texts[some], strict=True)]
            whole = self._encoder.plain(joined)
            rows: list[np.ndarray] = []
            starts: list[int] = []
            owners: list[int] = []
            for place, (before, ids) in enumerate(zip(alone, whole, strict=True), first):
                in_pieces += len(ids) > self._room
                for piece, start in _pieces(ids, max(1, same_beginning([before, ids])), self._room):
                    rows.append(np.array(piece, np.int32))
                    starts.append(start)
                    owners.append(place)
            np.subtract.at(nats, owners, score_tails(self._base, rows, starts, BATCH))
        return nats, in_pieces

    def _ask(self, prompt: str, number: int) -> Ask:
        ids = self._encoder.plain([prompt])[0][-self._prompt_room :]
        sampling = SamplingSettings()
        return Ask(
            ids=tuple(ids),
            most_tokens=min(self._most, self._room - len(ids)),
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            seed=sampling.seed,
            draw=number,
            stop=(END_OF_TEXT,),
        )

    def _notes(
        self, shown: npt.NDArray[np.int64], texts: Sequence[str], in_pieces: int, cut: int
    ) -> list[str]:
        notes = []
        too_long = int((shown == NOT_ASKED).sum())
        if too_long:
            rows = are_counted(too_long, "row", ("was", "were"))
            notes.append(
                f"{rows} too long even without examples, so texts were written behind the end alone."
            )
        if in_pieces:
            rows = are_counted(in_pieces, "text", ("was", "were"))
            notes.append(f"{rows} longer with the prompt than {self._room:,} tokens, and read in pieces.")
        held = [sum(map(_ends_early, some)) for some in (self._known, texts)]
        if any(held):
            training, test = counted(held[0], "training text"), counted(held[1], "test text")
            notes.append(f"A blank line ends a text here; {training} and {test} hold one.")
        if cut:
            rows = are_counted(cut, "text", ("was", "were"))
            notes.append(f"{rows} written without coming to an end, and cut.")
        return notes


def _pieces(ids: Sequence[int], start: int, room: int) -> Iterator[tuple[Sequence[int], int]]:
    """Pieces of at most `room` ids, and where in each those start that count: from `start` on each id once.

    Where there are several, each but the first has room // 2 ids and more before those that count.
    """
    while start < len(ids):
        stop = min(len(ids), max(room, start + room // 2))
        first = max(0, stop - room)
        yield ids[first:stop], start - first
        start = stop


def _ends_early(text: str) -> bool:
    return (text + END_OF_TEXT).index(END_OF_TEXT) < len(text)


def _whole_text(engine: LiveEngine, ask: Ask) -> Future[tuple[str, bool]]:
    """A text without the blanks around it, and whether it was cut."""
    whole: Future[tuple[str, bool]] = Future()
    texts: list[str] = []

    def take(news: Piece | Exception) -> None:
        if isinstance(news, Exception):
            whole.set_exception(news)
            return
        texts.append(news.text)
        if news.finish is not None:
            whole.set_result(("".join(texts).strip(), news.finish == "length"))

    engine.submit(ask, take)
    return whole
