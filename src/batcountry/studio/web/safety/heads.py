"""HEAD, which asks for what GET answers without its body."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

ASKED = "batcountry.head"
"""In a scope: whether only the headers are asked for, so that no file need be read."""

_WITHOUT_END = "/events"


class Heads:
    """Answers HEAD as GET; the server itself leaves out the body. What has no end is not answered so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http" and scope["method"] == "HEAD" and not scope["path"].endswith(_WITHOUT_END):
            scope = {**scope, "method": "GET", ASKED: True}
        await self._app(scope, receive, send)
