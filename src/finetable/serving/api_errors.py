"""Faults as the OpenAI API tells them: a status, and message, type, param and code."""

from dataclasses import dataclass
from typing import Any

INVALID = "invalid_request_error"


@dataclass
class ApiError(Exception):
    """A fault that a client is told of; `retry_after` in seconds where it may come again."""

    status: int
    message: str
    type: str = INVALID
    param: str | None = None
    code: str | None = None
    retry_after: int | None = None

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that cannot be fulfilled as it is."""
    return ApiError(400, message, param=param, code=code)


def unknown_model(name: str) -> ApiError:
    """No model of this name."""
    return ApiError(
        404,
        f"The model `{name}` does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )


def unknown_object(kind: str, name: str) -> ApiError:
    """No file, job, upload or batch of this name."""
    return ApiError(404, f"No such {kind} object: {name}", param="id")
