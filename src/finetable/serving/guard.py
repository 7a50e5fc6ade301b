"""What every request passes first: who asks, under which name, from which page, and how much.

Pure ASGI, so that streams stay streams. A request that is refused here never reaches a route.
"""

import ipaddress
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from finetable.serving.api_errors import ApiError

COOKIE = "finetable_key"
OPEN_PATHS = ("/health",)
METHODS_THAT_READ = ("GET", "HEAD", "OPTIONS")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Checks Host, Origin and key before the application sees a request."""

    def __init__(self, app: ASGIApp, key: str | None, host: str, allowed_origins: Iterable[str] = ()) -> None:
        self._app = app
        self._key = key
        self._host = host
        self._origins = frozenset(origin.rstrip("/") for origin in allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        answer = self._answer(scope, headers, origin)
        extra = dict(SECURITY_HEADERS)
        if origin is not None and origin in self._origins:
            extra |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        handler: Callable[[Scope, Receive, Send], Awaitable[None]] = self._app if answer is None else answer
        await handler(scope, receive, _with_headers(send, extra))

    def _answer(self, scope: Scope, headers: Headers, origin: str | None) -> Response | None:
        """The answer to a request that goes no further; None for one that may pass."""
        try:
            self._check_host(headers)
            self._check_origin(scope, headers, origin)
            if scope["method"] == "OPTIONS" and origin is not None:
                return _preflight(headers)
            if scope["path"] in OPEN_PATHS or self._key is None:
                return None
            return self._check_key(scope, headers)
        except ApiError as fault:
            return JSONResponse(fault.body(), fault.status, fault.headers())

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that a page could have given to this address (DNS rebinding)."""
        name = _host_name(headers.get("host", ""))
        known = {*LOOPBACK_NAMES, self._host.casefold()}
        if not _is_loopback(self._host):
            known.add(socket.gethostname().casefold())
            if _is_address(name):  # an address is no name that anybody could have pointed here
                return
        if name not in known:
            raise ApiError(421, f"This server does not answer to the name {name[:100]!r}.")

    def _check_origin(self, scope: Scope, headers: Headers, origin: str | None) -> None:
        """Refuse what a page of another site sends."""
        if origin is None:
            is_foreign = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
            # A link may lead here; a picture of another site must not make a model write.
            is_visit = (
                scope["method"] in METHODS_THAT_READ
                and headers.get("sec-fetch-mode", "navigate") == "navigate"
            )
            if is_foreign and not is_visit:
                raise ApiError(403, "Pages of other sites may not use this server.")
            return
        own = urlsplit(origin).netloc.casefold() == headers.get("host", "").casefold()
        if not own and origin not in self._origins:
            raise ApiError(403, "Pages of other sites may not use this server; --allow-origin lets one.")

    def _check_key(self, scope: Scope, headers: Headers) -> Response | None:
        assert self._key is not None
        given = headers.get("authorization", "")
        scheme, _, value = given.partition(" ")
        if scheme.casefold() == "bearer" and _same(value.strip(), self._key):
            return None
        if _same(_cookie(headers), self._key):
            return None
        # A browser is let in by the address that the server printed, and keeps the key as a cookie.
        if scope["path"] == "/" and _same(_key_in(scope), self._key):
            answer = RedirectResponse("/", status_code=303)
            answer.set_cookie(COOKIE, self._key, httponly=True, samesite="strict", max_age=30 * 86400)
            return answer
        message = "Incorrect API key provided." if given else "You didn't provide an API key."
        raise ApiError(401, f"{message} The server printed its key when it started.", code="invalid_api_key")


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _key_in(scope: Scope) -> str:
    return QueryParams(scope["query_string"]).get("key", "")


def _cookie(headers: Headers) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _preflight(headers: Headers) -> Response:
    """The answer to a browser that asks what an origin let in may send: clients have headers of their own."""
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": headers.get(
                "access-control-request-headers", "Authorization, Content-Type"
            ),
            "Access-Control-Max-Age": "600",
        },
    )


def _host_name(host: str) -> str:
    """The name in a Host header without its port; nothing where it is more than that."""
    if not re.fullmatch(r"[\w.:\[\]-]+", host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").casefold()
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send, extra: dict[str, str]) -> Send:
    async def sending(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            known = list(message.get("headers", ()))  # type: ignore[call-overload]
            names = {name.lower() for name, _ in known}
            known += [
                (name.lower().encode(), value.encode())
                for name, value in extra.items()
                if name.lower().encode() not in names
            ]
            message = {**message, "headers": known}
        await send(message)

    return sending  # type: ignore[return-value]


def needs_key(host: str) -> bool:
    """Whether others can reach a server that listens on this address."""
    return not _is_loopback(host)
