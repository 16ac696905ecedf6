"""Paths that lead elsewhere than they say, in whatever spelling, are no paths of ours."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from batcountry.studio.web.safety.refusals import refuse

METHODS = ("GET", "POST", "PATCH", "DELETE")
"""Those that the studio knows. There is no OPTIONS, as nothing is shared with other origins."""

MAX_TARGET = 4096
"""Most bytes of a path and its query."""

# A dot segment, a doubled or a back slash, a control character, a drive, however often it is encoded.
_ODD = re.compile(r"(^|[/\\])\.{1,2}([/\\;]|$)|\\|//|[\x00-\x1f\x7f]|^/?[A-Za-z]:([/\\]|$)")
_OTHER_SPELLINGS = re.compile(r"%(?:5c|00|25(?:2e|2f|5c|00|25)|c0%a[ef]|c1%9c|e0%80%a[ef])", re.IGNORECASE)


def is_plain(raw: str) -> bool:
    """Whether a path, as it was sent, is one of a reader who means what it says.

    >>> [is_plain(path) for path in ("/api/v1/jobs", "/api/..%2fx", "/%2e%2e/x", "/a%00b", "/files/C:/x")]
    [True, False, False, False, False]
    """
    decoded = unquote(raw, errors="surrogateescape")
    if not raw.startswith("/") or _OTHER_SPELLINGS.search(raw) or _ODD.search(decoded):
        return False
    if any("\udc80" <= each <= "\udcff" for each in decoded):  # bytes that are not UTF-8
        return False
    return not any(re.match(r"[A-Za-z]:", part) for part in decoded.split("/"))


class Paths:
    """Refuses odd paths with 400, methods that nothing here has with 405, and everything but HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        if scope["method"] not in METHODS:
            known = ", ".join(METHODS)
            await refuse(send, 405, "the studio does not know this method", {"allow": known}, close=True)
        elif len(raw) + len(scope["query_string"]) > MAX_TARGET:
            await refuse(send, 414, f"the address is longer than {MAX_TARGET} bytes", close=True)
        elif not is_plain(raw):
            await refuse(send, 400, "this address is none of the studio's", close=True)
        else:
            await self._app(scope, receive, send)
