"""Training rows that are shown in the prompts of other rows: which, in what order, and what finds no room."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from finetable.bench_settings import FewShotSettings
from finetable.inference.answerer import NOT_ASKED, Question
from finetable.inference.example_choice import Places, at_random, balanced
from finetable.inference.neighbours import Neighbours, Vectors, by_vectors, by_words
from finetable.wording import are_counted, counted

LayOut = Callable[[Sequence[tuple[str, str]], str], str]
"""Makes a prompt of examples, each a prompt and its answer in the order in which they stand, and a row."""


class ShownExamples:
    """Picks and orders examples; only the training rows it was given are ever shown."""

    def __init__(
        self,
        settings: FewShotSettings,
        examples: tuple[Sequence[str], Sequence[str]],
        vectors: Vectors,
        lay_out: LayOut,
    ) -> None:
        """Take the training rows' prompts and answers, and what gives vectors to compare them by."""
        self._prompts, self._answers = examples
        assert len(self._prompts) == len(self._answers), "an answer to each prompt"
        self._settings = settings
        self._vectors = vectors
        self._lay_out = lay_out
        self._neighbours: Neighbours | None = None
        self._fixed = np.zeros(0, np.int64)
        if settings.pick == "nearest" and settings.k:
            self._neighbours = self._neighbours_of(self._prompts)
        elif settings.pick == "balanced":
            self._fixed = balanced(self._answers, settings.k, settings.seed)
        else:
            self._fixed = at_random(len(self._prompts), settings.k, settings.seed)

    def questions(self, prompts: Sequence[str]) -> list[Question]:
        """What is asked about rows, in their order."""
        if self._neighbours is None:
            return [self._question(prompt, self._fixed) for prompt in prompts]
        nearest = self._neighbours.nearest(prompts, self._settings.k)
        return [self._question(prompt, places) for prompt, places in zip(prompts, nearest, strict=True)]

    def notes(self, shown: npt.NDArray[np.int64]) -> list[str]:
        """What a person should read, where `shown` (N,) examples found room; NOT_ASKED counts for nothing."""
        notes = []
        wanted = min(self._settings.k, len(self._prompts))
        if self._settings.k > wanted:
            rows = counted(wanted, "training row")
            notes.append(f"There are {rows}, so no more than those could be shown of {self._settings.k:,}.")
        left_out = wanted - shown[shown != NOT_ASKED]
        if left_out.any():
            total = are_counted(int(left_out.sum()), "example", ("was", "were"))
            rows = counted(int((left_out > 0).sum()), "row")
            notes.append(f"{total} left out for want of room, the worst first, in the prompts of {rows}.")
        return notes

    def _neighbours_of(self, texts: Sequence[str]) -> Neighbours:
        match self._settings.by:
            case "tfidf":
                return by_words(texts)
            case "embedding":
                return by_vectors(texts, self._vectors)

    def _question(self, prompt: str, places: Places) -> Question:
        order = self._order(prompt, len(places))

        def text(count: int) -> str:
            shown = [int(places[rank]) for rank in order if rank < count]
            return self._lay_out([(self._prompts[i], self._answers[i]) for i in shown], prompt)

        return Question(len(places), text)

    def _order(self, prompt: str, count: int) -> npt.NDArray[np.int64]:
        """Ranks of examples, 0 for the best, as they stand in the prompt."""
        match self._settings.order:
            case "best-last":
                return np.arange(count)[::-1]
            case "best-first":
                return np.arange(count)
            case "shuffled":  # by the question's text, so that a row has one prompt wherever it stands
                digest = blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                chance = np.random.default_rng([self._settings.seed, int.from_bytes(digest, "big")])
                return chance.permutation(count)
