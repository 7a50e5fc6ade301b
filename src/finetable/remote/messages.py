"""Chat messages of a training file: read as lines, and made of lines."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from finetable.data.table import Table
from finetable.errors import RecipeError
from finetable.remote.draft import Line

MESSAGES, PROMPT, COMPLETION, LEAD = "messages", "prompt", "completion", "lead"
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_Parts = tuple[str, str, str]


class _UnreadableError(Exception):
    """Why messages are no example."""


def with_messages_read(table: Table, chat: bool, system: str | None) -> Table:
    """A table of messages as one of prompts, completions and what comes before them; others as they are.

    The last message, the assistant's, is the completion, and the user's before it the prompt. Messages that
    end otherwise are set aside. Raises RecipeError unless chat is to be written, without another system
    message.
    """
    if table.column_names != [MESSAGES]:
        return table
    if not chat or system is not None:
        told = "add --chat" if not chat else "leave --system out, as they have their own"
        raise RecipeError(f"{table.name} holds chat messages: {told}.")
    parts: list[_Parts] = []
    reasons: dict[int, str] = {}
    for row, cell in enumerate(table.texts(MESSAGES).to_pylist()):
        try:
            parts.append(_parts_of(cell))
        except _UnreadableError as fault:
            reasons[row] = str(fault)
    keep = np.array([row not in reasons for row in range(len(table))], dtype=np.bool_)
    kept = table.select(keep, lambda row: reasons[row])
    columns = {
        name: pa.array([part[place] for part in parts], pa.large_string())
        for place, name in enumerate((PROMPT, COMPLETION, LEAD))
    }
    return Table(
        kept.name,
        pa.table(columns),
        kept.row_ids,
        kept.lines,
        kept.format,
        kept.set_aside,
        kept.fingerprint,
        kept.notes,
    )


def messages_of(line: Line, system: str | None) -> list[dict[str, Any]]:
    """The messages that an example becomes; one without a prompt has no user message."""
    lead: list[dict[str, Any]] = json.loads(line.lead) if line.lead else []
    if system is not None:
        lead = [{"role": "system", "content": system}]
    asked = [{"role": "user", "content": line.prompt}] if line.prompt else []
    return [*lead, *asked, {"role": "assistant", "content": line.completion}]


def _parts_of(cell: str) -> _Parts:
    """Prompt, completion and what comes before both."""
    try:
        messages = json.loads(cell)
    except ValueError as fault:
        raise _UnreadableError("its messages are not JSON") from fault
    if not isinstance(messages, list) or not messages:
        raise _UnreadableError("it has no list of messages")
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise _UnreadableError(f"message {number} has none of the known roles")
    last = messages.pop()
    if not _is_plain(last, "assistant"):
        raise _UnreadableError("its last message is not a text of the assistant")
    prompt = ""
    if messages and _is_plain(messages[-1], "user") and messages[-1]["content"]:
        prompt = messages.pop()["content"]
    return prompt, last["content"], json.dumps(messages, ensure_ascii=False) if messages else ""


def _is_plain(message: dict[str, Any], role: str) -> bool:
    return message == {"role": role, "content": message.get("content")} and isinstance(
        message["content"], str
    )
