"""One id for each request, in its answer and in the log; counts and times for /metrics."""

import json
import logging
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from finetable.serving.identifiers import new_id

API_VERSION = "2020-10-01"
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other word of a client counts as OTHER, so that nobody can fill the memory with counts."""

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal would obey or show out of order."""

log = logging.getLogger("finetable.requests")


class Metrics:
    """Counts of answers and how long they took, by method and route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(
            lambda: [0.0] * (len(BUCKETS) + 2)
        )

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take one answer."""
        with self._lock:
            self._answers[method, route, status] += 1
            known = self._seconds[method, route]
            for place, bound in enumerate(BUCKETS):
                known[place] += float(seconds <= bound)
            known[-2] += 1
            known[-1] += seconds

    def text(self) -> str:
        """All of them in the text format of Prometheus (version 0.0.4)."""
        with self._lock:
            lines = [
                "# HELP finetable_requests_total Answers by method, route and status.",
                "# TYPE finetable_requests_total counter",
            ]
            for (method, route, status), count in sorted(self._answers.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"finetable_requests_total{{{labels}}} {count}")
            lines += [
                "# HELP finetable_request_seconds Seconds from the request to the end of its answer.",
                "# TYPE finetable_request_seconds histogram",
            ]
            for (method, route), known in sorted(self._seconds.items()):
                labels = f'method="{method}",route="{route}"'
                for bound, answers in zip((*BUCKETS, "+Inf"), known, strict=False):
                    lines.append(f'finetable_request_seconds_bucket{{{labels},le="{bound}"}} {answers:g}')
                lines.append(f"finetable_request_seconds_sum{{{labels}}} {known[-1]:.6f}")
                lines.append(f"finetable_request_seconds_count{{{labels}}} {known[-2]:g}")
        return "\n".join(lines) + "\n"


class RequestLog:
    """Gives each request its id, and takes note of its answer. Headers of a request are never logged."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, begun, status = new_id("req_"), time.perf_counter(), 500
        scope.setdefault("state", {})["request_id"] = request_id

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                milliseconds = round((time.perf_counter() - begun) * 1000)
                added = {
                    "x-request-id": request_id,
                    "openai-version": API_VERSION,
                    "openai-processing-ms": str(milliseconds),
                }
                told = [(name.encode(), value.encode()) for name, value in added.items()]
                message = {**message, "headers": [*message.get("headers", ()), *told]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self._metrics.add(method, route, status, seconds)
            told = {
                "request_id": request_id,
                "method": method,
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 4),
            }
            log.info("%s", scope["path"], extra={"told": told})


class JsonLines(logging.Formatter):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told = getattr(record, "told", None) or {"message": record.getMessage()}
        content = {"time": round(record.created, 3), "level": record.levelname, **told}
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content)


class Readable(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told = getattr(record, "told", None)
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        if told is None:
            line = f"{clock} {record.levelname}: {record.getMessage()}"
        else:
            path = told["path"].replace("\n", "\\n")
            line = f"{clock} {told['method']} {path} {told['status']} {told['seconds']:.3f} s"
            line = f"{line} {told['request_id']}"
        whole = f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
        return COMMANDS.sub(lambda found: f"\\x{ord(found[0]):02x}", whole)


def log_to_stderr(as_json: bool) -> None:
    """Send the server's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else Readable())
    for name in ("finetable.requests", "finetable.serving", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if name != "uvicorn.error" else logging.WARNING)
