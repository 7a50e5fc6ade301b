"""Faults of a request and of the server in the API's one form."""

import errno
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from finetable.errors import UserError
from finetable.serving.api_errors import ApiError, invalid

Shape = TypeVar("Shape", bound=BaseModel)
log = logging.getLogger("finetable.serving")


def checked(shape: type[Shape], content: Mapping[str, Any]) -> Shape:
    """What a client sent, in shape; raises ApiError where it is not."""
    try:
        return shape.model_validate({name: value for name, value in content.items() if value is not None})
    except ValidationError as fault:
        raise of_validation(fault.errors()) from fault


def of_validation(faults: Sequence[Any]) -> ApiError:
    """The first of pydantic's faults as the API tells it."""
    first = faults[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = ".".join(place) or first.get("ctx", {}).get("param")
    if first["type"] == "missing":
        return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    if first["type"] == "json_invalid":
        return invalid("The body of the request is not valid JSON.")
    where = f"Invalid value for '{param}': " if param else "Invalid request: "
    return invalid(f"{where}{first['msg'].rstrip('.')}.", param, "invalid_value")


def is_full(fault: BaseException) -> bool:
    """Whether a fault says that there is no room left on the disk."""
    if isinstance(fault, sqlite3.OperationalError):
        return fault.sqlite_errorcode == sqlite3.SQLITE_FULL
    return isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT)


def install_faults(app: FastAPI) -> None:
    """Answer every fault in the API's form."""

    @app.exception_handler(ApiError)
    def of_api(_: Request, fault: ApiError) -> JSONResponse:
        return JSONResponse(fault.body(), fault.status, fault.headers())

    @app.exception_handler(RequestValidationError)
    def of_request(_: Request, fault: RequestValidationError) -> JSONResponse:
        found = of_validation(fault.errors())
        return JSONResponse(found.body(), found.status)

    @app.exception_handler(UserError)
    def of_person(_: Request, fault: UserError) -> JSONResponse:
        return JSONResponse(invalid(str(fault)).body(), 400)

    @app.exception_handler(HTTPException)
    def of_route(request: Request, fault: HTTPException) -> JSONResponse:
        if isinstance(fault.__cause__, ApiError):  # met while the framework read the body
            return of_api(request, fault.__cause__)
        message = str(fault.detail)
        if fault.status_code in (404, 405):
            message = f"Invalid URL ({request.method} {request.url.path})"
        return JSONResponse(ApiError(fault.status_code, message).body(), fault.status_code, fault.headers)

    _install_outer_faults(app)


class ServerFaults:
    """Answers what nobody foresaw, where the answer still gets its id and its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an answer that has begun cannot be taken back."""
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as fault:
            if has_begun or scope["type"] != "http":
                raise
            await _server_fault(fault)(scope, receive, send)


def _install_outer_faults(app: FastAPI) -> None:
    """Answer faults that lie neither in a request nor in a route."""

    @app.exception_handler(ClientDisconnect)
    def of_leaving(_: Request, __: ClientDisconnect) -> JSONResponse:
        return JSONResponse(ApiError(499, "The client left before it was answered.").body(), 499)

    @app.exception_handler(OSError)
    @app.exception_handler(sqlite3.OperationalError)
    def of_disk(_: Request, fault: Exception) -> JSONResponse:
        if not is_full(fault):
            return _server_fault(fault)
        log.error("the disk is full: %s", fault)
        told = ApiError(507, "The disk of the server is full: delete files or models.", "server_error")
        return JSONResponse(told.body(), 507)


def _server_fault(fault: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=fault)
    told = ApiError(500, "The server had an error while answering; its log says more.", "server_error")
    return JSONResponse(told.body(), 500)
