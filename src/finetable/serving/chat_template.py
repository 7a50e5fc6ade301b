"""Chat messages as the one text that a model of a table reads."""

from collections.abc import Mapping, Sequence
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
KNOWN_KEYS = frozenset(
    ("role", "content", "name", "weight", "refusal", "tool_calls", "tool_call_id", "function_call")
)


class MessageError(ValueError):
    """A message that cannot be read; its text says which of them, counted from 1, and why."""


def rendered(messages: Sequence[Mapping[str, Any]]) -> str:
    """The messages before an answer as a prompt: a paragraph for each, named by its role."""
    return "\n\n".join(f"{message['role'].capitalize()}: {text_of(message)}" for message in messages)


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message whose content is a text, or a list of parts that are texts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or ())


def check_messages(messages: Any) -> None:
    """Raise MessageError unless these are messages with texts."""
    if not isinstance(messages, list) or not messages:
        raise MessageError("'messages' is not a list with at least one message")
    for number, message in enumerate(messages, 1):
        try:
            _check(message)
        except MessageError as fault:
            raise MessageError(f"message {number} {fault}") from None


def _check(message: Any) -> None:
    if not isinstance(message, dict):
        raise MessageError("is not an object")
    if "role" not in message:
        raise MessageError("Discriminator 'role' is missing in value")
    if message["role"] not in ROLES:
        raise MessageError(f"has the role {str(message['role'])[:50]!r}, which is none of {', '.join(ROLES)}")
    if message.get("tool_calls") or message.get("function_call"):
        raise MessageError("calls a tool, which cannot be learnt here")
    unknown = sorted(message.keys() - KNOWN_KEYS)
    if unknown:
        raise MessageError(f"has an unknown key {unknown[0][:50]!r}")
    if not _is_content(message.get("content")):
        raise MessageError("has no text in 'content'")
    if message.get("weight", 1) not in (0, 1):
        raise MessageError("has a 'weight' that is neither 0 nor 1")


def _is_content(content: Any) -> bool:
    if isinstance(content, str):
        return True
    parts = content if isinstance(content, list) else ()
    return bool(parts) and all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        for part in parts
    )
