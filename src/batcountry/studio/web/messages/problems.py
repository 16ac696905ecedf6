"""Errors over HTTP: each a status, and one sentence as `{"detail": …}`."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from batcountry import errors
from batcountry.studio.web.media.process import NoRoom, OverBounds, Unusable

log = logging.getLogger("batcountry")


class Problem(BaseModel):
    """What went wrong."""

    detail: str = Field(description="One sentence for people.")


_MEANINGS = {
    400: "The request is not one that the studio understands.",
    401: "The token is missing or wrong.",
    403: "This is not allowed to recipes and requests from the network, or another page asked for it.",
    404: "There is nothing of that id or name.",
    405: "The method is not one of this address.",
    408: "What was sent came too slowly.",
    409: "The job is not in a state in which that can be.",
    413: "This is larger than the studio takes.",
    415: "This is of a type that the studio does not take.",
    421: "The studio is not called so.",
    422: "A value is not one that can be.",
    429: "This is more often than the studio takes.",
    503: "The studio is busy or cannot use its folder; try again.",
    507: "There is no room for it: in the queue, on the disk or in the quota.",
}

_ALWAYS = (400, 401, 403, 421, 422, 503)
_CHANGING = (408, 413, 415, 429)


def problems(*statuses: int, changes: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return what an endpoint's documentation says of errors: those that any may have, and the given ones.

    Parameters
    ----------
    changes
        Whether it changes something, and so takes a body and has a rate.
    """
    known = {*_ALWAYS, *statuses, *(_CHANGING if changes else ())}
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in sorted(known)}


_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.NotFound, 404),
    (errors.WrongState, 409),
    (errors.StudioFull, 507),
    (NoRoom, 507),
    (OverBounds, 413),
    (Unusable, 415),
    (errors.PolicyError, 403),
    (errors.RecipeError, 422),
    (errors.ModelError, 422),
    (errors.PictureError, 422),
    (errors.VideoError, 422),
    (errors.StudioError, 503),
    (errors.BatCountryError, 422),
)


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def status_of(error: Exception) -> int:
    """Return the status that says of what kind an error is."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def _said(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, headers)


def add_problems(app: FastAPI) -> None:
    """Have an application say its errors so."""

    @app.exception_handler(errors.BatCountryError)
    async def of_ours(_: Request, error: errors.BatCountryError) -> JSONResponse:
        return _said(status_of(error), str(error), {"retry-after": "2"} if status_of(error) == 503 else None)

    @app.exception_handler(RequestValidationError)
    async def of_values(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"][1:])[:200]
        reason = str(first["msg"])[:300]
        if first["type"] in ("json_invalid", "value_error.jsondecode"):
            return _said(422, f"what was sent is not JSON: {reason}")
        return _said(422, errors.printable(f"{place or 'what was sent'}: {reason[:1].lower()}{reason[1:]}"))

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> JSONResponse:
        sentence = (
            _MEANINGS.get(error.status_code, "This cannot be.") if _is_bare(error) else str(error.detail)
        )
        return _said(error.status_code, sentence, error.headers)

    @app.exception_handler(OSError)
    async def of_the_disk(request: Request, error: OSError) -> JSONResponse:
        log.error("the disk failed at %s: %s", request.url.path, error, exc_info=error)
        reason = error.strerror or type(error).__name__
        if error.errno in _NO_ROOM:
            return _said(507, f"the studio's disk has no room: {reason}; make some, and send this again")
        return _said(503, f"the studio's folder cannot be used: {reason}", {"retry-after": "2"})

    @app.exception_handler(Exception)
    async def of_the_program(request: Request, error: Exception) -> JSONResponse:
        log.error("a fault of the studio itself at %s: %s", request.url.path, error, exc_info=error)
        return _said(500, "a fault of the studio itself; its log says where")


def _is_bare(error: HTTPException) -> bool:
    return str(error.detail) in ("Not Found", "Method Not Allowed", "Bad Request")
