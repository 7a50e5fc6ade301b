"""A base in memory answers few-shot prompts: every label is scored behind the prompt, none is written."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from finetable.inference.answerer import (
    NOT_ASKED,
    SPELLED,
    Answers,
    Question,
    end_of_answer,
    full_text,
    most_that_fit,
    same_beginning,
)
from finetable.inference.contestant import OUTSIDE
from finetable.inference.label_scores import score_labels
from finetable.inference.live_scores import embed_rows
from finetable.models.base_model import BaseModel

TEXTS_AT_ONCE = 4096
"""Prompts with a label behind them whose tokens are held together."""

Ids = list[list[int]]


class LocalAnswerer:
    """Scores labels with a base as it came, without any special token of ours."""

    def __init__(self, base: BaseModel, most_tokens: int | None, batch_size: int = 64) -> None:
        """Take a base; prompt and answer have at most `most_tokens` tokens, else as many as it sees."""
        base.network.eval()
        self._base = base
        self._encoder = base.encoder()
        self._room = min(base.context, most_tokens or base.context)
        self._batch_size = batch_size
        spelled = self._encoder.plain([SPELLED])[0]
        self._end = end_of_answer([self._encoder.decode([token]) for token in spelled])

    def answer(self, questions: Sequence[Question], labels: Sequence[str]) -> Answers:
        """Every question's answer; each shows as many of its examples as there is room for."""
        scores = np.zeros((len(questions), len(labels)))
        shown = np.full(len(questions), NOT_ASKED, np.int64)
        at_once = max(1, TEXTS_AT_ONCE // len(labels))
        for first in range(0, len(questions), at_once):
            piece = questions[first : first + at_once]
            known = [self._fitted(question, labels) for question in piece]
            shown[first : first + len(piece)] = [count for count, _ in known]
            asked = [place for place, (count, _) in enumerate(known) if count != NOT_ASKED]
            if asked:
                places = [first + place for place in asked]
                scores[places] = self._scores([known[place][1] for place in asked])
        chosen = np.where(shown == NOT_ASKED, OUTSIDE, scores.argmax(axis=1)).astype(np.int64)
        return Answers(scores, chosen, shown, cost=0.0)

    def shown(self, question: Question, labels: Sequence[str]) -> int:
        """How many examples there is room for; NOT_ASKED where there is none for the question."""
        return self._fitted(question, labels)[0]

    @torch.inference_mode()
    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The mean of each text's last hidden states, of length 1, (N, D); of the tokens that can be seen."""
        start = [self._base.special.start]
        rows = [ids[: self._base.context] or start for ids in self._encoder.plain(texts)]
        pieces = embed_rows(self._base, rows)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return np.asarray(end.value, np.float32)

    def close(self) -> None:
        """Nothing is held but the base, which is the caller's."""

    def _fitted(self, question: Question, labels: Sequence[str]) -> tuple[int, Ids]:
        """How many examples fit, and the ids of the prompt with each label behind it."""
        tried: dict[int, Ids] = {}

        def fits(count: int) -> bool:
            prompt = question.text(count)
            tried[count] = self._encoder.plain([full_text(prompt, label, self._end) for label in labels])
            return max(map(len, tried[count])) <= self._room

        count = most_that_fit(question.examples, fits)
        return count, tried.get(count, [])

    @torch.inference_mode()
    def _scores(self, rows: Sequence[Ids]) -> npt.NDArray[np.float64]:
        """Log-probability in nats of what differs among each row's texts, (rows, labels).

        Whatever tokens the end of a prompt and the beginning of a label make together, the texts of a row
        begin with the same ids, which count for nothing, and go on with their own.
        """
        groups: defaultdict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
        same = [same_beginning(texts) for texts in rows]
        for place, texts in enumerate(rows):
            groups[tuple(tuple(ids[same[place] :]) for ids in texts)].append(place)
        scores = np.zeros((len(rows), len(rows[0])))
        for labels, places in groups.items():
            prompts = [rows[place][0][: same[place]] for place in places]
            scores[places] = score_labels(self._base, prompts, list(map(list, labels)), self._batch_size)
        return scores
