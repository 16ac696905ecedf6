"""Running a studio's server: its address, its token, and its end."""

from __future__ import annotations

import errno
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from batcountry.backend.files import replace_file
from batcountry.errors import StudioError
from batcountry.studio.settings import StudioSettings
from batcountry.studio.web.app import Workers, create_app
from batcountry.studio.web.serving.protocol import BoundedProtocol
from batcountry.studio.web.studio import Studio

SHORTEST_TOKEN = 16

_GRACE_SECONDS = 5
_MOST_CONNECTIONS = 4000


def with_token(settings: StudioSettings) -> StudioSettings:
    """Return settings with a token, if others can reach the studio: the one of its folder, made if there is none.

    Raises
    ------
    StudioError
        If it cannot be read or kept.
    """
    if settings.token is not None or settings.is_private:
        return settings
    return settings.model_copy(update={"token": _token_in(settings.places.make().token)})


def _token_in(path: Path) -> str:
    try:
        if path.is_file() and len(found := path.read_text("ascii").strip()) >= SHORTEST_TOKEN:
            return found
        token = secrets.token_urlsafe(24)
        path.touch(mode=0o600)
        replace_file(path, token.encode())
        path.chmod(0o600)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it has other characters than a token"
        raise StudioError(
            f"the studio's token in {path} cannot be used: {reason}; delete that file"
        ) from None
    return token


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections.

    Raises
    ------
    StudioError
        If the port is taken or may not be used, or the host is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise StudioError(
            f"there is no host {host!r}; name an address of this machine, such as 127.0.0.1"
        ) from None
    # Of a socket whose protocol is not said asyncio does not know that it is TCP, and lets each reply wait for 40 ms.
    found = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # where it would let two programs have one port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(2048)
    except OSError as error:
        found.close()
        raise StudioError(_unusable(host, port, error)) from None
    return found


def _unusable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken, perhaps by a studio that runs already; choose another with --port, or 0 for any"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used; choose one from 1024 on with --port"
    return f"the studio cannot listen at {host}, port {port}: {error.strerror}; name an address of this machine with --host"


def address_of(settings: StudioSettings, taken: socket.socket) -> str:
    """Return the address that people open, which never has the token in it."""
    port = taken.getsockname()[1]
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def named_hosts(settings: StudioSettings) -> StudioSettings:
    """Return settings with the names of this machine among its hosts, if others can reach the studio."""
    if settings.is_private:
        return settings
    name = socket.gethostname().lower()
    return settings.model_copy(update={"hosts": (*settings.hosts, name, f"{name.split('.')[0]}.local")})


class _Server(uvicorn.Server):
    """Says when it is ready, and lets those go who follow events before it waits for all to be answered."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], Any]) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await self._app.state.studio.feed.close()
        await super().shutdown(sockets)


def serve(
    settings: StudioSettings,
    *,
    workers: Callable[[Studio], Workers] | None = None,
    ready: Callable[[str, str | None], Any] = lambda *_: None,
) -> None:
    """Run a studio until the process is told to end.

    Parameters
    ----------
    workers
        See `create_app`.
    ready
        Told the address and the token, or None, when the studio takes connections.

    Raises
    ------
    StudioError
        If its folder, database, port or token cannot be used.
    """
    settings = named_hosts(with_token(settings))
    with listening(settings.host, settings.port) as taken:
        app = create_app(settings, workers=workers)
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=32 << 10,
        )
        address = address_of(settings, taken)
        server = _Server(config, app, lambda: ready(address, settings.token))
        server.run(sockets=[taken])
        if not server.started:
            raise StudioError("the studio could not start; what was said above tells why")
