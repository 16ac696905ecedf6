"""Requests that another page made a browser send are refused: those that change something, and those that look."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from batcountry.studio.web.safety.refusals import header, header_values, refuse

SAFE = ("GET",)
"""Methods that change nothing."""

_PORTS = {"http": "80", "https": "443"}


def is_own(origin: str, host: str) -> bool:
    """Whether an `Origin` is that of the `Host` it was sent to; `null` is nobody's.

    >>> is_own("http://localhost:8000", "localhost:8000"), is_own("null", "localhost"), is_own("https://a", "a:443")
    (True, False, True)
    """
    try:
        parts = urlsplit(origin.lower())
        if parts.scheme not in _PORTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            return False
        usual = _PORTS[parts.scheme]
        return bool(parts.netloc) and _with_port(parts.netloc, usual) == _with_port(host.lower(), usual)
    except ValueError:
        return False


def _with_port(place: str, usual: str) -> str:
    return place if place.rpartition(":")[2].isdigit() and not place.endswith("]") else f"{place}:{usual}"


class Origins:
    """Refuses with 403 what comes from another origin, by `Origin` and by `Sec-Fetch-Site`.

    A link on another page may lead to a page of the studio, and to nothing else. What is no browser sends neither header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or _is_ours(scope):
            await self._app(scope, receive, send)
        else:
            await refuse(
                send,
                403,
                "this was asked for by a page that is not the studio's own; open the studio",
                close=True,
            )


def _is_ours(scope: Scope) -> bool:
    origins, host = header_values(scope, b"origin"), header(scope, b"host") or ""
    if any(not is_own(each, host) for each in origins) or len(origins) > 1:
        return False
    site = header(scope, b"sec-fetch-site")
    if site in (None, "same-origin", "none"):
        return True
    return (
        scope["method"] in SAFE
        and header(scope, b"sec-fetch-mode") == "navigate"
        and header(scope, b"sec-fetch-dest") == "document"
        and not scope["path"].startswith("/api/")
    )
