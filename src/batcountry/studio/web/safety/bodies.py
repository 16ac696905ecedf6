"""Bounds on what a client sends: how many bytes, of which type, and how slowly."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batcountry.studio.web.safety.origins import SAFE
from batcountry.studio.web.safety.refusals import header, header_values, refuse

MAX_JSON = 1 << 20
"""Most bytes of anything but an upload."""

SECONDS = 15.0
"""That a small body may take, and that an upload may let pass without a byte."""

LEAST_RATE = 16_384
"""Bytes a second that an upload has to come in on the average."""

FORM = "multipart/form-data"

_FORM_EDGE = 64 << 10  # what a form has around its file


class TooMuch(Exception):
    """A body is longer than it may be."""


class TooSlow(Exception):
    """A body does not come."""


class Bodies:
    """Refuses with 413, 415 and 408 what is too long, of no type that is taken here, or does not come.

    The application sees a body only as far as it is within bounds, however it was announced.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int, seconds: float = SECONDS) -> None:
        self._app, self._seconds = app, seconds
        self._most_upload = max_upload_bytes + _FORM_EDGE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = scope["path"] == "/api/v1/uploads" and scope["method"] == "POST"
        most = self._most_upload if is_upload else MAX_JSON
        refusal = _refusal(scope, most)
        if refusal is not None:
            await refuse(send, *refusal, close=True)
            return
        await self._passed(scope, _Bounded(receive, most, self._seconds, slow=is_upload), send)

    async def _passed(self, scope: Scope, body: _Bounded, send: Send) -> None:
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if body.refusal is not None and not begun:
                return  # what the application made of a body that broke off is not what the client is told
            begun = True
            await send(message)

        try:
            await self._app(scope, body.receive, sent)
        except (TooMuch, TooSlow):
            pass
        except Exception:
            if body.refusal is None:
                raise
        if body.refusal is not None and not begun:
            await refuse(send, *body.refusal, close=True)


def _refusal(scope: Scope, most: int) -> tuple[int, str] | None:
    """Return the status and the sentence for what is wrong with a body as it is announced."""
    lengths = header_values(scope, b"content-length")
    if len(set(lengths)) > 1 or any(not (each.isascii() and each.isdigit()) for each in lengths):
        return 400, "the length of what was sent is not a number"
    length = int(lengths[0]) if lengths else 0
    if length > most:
        return 413, _too_much(most)
    chunked = header(scope, b"transfer-encoding") is not None
    if scope["method"] in SAFE or not (length or chunked):
        return None
    kind = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if header(scope, b"content-encoding") not in (None, "identity"):
        return 415, "what is sent compressed is not taken; send it as it is"
    right = _kind_of(scope["path"])
    return None if kind == right else (415, f"this takes {right}, not {kind[:100] or 'what has no type'}")


def _kind_of(path: str) -> str:
    if path == "/api/v1/uploads":
        return FORM
    return "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"


def _too_much(most: int) -> str:
    return f"this is longer than {most:,} bytes, and no more are taken; send something smaller"


class _Bounded:
    """The receiving side of a request, within bounds of bytes and of time."""

    def __init__(self, receive: Receive, most: int, seconds: float, *, slow: bool) -> None:
        self._receive, self._most, self._seconds, self._slow = receive, most, seconds, slow
        self._begun, self._bytes, self._whole = time.monotonic(), 0, False
        self.refusal: tuple[int, str] | None = None

    async def receive(self) -> Message:
        """Return the next message; raises `TooMuch` and `TooSlow`."""
        if self._whole:  # what is waited for now is that the client leaves
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience())
        except asyncio.TimeoutError:
            self.refusal = (408, "what was sent came too slowly, or not at all; send it again")
            raise TooSlow from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        if self._bytes > self._most:
            self.refusal = (413, _too_much(self._most))
            raise TooMuch
        return message

    def _patience(self) -> float:
        spent = time.monotonic() - self._begun
        if not self._slow:
            return max(0.0, self._seconds - spent)
        allowed = self._seconds + self._bytes / LEAST_RATE
        return max(0.0, min(self._seconds, allowed - spent))
