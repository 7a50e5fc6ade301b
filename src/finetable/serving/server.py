"""`finetable serve`: listens, says where, and ends gracefully."""

import secrets
import socket
from contextlib import suppress
from pathlib import Path

import uvicorn

from finetable.errors import UserError
from finetable.progress import Progress
from finetable.serving.app import create_app
from finetable.serving.connection import Connection
from finetable.serving.guard import needs_key
from finetable.serving.request_log import log_to_stderr
from finetable.serving.state import open_serving
from finetable.verb_settings import ServeSettings

SECONDS_TO_END = 10
SECONDS_IDLE = 75
MOST_CONNECTIONS = 1000


def serve(folders: tuple[Path, ...], settings: ServeSettings, progress: Progress) -> None:
    """Answer until the person ends it; raises UserError where the address cannot be had."""
    key = settings.key
    if key is None and needs_key(settings.host):
        key = secrets.token_urlsafe(24)
    listener = _listener(settings)
    serving = open_serving(settings, folders)
    log_to_stderr(settings.json_logs)
    config = uvicorn.Config(
        create_app(serving, key),
        log_config=None,
        access_log=False,
        server_header=False,
        http=Connection,
        ws="none",
        timeout_graceful_shutdown=SECONDS_TO_END,
        timeout_keep_alive=SECONDS_IDLE,
        limit_concurrency=MOST_CONNECTIONS,
    )
    _tell(settings, listener, key, progress)
    with suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended gracefully
        uvicorn.Server(config).run(sockets=[listener])
    if not settings.json_logs:
        progress.say("Stopped. A job that trains goes on by itself, and is followed after the next start.")


def _listener(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()  # at once, so that of two servers the second is told
    except (OSError, UnicodeError) as fault:
        listener.close()
        reason = getattr(fault, "strerror", None) or fault
        raise UserError(
            f"Cannot listen on {settings.host}, port {settings.port} ({reason}); "
            "choose another --port or --host."
        ) from fault
    return listener


def _tell(settings: ServeSettings, listener: socket.socket, key: str | None, progress: Progress) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    progress.say(f"The page: {address}/" + ("" if key is None else f"?key={key}"))
    progress.say(f"The OpenAI API: base_url={address}/v1, api_key={key or 'any word'}")
    progress.say(f"Files, jobs and models are kept in {settings.home.expanduser()}; Ctrl-C ends the server.")
