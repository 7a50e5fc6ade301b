"""/health, /metrics and the page."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from finetable.serving.api_errors import ApiError
from finetable.serving.state import Parts

router = APIRouter(tags=["server"])
open_router = APIRouter(tags=["server"])

SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"
STATIC = {
    "index.html": "text/html; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "page.css": STYLE,
    "views.css": STYLE,
    "api.js": SCRIPT,
    "ask.js": SCRIPT,
    "chart.js": SCRIPT,
    "checkpoints.js": SCRIPT,
    "column.js": SCRIPT,
    "csv.js": SCRIPT,
    "dom.js": SCRIPT,
    "job.js": SCRIPT,
    "job_words.js": SCRIPT,
    "jobs.js": SCRIPT,
    "new_job.js": SCRIPT,
    "next.js": SCRIPT,
    "page.js": SCRIPT,
    "play.js": SCRIPT,
    "preview_table.js": SCRIPT,
    "settings.js": SCRIPT,
    "tokens.js": SCRIPT,
}
"""The files of the page: a closed list, so that no name from outside becomes a path."""


@open_router.get("/health")
def health() -> dict[str, str]:
    """Whether the server answers."""
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, parts: Parts) -> PlainTextResponse:
    """Counts and times for Prometheus."""
    jobs = parts.jobs.counts()
    lines = ["# HELP finetable_jobs Jobs by status.", "# TYPE finetable_jobs gauge"]
    lines += [f'finetable_jobs{{status="{status}"}} {count}' for status, count in sorted(jobs.items())]
    lines += ["# HELP finetable_models_loaded Models in memory.", "# TYPE finetable_models_loaded gauge"]
    lines.append(f"finetable_models_loaded {len(parts.shelf.loaded_names())}")
    text: str = request.app.state.metrics.text()
    return PlainTextResponse(text + "\n".join(lines) + "\n")


@router.get("/", include_in_schema=False)
def index() -> Response:
    """The page."""
    return _static("index.html")


@router.get("/static/{name}", include_in_schema=False)
def static(name: str) -> Response:
    """A file of the page."""
    return _static(name)


def _static(name: str) -> Response:
    if name not in STATIC:
        raise ApiError(404, f"There is no file {name!r}.")
    content: Any = files("finetable.serving").joinpath("static", name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={"Cache-Control": "no-cache"})
