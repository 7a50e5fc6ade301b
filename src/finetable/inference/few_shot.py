"""Few-shot prompting: a model is shown training rows and asked for the label of another row."""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from finetable.bench_settings import FewShotSettings
from finetable.data.probabilities import softmax
from finetable.errors import RecipeError
from finetable.inference.answerer import NOT_ASKED, Answerer
from finetable.inference.contestant import OUTSIDE, Labelled
from finetable.inference.few_shot_layout import Layout
from finetable.inference.shown_examples import ShownExamples
from finetable.settings import TaskSettings
from finetable.wording import are_counted


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
        strange = sorted(set(examples[1]) - set(labels))
        if strange:
            raise RecipeError(f"A training row has the {task.target} {strange[0]!r}, which is no label.")
        self._answerer = answerer
        self._labels = tuple(labels)
        layout = Layout(task, self._labels, settings.labels)
        self._examples = ShownExamples(settings, examples, answerer.vectors, layout.prompt)

    def label(self, prompts: Sequence[str]) -> Labelled:
        """What the model says of rows, in their order; raises UserError where it cannot be asked."""
        started = time.perf_counter()
        questions = self._examples.questions(prompts)
        answers = self._answerer.answer(questions, self._labels)
        seconds = time.perf_counter() - started
        return Labelled(
            predicted=answers.chosen,
            probabilities=None if answers.scores is None else softmax(answers.scores, 1.0),
            seconds=seconds,
            cost=answers.cost,
            outside=int((answers.chosen == OUTSIDE).sum()),
            notes=(*self._notes(answers.shown), *answers.notes),
        )

    def prompt_for(self, prompt: str) -> str:
        """What the model is shown for a row, with the examples there is room for."""
        question = self._examples.questions([prompt])[0]
        return question.text(max(0, self._answerer.shown(question, self._labels)))

    def close(self) -> None:
        """Let go of the model, or of the connections to it."""
        self._answerer.close()

    def _notes(self, shown: npt.NDArray[np.int64]) -> list[str]:
        notes = self._examples.notes(shown)
        too_long = int((shown == NOT_ASKED).sum())
        if too_long:
            rows = are_counted(too_long, "row", ("was", "were"))
            notes.append(f"{rows} too long to be asked about even without examples, and got no label.")
        return notes
