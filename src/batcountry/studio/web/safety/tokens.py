"""A studio that others can reach asks for its token: as `Authorization: Bearer`, or as the cookie that `/enter` gives for it."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from batcountry.studio.web.safety.rates import Allowance
from batcountry.studio.web.safety.refusals import client_of, header, header_values, refuse

COOKIE = "studio"
"""Name of the cookie, which has not the token itself but what only who has the token can make."""

ENTRY = "/enter"
"""The page that takes the token."""

TRIES_PER_MINUTE = 20
"""Wrong tokens that one address may try."""

_OPEN_PREFIXES = ("/static/",)
_OPEN = (ENTRY, "/health", "/favicon.ico")


def cookie_value(token: str) -> str:
    """Return the cookie's value for a token."""
    return hmac.new(token.encode(), b"bat-country studio cookie", hashlib.sha256).hexdigest()


def is_same(given: str, right: str) -> bool:
    """Compare two secrets in a time that says nothing of them."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest(),
        hashlib.sha256(right.encode()).digest(),
    )


class Tokens:
    """Refuses with 401 who has no token, or sends a person to `/enter`; does nothing in a studio without one."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token
        self._tries = Allowance(TRIES_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or not self._token or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = _given(scope)
        if given is not None and is_same(given[1], self._token if given[0] else cookie_value(self._token)):
            await self._app(scope, receive, send)
        elif given is not None and self._tries.take(client_of(scope)):
            await refuse(send, 429, "too many wrong tokens; wait a minute", {"retry-after": "60"}, close=True)
        elif _is_person(scope):
            goal = scope["path"] + (
                f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            )
            await refuse(
                send, 303, "enter the token first", {"location": f"{ENTRY}?next={quote(goal, safe='')}"}
            )
        else:
            said = "this studio needs its token, as Authorization: Bearer TOKEN; it was printed when the studio started"
            await refuse(send, 401, said, {"www-authenticate": 'Bearer realm="studio"'}, close=True)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_PREFIXES)


def _is_person(scope: Scope) -> bool:
    accepts = header(scope, b"accept") or ""
    return scope["method"] == "GET" and not scope["path"].startswith("/api/") and "text/html" in accepts


def _given(scope: Scope) -> tuple[bool, str] | None:
    """Return whether a request has the token itself, and what it has; None if nothing."""
    kind, _, token = (header(scope, b"authorization") or "").partition(" ")
    if kind.lower() == "bearer":
        return True, token.strip()
    for line in header_values(scope, b"cookie"):
        try:
            found = SimpleCookie(line).get(COOKIE)
        except CookieError:
            continue
        if found is not None:
            return False, found.value
    return None
