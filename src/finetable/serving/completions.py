"""Texts that go on from prompts, whole or as they are written."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from finetable.inference.live_request import Piece, TokenScore
from finetable.serving.answering import SECONDS_BETWEEN_PINGS, Answering, outcome
from finetable.serving.identifiers import new_id
from finetable.serving.lending import lent
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.prompting import asks_of, check_choices, check_scored, inputs_of, prompt_of_text
from finetable.serving.text_requests import CompletionBody
from finetable.serving.token_texts import TextScores

DEFAULT_TOKENS = 16
Reply = dict[str, Any]
Echo = tuple[str, Sequence[tuple[TokenScore, bool]]]


class Completion:
    """One request for texts: its prompts, its asks, and its answer or the chunks of it."""

    def __init__(self, model: LoadedModel, body: CompletionBody) -> None:
        """Check the request against the model; raises ApiError."""
        self._model, self._body = model, body
        self._most = DEFAULT_TOKENS if body.max_tokens is None else body.max_tokens
        self._n = body.n or 1
        self._count = max(self._n, body.best_of or 0)
        given = inputs_of(body.prompt, "prompt")
        context = model.base.context
        choices = len(given) * self._count
        check_choices(choices, min(self._most, context))
        room = context - 1 if self._most else context
        self._prompts = [prompt_of_text(model, each, room, "prompt") for each in given]
        if self._echoes_scores:
            check_scored(sum(len(prompt.ids) for prompt in self._prompts), "prompt")
        scores = 0 if body.logprobs is None and self._count > self._n else body.logprobs
        asks = asks_of(model, body, self._prompts, self._count, self._most, scores)
        self.asks = asks if self._most else []
        self._head = {
            "id": new_id("cmpl-"),
            "object": "text_completion",
            "created": int(time.time()),
            "model": body.model,
            "system_fingerprint": model.fingerprint,
        }
        self._texts = [TextScores() for _ in range(choices)]
        self._written = [0] * choices

    async def echoes(self) -> list[Echo]:
        """Each prompt as its texts repeat it, with its tokens where they are asked for."""
        if not self._body.echo:
            return []
        if not self._echoes_scores:
            return [(prompt.text, ()) for prompt in self._prompts]
        rows = [prompt.ids[: prompt.first + prompt.count] or prompt.ids for prompt in self._prompts]
        top = self._body.logprobs or 0
        scores = await outcome(lambda: self._model.engine.score(rows, top))
        return [self._echo(place, found) for place, found in enumerate(scores)]

    def chunk(self, choices: list[Reply]) -> Reply:
        """A part of a stream."""
        told = {"usage": None} if self._body.tells_usage else {}
        return {**self._head, "choices": choices, **told}

    def echo_choice(self, place: int, echo: Echo) -> Reply:
        """The part of a text that repeats its prompt."""
        text, scores = echo
        lists = None
        if self._body.logprobs is not None:
            lists = self._texts[place].lists(scores)
        else:
            self._texts[place].move(text)
        return {"text": text, "index": place, "logprobs": lists, "finish_reason": None}

    def choice(self, place: int, piece: Piece) -> Reply:
        """The part of a text that a piece is."""
        self._written[place] = piece.written
        lists = None
        if self._body.logprobs is not None:
            texts = self._texts[place]
            lists = texts.lists((score, True) for score in texts.of_piece(piece))
        return {"text": piece.text, "index": place, "logprobs": lists, "finish_reason": piece.finish}

    def nothing_written(self) -> list[tuple[int, Piece]]:
        """The ends of texts of which no token was asked for."""
        return (
            [] if self._most else [(place, Piece("", (), 0, "length")) for place in range(len(self._texts))]
        )

    def usage(self) -> Reply:
        """Tokens of the prompts and of all that was written."""
        given = sum(len(prompt.ids) for prompt in self._prompts)
        written = sum(self._written)
        return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}

    def usage_chunk(self) -> Reply:
        """The last part of a stream."""
        return {**self._head, "choices": [], "usage": self.usage()}

    def whole(self, echoes: Sequence[Echo], pieces: Sequence[Sequence[Piece]]) -> Reply:
        """The answer."""
        choices = []
        for place, found in enumerate(pieces):
            parts = [self.echo_choice(place, echoes[place // self._count])] if echoes else []
            choices.append(_joined([*parts, *(self.choice(place, piece) for piece in found)]))
        best = [place for first in range(0, len(pieces), self._count) for place in self._best(first, pieces)]
        told = [{**choices[place], "index": index} for index, place in enumerate(best)]
        return {**self._head, "choices": told, "usage": self.usage()}

    @property
    def _echoes_scores(self) -> bool:
        return bool(self._body.echo) and self._body.logprobs is not None

    def _echo(self, place: int, scores: Sequence[TokenScore]) -> Echo:
        prompt = self._prompts[place]
        own = [(score, True) for score in scores]
        if prompt.first == 0 and prompt.count:  # nothing stands before the first token, so it has no number
            first = self._model.encoder.decode(prompt.ids[:1]).encode()
            own.insert(0, (TokenScore(prompt.ids[0], first, 0.0, ()), False))
        return prompt.text, own[: prompt.count]

    def _best(self, first: int, pieces: Sequence[Sequence[Piece]]) -> list[int]:
        """The places of the n texts of one prompt whose tokens are likeliest on average."""
        places = range(first, first + self._count)
        if self._count == self._n:
            return list(places)
        return sorted(places, key=lambda place: _likelihood(pieces[place]), reverse=True)[: self._n]


async def complete(shelf: ModelShelf, body: CompletionBody) -> Reply:
    """The whole answer."""
    async with lent(shelf, body.model) as model:
        completion = await asyncio.to_thread(Completion, model, body)
        echoes = await completion.echoes()
        with Answering(model.engine, completion.asks) as answering:
            pieces = await answering.whole()
        pieces += [[piece] for _, piece in completion.nothing_written()]
        return completion.whole(echoes, pieces)


async def completion_chunks(shelf: ModelShelf, body: CompletionBody) -> AsyncGenerator[Reply | None, None]:
    """The answer as it is written; None now and then where nothing is."""
    async with lent(shelf, body.model) as model:
        completion = await asyncio.to_thread(Completion, model, body)
        for place, echo in enumerate(await completion.echoes()):
            for choice in range(place * (body.n or 1), (place + 1) * (body.n or 1)):
                yield completion.chunk([completion.echo_choice(choice, echo)])
        for place, piece in completion.nothing_written():
            yield completion.chunk([completion.choice(place, piece)])
        with Answering(model.engine, completion.asks) as answering:
            async for news in answering.pieces(SECONDS_BETWEEN_PINGS):
                yield None if news is None else completion.chunk([completion.choice(*news)])
        if body.tells_usage:
            yield completion.usage_chunk()


def _joined(parts: Sequence[Reply]) -> Reply:
    """One choice of its parts."""
    lists = [part["logprobs"] for part in parts if part["logprobs"] is not None]
    logprobs = {name: [each for some in lists for each in some[name]] for name in lists[0]} if lists else None
    return {**parts[-1], "text": "".join(part["text"] for part in parts), "logprobs": logprobs}


def _likelihood(pieces: Sequence[Piece]) -> float:
    """Mean log-probability of a text's tokens; a text without any is the least likely."""
    scores = [score.logprob for piece in pieces for score in piece.tokens]
    return sum(scores) / len(scores) if scores else float("-inf")
