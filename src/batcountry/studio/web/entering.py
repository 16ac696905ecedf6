"""Taking the token from a person, and giving a cookie for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from batcountry.studio.web.safety.rates import Allowance
from batcountry.studio.web.safety.tokens import COOKIE, TRIES_PER_MINUTE, cookie_value, is_same
from batcountry.studio.web.studio import StudioHere

Render = Callable[[Request, str, str], Response]
"""Shows the page that asks for the token: of a request, a sentence on why the last try failed, and where to go then."""

KEPT_SECONDS = 30 * 86_400
"""So long does a browser keep the cookie."""


def own_path(text: str) -> str:
    r"""Return where to go, if that is a page of the studio, else its first page.

    >>> own_path("/gallery?N=20"), own_path("//evil.example"), own_path("/\\evil"), own_path("https://evil.example")
    ('/gallery?N=20', '/', '/', '/')
    """
    return text if re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}", text) else "/"


def entering(render: Render) -> APIRouter:
    """Return the routes of `/enter`."""
    router, tries = APIRouter(include_in_schema=False), Allowance(TRIES_PER_MINUTE)

    @router.get("/enter")
    def ask(request: Request, studio: StudioHere, next: str = "/") -> Response:
        if studio.settings.token is None:
            return RedirectResponse("/", 303)
        return render(request, "", own_path(next))

    @router.post("/enter")
    def take(
        request: Request,
        studio: StudioHere,
        token: Annotated[str, Form(max_length=1000)] = "",
        next: Annotated[str, Form(max_length=2000)] = "/",
    ) -> Response:
        right = studio.settings.token
        if right is None:
            return RedirectResponse("/", 303)
        if tries.take(request.client.host if request.client else ""):
            return _again(render(request, "Too many wrong tokens; wait a minute.", own_path(next)), 429)
        if not is_same(token.strip(), right):
            return _again(render(request, "This is not the token.", own_path(next)), 401)
        reply = RedirectResponse(own_path(next), 303)
        secure = request.url.scheme == "https"
        value = cookie_value(right)
        reply.set_cookie(COOKIE, value, KEPT_SECONDS, httponly=True, samesite="strict", secure=secure)
        return reply

    return router


def _again(page: Response, status: int) -> Response:
    page.status_code = status
    return page
