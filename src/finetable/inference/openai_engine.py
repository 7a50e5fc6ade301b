"""A model at an address of the OpenAI API answers few-shot prompts.

Where the endpoint tells the log-probabilities of given texts (completions with `echo`), every label is scored
as by a base in memory. Elsewhere the model writes an answer, which counts only if it is a label letter by
letter: log-probabilities of the first tokens of an answer are not probabilities of labels.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError
from finetable.inference.answer_cache import Answer, AnswerCache, digest_of
from finetable.inference.answerer import (
    NOT_ASKED,
    SPELLED,
    Answers,
    Question,
    end_of_answer,
    full_text,
)
from finetable.inference.contestant import OUTSIDE
from finetable.inference.endpoint import Endpoint, RefusedError, Route, StoppedError, Tokens
from finetable.inference.remote_replies import AnyReply, ChatReply, EchoReply
from finetable.inference.spending import Spending, price_for
from finetable.wording import counted

BYTES_PER_TOKEN = 3
"""By which `tokens=` is kept, as the model's tokenizer is not known; English has four, others less."""

ANY_WORD = "any"
"""A key for a server that asks for none."""

MESSAGE_TOKENS = 16
"""More than what stands around a message."""

ROOM_FOR_AN_ANSWER = 16
LABELS_AT_ONCE = 32
BYTES_AT_ONCE = 200_000
"""Of prompts with a label behind them in one request."""


@dataclass(frozen=True)
class Mode:
    """How an endpoint is asked: what ends an answer where labels are scored, else None.

    `weights` stands for the weights of a model on this machine, which another may replace under its name.
    """

    end: str | None
    weights: str | None = None


@dataclass(frozen=True)
class Row:
    """What was said of one question; `is_kept` where it was said before."""

    shown: int
    scores: list[float] | None = None
    text: str | None = None
    is_kept: bool = False


class OpenAIEngine:
    """Asks many questions at once; every answer is kept on disk before it counts."""

    def __init__(self, settings: FewShotSettings, key: str, cache: AnswerCache) -> None:
        """Take a model's name and address, and the key; raises RecipeError for a price that is wanted."""
        assert settings.url is not None, "an address makes a model a remote one"
        self._settings = settings
        self._spending = Spending(price_for(settings), settings.budget)
        self._endpoint = Endpoint(settings.url, key, self._spending)
        self._cache = cache
        self._mode: Mode | None = None

    def answer(self, questions: Sequence[Question], labels: Sequence[str]) -> Answers:
        """Every question's answer; each shows as many of its examples as the endpoint takes.

        Raises RemoteError where the endpoint refuses, is not there, or the budget does not hold.
        """
        before = self._spending.total
        self._endpoint.stop.clear()
        mode = self._mode_found()
        rows = self._rows(questions, labels, mode)
        scores = None
        if mode.end is not None:
            scores = np.array([row.scores or [0.0] * len(labels) for row in rows]).reshape(-1, len(labels))
        chosen = [_chosen(row, labels) for row in rows]
        after = self._spending.total
        cost = None if before is None or after is None else after - before
        shown = np.array([row.shown for row in rows], dtype=np.int64)
        return Answers(scores, np.array(chosen, dtype=np.int64), shown, cost, tuple(_notes(mode, rows)))

    def shown(self, question: Question, labels: Sequence[str]) -> int:
        """How many examples `tokens=` has room for; what the endpoint takes is found out by asking."""
        counts = range(question.examples, -1, -1)
        return next((count for count in counts if self._has_room(question.text(count), labels)), NOT_ASKED)

    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Raise RecipeError: an endpoint has no vectors of the model in use."""
        del texts
        raise RecipeError("by=embedding is for models on this machine: use by=tfidf with an address.")

    def close(self) -> None:
        """Close connections and cache."""
        self._endpoint.close()
        self._cache.close()

    def _mode_found(self) -> Mode:
        """How the endpoint is asked, found out by one short request."""
        if self._mode is None:
            try:
                mode = self._probed()
            except RefusedError as fault:
                if fault.status in (401, 403, 429):
                    raise self._endpoint.sentence(fault) from fault
                mode = Mode(None)
            self._mode = mode
        return self._mode

    def _probed(self) -> Mode:
        reply = self._endpoint.ask(
            "/completions", self._echo_body([SPELLED]), _most_read([SPELLED]), AnyReply.model_validate
        )
        try:
            echo = EchoReply.of(reply.model_dump(), 1)
        except ValueError:  # an answer, but without what was asked for
            return Mode(None)
        if echo.choices[0].text != SPELLED:
            return Mode(None)
        weights = echo.system_fingerprint if self._settings.is_on_this_machine else None
        return Mode(end_of_answer(echo.choices[0].logprobs.tokens), weights)

    def _rows(self, questions: Sequence[Question], labels: Sequence[str], mode: Mode) -> list[Row]:
        threads = ThreadPoolExecutor(self._settings.parallel)
        futures = [threads.submit(self._row_or_stop, question, labels, mode) for question in questions]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            # After a fault or Ctrl-C what is under way ends and is kept, and what waits is given up.
            if not all(future.done() for future in futures):
                self._endpoint.stop.set()
            threads.shutdown(cancel_futures=True)
        for future in futures:
            fault = None if future.cancelled() else future.exception()
            if fault is not None and not isinstance(fault, StoppedError):
                raise fault
        return [future.result() for future in futures]

    def _row_or_stop(self, question: Question, labels: Sequence[str], mode: Mode) -> Row:
        """One answer; a fault stops the others from here, before this thread takes up another question."""
        try:
            return self._row(question, labels, mode)
        except Exception:
            self._endpoint.stop.set()
            raise

    def _row(self, question: Question, labels: Sequence[str], mode: Mode) -> Row:
        """The answer with the most examples that the endpoint takes, tried from all of them down."""
        ask = self._written if mode.end is None else self._scored
        for count in range(self.shown(question, labels), -1, -1):
            found = ask(question.text(count), labels, mode)
            if found is not None:
                return replace(found, shown=count)
        return Row(NOT_ASKED)

    def _scored(self, prompt: str, labels: Sequence[str], mode: Mode) -> Row | None:
        """Scores of all labels; None where the prompt is too long.

        They are sums over the tokens in which the texts of a request differ, so each request but the first
        brings the first label along, by which its scores are told against those of the others.
        """
        assert mode.end is not None, "scores need the end of an answer"
        texts = [full_text(prompt, label, mode.end) for label in labels]
        most = min(LABELS_AT_ONCE, BYTES_AT_ONCE // max(len(text.encode()) for text in texts))
        scores: list[float] = []
        are_kept = True
        for first in range(1, len(texts), max(1, most - 1)):
            some = [texts[0], *texts[first : first + max(1, most - 1)]]
            body, read = self._echo_body(some), partial(EchoReply.of, texts=len(some))
            answer, is_kept = self._asked("/completions", body, _most_read(some), read, mode)
            if answer is None:
                return None
            are_kept &= is_kept
            found = answer["scores"]
            shift = scores[0] - found[0] if scores else 0.0
            scores += [score + shift for score in found[1 if scores else 0 :]]
        return Row(0, scores=scores, is_kept=are_kept)

    def _written(self, prompt: str, labels: Sequence[str], mode: Mode) -> Row | None:
        """The answer that the model wrote; None where the prompt is too long."""
        most = ROOM_FOR_AN_ANSWER + max(len(label.encode()) for label in labels)
        body = {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_completion_tokens": most,
            "temperature": 0,
        }
        tokens = (len(prompt.encode()) + MESSAGE_TOKENS, most)
        answer, is_kept = self._asked("/chat/completions", body, tokens, ChatReply.model_validate, mode)
        return None if answer is None else Row(0, text=answer["text"], is_kept=is_kept)

    def _asked(
        self,
        route: Route,
        body: Mapping[str, Any],
        most: Tokens,
        read: Callable[[Any], EchoReply | ChatReply],
        mode: Mode,
    ) -> tuple[Answer | None, bool]:
        """The answer to a request, None for a prompt that is too long; whether it was kept from before."""
        asked = digest_of(self._endpoint.url, mode.weights, route, body)
        known = self._cache.find(asked)
        answer = self._answered(route, body, most, read) if known is None else known
        if known is None:
            self._cache.keep(asked, answer)
        else:
            self._spending.add_kept(*known["used"])
        return (None if answer.get("is_too_long") else answer), known is not None

    def _answered(
        self,
        route: Route,
        body: Mapping[str, Any],
        most: Tokens,
        read: Callable[[Any], EchoReply | ChatReply],
    ) -> Answer:
        try:
            reply = self._endpoint.ask(route, body, most, read)
        except RefusedError as fault:
            if not fault.is_too_long:
                raise self._endpoint.sentence(fault) from fault
            return {"is_too_long": True, "used": (0, 0)}
        return {**reply.kept(), "used": reply.used(most)}

    def _echo_body(self, texts: Sequence[str]) -> dict[str, Any]:
        asked = {"max_tokens": 0, "echo": True, "logprobs": 1, "temperature": 0}
        return {"model": self._settings.model, "prompt": list(texts), **asked}

    def _has_room(self, prompt: str, labels: Sequence[str]) -> bool:
        if self._settings.tokens is None:
            return True
        size = len(prompt.encode()) + max(len(label.encode()) for label in labels)
        return size <= self._settings.tokens * BYTES_PER_TOKEN


def open_engine(settings: FewShotSettings, folder: Path) -> OpenAIEngine:
    """Open an engine with the key in OPENAI_API_KEY, its cache in a folder; raises UserError."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and not settings.is_on_this_machine:
        raise RecipeError(f"Set OPENAI_API_KEY to a key for {settings.url}.")
    return OpenAIEngine(settings, key or ANY_WORD, AnswerCache(folder))


def _most_read(texts: Sequence[str]) -> Tokens:
    """As many tokens as texts can have: one for each byte, and one for the start of each."""
    return sum(len(text.encode()) + 1 for text in texts), 0


def _chosen(row: Row, labels: Sequence[str]) -> int:
    if row.scores is not None:
        return int(np.argmax(row.scores))
    return labels.index(row.text) if row.text in labels else OUTSIDE


def _notes(mode: Mode, rows: Sequence[Row]) -> list[str]:
    if mode.end is not None:
        notes = ["The endpoint tells log-probabilities of given texts, so every label was scored."]
    else:
        notes = [
            "The endpoint tells no log-probabilities of given texts, so answers were read, letter by letter."
        ]
    kept = sum(row.is_kept for row in rows)
    if kept:
        notes.append(f"{counted(kept, 'answer')} of {len(rows):,} had been kept, and took no time now.")
    return notes
