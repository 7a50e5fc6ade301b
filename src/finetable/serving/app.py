"""The server's parts put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from finetable.serving import (
    routes_batches,
    routes_chat,
    routes_classify,
    routes_completions,
    routes_embeddings,
    routes_files,
    routes_jobs,
    routes_models,
    routes_server,
    routes_uploads,
)
from finetable.serving.faults import ServerFaults, install_faults
from finetable.serving.guard import Guard
from finetable.serving.json_bodies import JsonBodies
from finetable.serving.limits import BodyLimits
from finetable.serving.request_log import Metrics, RequestLog
from finetable.serving.state import Serving

KEY = HTTPBearer(auto_error=False, scheme_name="key", description="The key that the server printed, if any.")
"""Told in the OpenAPI document; the guard is what checks it."""

ROUTERS = (
    routes_server.router,
    routes_files.router,
    routes_uploads.router,
    routes_jobs.router,
    routes_models.router,
    routes_completions.router,
    routes_chat.router,
    routes_embeddings.router,
    routes_classify.router,
    routes_batches.router,
)


def create_app(serving: Serving, key: str | None) -> FastAPI:
    """The web application over these parts; `key` is what every request must carry, if any."""

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        serving.runner.start()
        serving.batches.start()
        yield
        serving.close()

    app = FastAPI(
        title="finetable",
        version=version("finetable"),
        summary="The OpenAI API over models that were fine-tuned on this machine.",
        lifespan=living,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.state.metrics = Metrics()
    app.include_router(routes_server.open_router)
    for router in ROUTERS:
        app.include_router(router, dependencies=[Security(KEY)])
    install_faults(app)
    # The last one added is the first to see a request.
    app.add_middleware(ServerFaults)
    app.add_middleware(JsonBodies)
    app.add_middleware(BodyLimits)
    app.add_middleware(
        Guard, key=key, host=serving.settings.host, allowed_origins=serving.settings.allow_origin
    )
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    return app
