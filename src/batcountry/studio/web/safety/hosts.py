"""By which names the studio may be called: a page whose name was made to lead here (DNS rebinding) calls it by another."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from batcountry.studio.web.safety.refusals import header_values, refuse

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Names of the machine itself, which are always taken."""

_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?)(?::(?P<port>\d{1,5}))?"
)


def host_name(host: str) -> str | None:
    """Return the name of a `Host` header without its port, in small letters; None if it is not one name.

    >>> [host_name(host) for host in ("Localhost:8000", "[::1]:80", "a b", "user@localhost", "localhost.")]
    ['localhost', '[::1]', None, None, None]
    """
    found = _HOST.fullmatch(host.lower())
    return found["name"] if found else None


def _is_here(name: str, scope: Scope) -> bool:
    """Whether a name is the very address that the request came in by: nobody can make an address lead elsewhere."""
    server = scope.get("server")
    try:
        return server is not None and ip_address(name.strip("[]")) == ip_address(server[0])
    except ValueError:
        return False


class Hosts:
    """Refuses with 421 a request to a name that is on no list, and with 400 one that names no host or several."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {*LOCAL, *(each.lower() for each in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = header_values(scope, b"host")
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            await refuse(send, 400, "the request has to name one host", close=True)
        elif name not in self._names and not _is_here(name, scope):
            said = f"this studio is not called {name}; start it with --allow-host {name} if it should be"
            await refuse(send, 421, said, close=True)
        else:
            await self._app(scope, receive, send)
