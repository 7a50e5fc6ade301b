"""The tests that are right to fail here, each with its reason; one that passes is a fault of this list."""

from dataclasses import dataclass

import pytest
from openai import APIResponseValidationError, APIStatusError

Faults = type[BaseException] | tuple[type[BaseException], ...] | pytest.RaisesExc[APIStatusError]


@dataclass(frozen=True)
class Expected:
    """Tests of a resource that fail with one of these faults, sync and async, strict and maybe loose."""

    resource: str
    tests: tuple[str, ...]
    faults: Faults
    reason: str
    only_strict: bool = False

    def covers(self, resource: str, test: str, column: str) -> bool:
        """Whether a test is meant; the client over aiohttp is a strict one."""
        return (
            resource == self.resource and test in self.tests and not (self.only_strict and "loose" in column)
        )


def _ways(call: str) -> tuple[str, ...]:
    """The three ways in which a call is tested."""
    return tuple(f"test_{way}_{call}" for way in ("method", "raw_response", "streaming_response"))


def _answered(*statuses: int) -> pytest.RaisesExc[APIStatusError]:
    """The server's refusal."""
    return pytest.RaisesExc(APIStatusError, check=lambda fault: fault.status_code in statuses)


EXPECTED = (
    Expected(
        "uploads",
        ("test_method_complete_with_all_params",),
        _answered(400),
        "it declares the MD5 `md5`, which is not that of the parts. The server checks it.",
    ),
    Expected(
        "fine_tuning.jobs",
        _ways("pause"),
        (AssertionError, APIResponseValidationError),
        "a job that trains is `pausing` once it has been asked to pause, then `paused`. The client's types "
        "know neither word; its loose mode hands them on.",
    ),
    Expected(
        "completions",
        ("test_method_create_with_all_params_overload_1", "test_method_create_with_all_params_overload_2"),
        _answered(400),
        "it wants a text that leads up to a `suffix`. These models write from left to right only.",
    ),
    Expected(
        "chat.completions",
        (
            *(*_ways("retrieve"), *_ways("update"), *_ways("delete"), *_ways("list")),
            "test_method_list_with_all_params",
        ),
        _answered(404, 405),
        "the server keeps no answers, so there are no stored ones to list, read, change or delete.",
    ),
    Expected(
        "embeddings",
        _ways("create"),
        APIResponseValidationError,
        "the client asks for base64 by itself and, strict, refuses it when it comes. Loose it decodes it.",
        only_strict=True,
    ),
    Expected(
        "batches",
        (*_ways("create"), "test_method_create_with_all_params"),
        _answered(400),
        "the batch is one of `/v1/responses`, which is not served here.",
    ),
)
