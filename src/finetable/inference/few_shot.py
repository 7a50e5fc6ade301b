"""Few-shot prompting: a model is shown training rows and asked for the label of another row."""

import time
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from finetable.bench_settings import FewShotSettings
from finetable.data.probabilities import softmax
from finetable.errors import RecipeError
from finetable.inference.answerer import NOT_ASKED, Answerer, Answers, Question
from finetable.inference.contestant import OUTSIDE, Labelled
from finetable.inference.example_choice import Places, at_random, balanced
from finetable.inference.few_shot_layout import Layout
from finetable.inference.neighbours import Neighbours, by_vectors, by_words
from finetable.settings import TaskSettings
from finetable.wording import are_counted, counted


class FewShot:
    """Labels rows by showing a model examples; only the training rows it was given are ever shown."""

    def __init__(
        self,
        settings: FewShotSettings,
        answerer: Answerer,
        task: TaskSettings,
        labels: Sequence[str],
        examples: tuple[Sequence[str], Sequence[str]],
    ) -> None:
        """Take who answers, and the training rows: their prompts and their answers, as a task makes them.

        Raises RecipeError for labels that cannot be answered in a line, and for training rows that have
        other labels.
        """
        self._prompts, self._answers = examples
        assert len(self._prompts) == len(self._answers), "an answer to each prompt"
        strange = sorted(set(self._answers) - set(labels))
        if strange:
            raise RecipeError(f"A training row has the {task.target} {strange[0]!r}, which is no label.")
        self._settings = settings
        self._answerer = answerer
        self._labels = tuple(labels)
        self._layout = Layout(task, self._labels, settings.labels)
        self._neighbours: Neighbours | None = None
        self._fixed = np.zeros(0, np.int64)
        if settings.pick == "nearest" and settings.k:
            self._neighbours = self._neighbours_of(self._prompts)
        elif settings.pick == "balanced":
            self._fixed = balanced(self._answers, settings.k, settings.seed)
        else:
            self._fixed = at_random(len(self._prompts), settings.k, settings.seed)

    def label(self, prompts: Sequence[str]) -> Labelled:
        """What the model says of rows, in their order; raises UserError where it cannot be asked."""
        started = time.perf_counter()
        questions = self._questions(prompts)
        answers = self._answerer.answer(questions, self._labels)
        seconds = time.perf_counter() - started
        return Labelled(
            predicted=answers.chosen,
            probabilities=None if answers.scores is None else softmax(answers.scores, 1.0),
            seconds=seconds,
            cost=answers.cost,
            outside=int((answers.chosen == OUTSIDE).sum()),
            notes=(*self._notes(questions, answers), *answers.notes),
        )

    def prompt_for(self, prompt: str) -> str:
        """What the model is shown for a row, with the examples there is room for."""
        question = self._questions([prompt])[0]
        return question.text(max(0, self._answerer.shown(question, self._labels)))

    def close(self) -> None:
        """Let go of the model, or of the connections to it."""
        self._answerer.close()

    def _neighbours_of(self, texts: Sequence[str]) -> Neighbours:
        match self._settings.by:
            case "tfidf":
                return by_words(texts)
            case "embedding":
                return by_vectors(texts, self._answerer.vectors)

    def _questions(self, prompts: Sequence[str]) -> list[Question]:
        if self._neighbours is None:
            return [self._question(prompt, self._fixed) for prompt in prompts]
        nearest = self._neighbours.nearest(prompts, self._settings.k)
        return [self._question(prompt, places) for prompt, places in zip(prompts, nearest, strict=True)]

    def _question(self, prompt: str, places: Places) -> Question:
        order = self._order(prompt, len(places))

        def text(count: int) -> str:
            shown = [int(places[rank]) for rank in order if rank < count]
            return self._layout.prompt([(self._prompts[i], self._answers[i]) for i in shown], prompt)

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

    def _notes(self, questions: Sequence[Question], answers: Answers) -> list[str]:
        notes = []
        if self._settings.k > len(self._prompts):
            rows = counted(len(self._prompts), "training row")
            notes.append(f"There are {rows}, so no more than those could be shown of {self._settings.k:,}.")
        asked = answers.shown != NOT_ASKED
        wanted = np.array([question.examples for question in questions], dtype=np.int64)
        left_out = (wanted - answers.shown)[asked]
        if left_out.any():
            total = are_counted(int(left_out.sum()), "example", ("was", "were"))
            rows = counted(int((left_out > 0).sum()), "row")
            notes.append(f"{total} left out for want of room, the worst first, in the prompts of {rows}.")
        if not asked.all():
            rows = are_counted(int((~asked).sum()), "row", ("was", "were"))
            notes.append(f"{rows} too long to be asked about even without examples, and got no label.")
        return notes
