"""Answers to messages, whole or as they are written."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from finetable.inference.live_request import Finish, Piece
from finetable.serving.answering import SECONDS_BETWEEN_PINGS, Answering
from finetable.serving.chat_prompts import PARAM, chat_ids
from finetable.serving.closed_sets import ClosedSet, label_ids, probabilities, room_before, set_of_format
from finetable.serving.identifiers import new_id
from finetable.serving.lending import lent
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.prompting import MOST_TOKENS, Prompt, asks_of, check_choices, check_ids
from finetable.serving.text_requests import ChatBody
from finetable.serving.token_texts import TextScores, chat_items

Reply = dict[str, Any]
Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """A part of one answer: its text, its tokens where they are asked for, and how the answer ended."""

    place: int
    text: str
    items: Items | None
    finish: Finish | None


class Chat:
    """One request for answers: what the model sees, and the parts of what it says."""

    def __init__(self, model: LoadedModel, body: ChatBody) -> None:
        """Check the request against the model; raises ApiError."""
        self._model, self._body = model, body
        self.n = body.n or 1
        self._set = set_of_format(body.response_format)
        if self._set is None and model.labels:
            self._set = ClosedSet(model.labels)
        self._ids = chat_ids(model, body.messages)
        context = model.base.context
        self._label_ids = [] if self._set is None else label_ids(model, self._set.labels)
        room = context - 1 if self._set is None else room_before(model, self._label_ids)
        check_ids(model, self._ids, room, PARAM)
        asked = body.max_completion_tokens
        asked = body.max_tokens if asked is None else asked
        self._most = min(context - len(self._ids), MOST_TOKENS // self.n) if asked is None else asked
        check_choices(self.n, min(self._most, context))
        self._written = [0] * self.n
        self.head = {
            "id": new_id("chatcmpl-"),
            "created": int(time.time()),
            "model": body.model,
            "system_fingerprint": model.fingerprint,
        }

    async def parts(self) -> AsyncGenerator[Part | None, None]:
        """The parts of all answers as they come; None now and then where none does."""
        if self._set is not None:
            for part in await self._chosen(self._set):
                yield part
            return
        for place in range(self.n if self._most == 0 else 0):
            yield Part(place, "", self._items([]), "length")
        scores = [TextScores() for _ in range(self.n)]
        with Answering(self._model.engine, self._asks()) as answering:
            async for news in answering.pieces(SECONDS_BETWEEN_PINGS):
                yield None if news is None else self._part(*news, scores[news[0]])

    def usage(self) -> Reply:
        """Tokens of the messages and of all that was written."""
        given, written = len(self._ids), sum(self._written)
        return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}

    def _asks(self) -> list[Any]:
        if self._most == 0:
            return []
        prompt = Prompt("", self._ids, 0, 0)
        logprobs = self._body.top_logprobs or 0 if self._body.logprobs else None
        return list(asks_of(self._model, self._body, [prompt], self.n, self._most, logprobs))

    def _part(self, place: int, piece: Piece, scores: TextScores) -> Part:
        self._written[place] = piece.written
        return Part(place, piece.text, self._items(chat_items(scores.of_piece(piece))), piece.finish)

    def _items(self, items: Items) -> Items | None:
        return items if self._body.logprobs else None

    async def _chosen(self, closed: ClosedSet) -> list[Part]:
        """The likeliest label; its one "token" is the label, beside which stand the likeliest others."""
        found = (await probabilities(self._model, [self._ids], self._label_ids))[0].tolist()
        order = sorted(range(len(found)), key=lambda place: -found[place])
        best = order[0]
        items = [_label_item(closed.labels[place], found[place]) for place in order]
        told = {**items[0], "top_logprobs": items[: self._body.top_logprobs or 0]}
        self._written = [len(self._label_ids[best]) - 1] * self.n
        text = closed.told(closed.labels[best])
        return [Part(place, text, self._items([told]), "stop") for place in range(self.n)]


async def answer(shelf: ModelShelf, body: ChatBody) -> Reply:
    """The whole answers."""
    async with lent(shelf, body.model) as model:
        chat = await asyncio.to_thread(Chat, model, body)
        found: list[list[Part]] = [[] for _ in range(chat.n)]
        async with aclosing(chat.parts()) as parts:
            async for part in parts:
                if part is not None:
                    found[part.place].append(part)
    choices = [_choice(parts) for parts in found]
    return {"object": "chat.completion", **chat.head, "choices": choices, "usage": chat.usage()}


async def answer_chunks(shelf: ModelShelf, body: ChatBody) -> AsyncGenerator[Reply | None, None]:
    """The answers as they are written; None now and then where nothing is."""
    async with lent(shelf, body.model) as model:
        chat = await asyncio.to_thread(Chat, model, body)
        head = {"object": "chat.completion.chunk", **chat.head}
        told = {"usage": None} if body.tells_usage else {}
        for place in range(chat.n):
            begun = _delta(place, {"role": "assistant", "content": "", "refusal": None})
            yield {**head, "choices": [begun], **told}
        async with aclosing(chat.parts()) as parts:  # or a client that leaves would keep its places
            async for part in parts:
                for choice in [] if part is None else _deltas(part):
                    yield {**head, "choices": [choice], **told}
                if part is None:
                    yield None
        if body.tells_usage:
            yield {**head, "choices": [], "usage": chat.usage()}


def _deltas(part: Part) -> list[Reply]:
    told = [_delta(part.place, {"content": part.text}, part.items)] if part.text or part.items else []
    if part.finish is not None:
        told.append({**_delta(part.place, {}), "finish_reason": part.finish})
    return told


def _delta(place: int, delta: Reply, items: Items | None = None) -> Reply:
    return {"index": place, "delta": delta, "logprobs": _logprobs(items), "finish_reason": None}


def _choice(parts: Sequence[Part]) -> Reply:
    items = [item for part in parts for item in part.items or ()]
    told = any(part.items is not None for part in parts)
    message = {"role": "assistant", "content": "".join(part.text for part in parts), "refusal": None}
    return {
        "index": parts[-1].place,
        "message": message,
        "logprobs": _logprobs(items if told else None),
        "finish_reason": parts[-1].finish,
    }


def _logprobs(items: Items | None) -> Reply | None:
    return None if items is None else {"content": items, "refusal": None}


def _label_item(label: str, probability: float) -> Reply:
    logprob = math.log(max(probability, 1e-300))
    return {"token": label, "logprob": logprob, "bytes": list(label.encode())}
