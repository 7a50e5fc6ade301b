"""The lines of a batch: requests that are checked, answered like those of the routes, and kept."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finetable.serving.api_errors import ApiError, invalid
from finetable.serving.chats import answer
from finetable.serving.completions import complete
from finetable.serving.faults import of_validation
from finetable.serving.identifiers import new_id
from finetable.serving.job_requests import Body
from finetable.serving.json_lines import LineError, objects
from finetable.serving.model_shelf import ModelShelf
from finetable.serving.text_requests import ChatBody, CompletionBody, EmbeddingBody
from finetable.serving.vectors import embed

MOST_LINES = 50_000
MOST_FAULTS = 20
MOST_TRIES = 3
SECONDS_BEFORE_A_TRY = 1.0
BUSY = 503

Answer = Callable[[ModelShelf, Any], Awaitable[dict[str, Any]]]
ANSWERS: dict[str, tuple[type[Body], Answer]] = {
    "/v1/completions": (CompletionBody, complete),
    "/v1/chat/completions": (ChatBody, answer),
    "/v1/embeddings": (EmbeddingBody, embed),
}

log = logging.getLogger("finetable.serving")


def check_lines(file: Path, endpoint: str) -> tuple[int, list[dict[str, Any]]]:
    """How many requests a file holds, and what is wrong with some of them."""
    faults: list[dict[str, Any]] = []
    names: set[str] = set()
    count = 0
    try:
        for number, line in objects(file):
            count += 1
            if count > MOST_LINES:
                told = f"A batch holds at most {MOST_LINES:,} requests."
                return count, [{"code": "too_many_tasks", "message": told}]
            code, message = _fault(line, endpoint, names)
            if code and len(faults) < MOST_FAULTS:
                faults.append({"code": code, "message": message, "line": number})
    except LineError as fault:
        faults.append({"code": "invalid_json_line", "message": str(fault)})
    if not count and not faults:
        faults.append({"code": "empty_file", "message": "The file holds no request."})
    return count, faults


async def answer_line(shelf: ModelShelf, endpoint: str, line: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Whether a line's request was answered, and what is told of it."""
    for left in reversed(range(MOST_TRIES)):
        status, reply = await _answer(shelf, endpoint, line["body"])
        if status != BUSY or not left:
            break
        await asyncio.sleep(SECONDS_BEFORE_A_TRY)
    response = {"status_code": status, "request_id": new_id("req_"), "body": reply}
    told = {"id": new_id("batch_req_"), "custom_id": line["custom_id"], "response": response, "error": None}
    return status == 200, told


class Answered:
    """The lines that have been answered, appended to a file as they are, so that none is answered twice."""

    def __init__(self, file: Path) -> None:
        """Read what an earlier server has left, but a line that it was killed in."""
        self._places: dict[int, tuple[int, bool]] = {}
        self._file = file.open("a+b")
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            content = json.loads(line)
            self._places[content["line"]] = (end, content["answered"])
            end += len(line)
        self._file.truncate(end)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def add(self, number: int, answered: bool, output: dict[str, Any]) -> None:
        """Keep what is told of a line."""
        content = {"line": number, "answered": answered, "output": output}
        place = self._file.seek(0, 2)
        self._file.write(json.dumps(content).encode() + b"\n")
        self._file.flush()  # a kill of the server loses nothing; lines lost in a power cut are answered anew
        self._places[number] = (place, answered)

    def counts(self) -> tuple[int, int]:
        """How many lines were answered, and how many could not be."""
        answered = sum(answered for _, answered in self._places.values())
        return answered, len(self._places) - answered

    def outputs(self, answered: bool) -> Iterator[bytes]:
        """What is told of the lines that were answered, or of the others, in the order of the input."""
        for number in sorted(self._places):
            place, was_answered = self._places[number]
            if was_answered == answered:
                self._file.seek(place)
                output = json.loads(self._file.readline())["output"]
                yield json.dumps(output, ensure_ascii=False).encode() + b"\n"

    def close(self) -> None:
        """Close the file."""
        self._file.close()


async def _answer(shelf: ModelShelf, endpoint: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    shape, answering = ANSWERS[endpoint]
    try:
        if body.get("stream"):
            raise invalid("Requests of a batch cannot be streamed.", "stream")
        try:
            asked = shape.model_validate(body)
        except ValidationError as fault:
            raise of_validation(fault.errors()) from fault
        return 200, await answering(shelf, asked)
    except ApiError as fault:
        return fault.status, fault.body()
    except Exception as fault:
        log.error("a request of a batch failed", exc_info=fault)
        told = ApiError(500, "The server had an error while answering; its log says more.", "server_error")
        return 500, told.body()


def _fault(line: dict[str, Any], endpoint: str, names: set[str]) -> tuple[str, str]:
    """A code and a sentence for what is wrong with a line, empty where nothing is."""
    name = line.get("custom_id")
    if not isinstance(name, str) or not name:
        return "missing_required_parameter", "A request needs a text as 'custom_id'."
    if name in names:
        return "duplicate_custom_id", f"The custom_id {name[:100]!r} stands here for the second time."
    names.add(name)
    if line.get("method") != "POST":
        return "invalid_method", "The 'method' of a request must be POST."
    if line.get("url") != endpoint:
        return "mismatched_endpoint", f"The 'url' of a request must be that of the batch, {endpoint}."
    if not isinstance(line.get("body"), dict):
        return "missing_required_parameter", "A request needs an object as 'body'."
    return "", ""
