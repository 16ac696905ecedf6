"""Looks with their pictures."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response

from batcountry.errors import NotFound
from batcountry.studio.web.files import SHORTLY, send_file
from batcountry.studio.web.looks import LOOKS
from batcountry.studio.web.problems import problems
from batcountry.studio.web.schemas import LookShown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["looks"])

OURS = Path(__file__).parents[1] / "looks_pictures"
"""Pictures of looks that come with the package."""


@router.get("/looks", responses=problems())
def list_looks() -> list[LookShown]:
    """List the looks, the usual one first."""
    return [
        LookShown(name=name, title=look.title, recipe=look.recipe, picture=f"/api/v1/looks/{name}/picture")
        for name, look in LOOKS.items()
    ]


@router.get(
    "/looks/{name}/picture",
    response_class=Response,
    responses={**problems(404), 200: {"content": {"image/jpeg": {}}}, 304: {"description": "You have it."}},
)
def look_picture(request: Request, studio: StudioHere, name: str) -> Response:
    """Send a look's picture: of the user's own photo if there is one, else ours."""
    if name not in LOOKS:
        raise NotFound("look", name)
    own = studio.folder.looks / f"{name}.jpg"
    return send_file(request, own if own.is_file() else OURS / f"{name}.jpg", "picture of", kept=SHORTLY)
