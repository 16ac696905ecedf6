"""Networks: which there are, and what is in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from batcountry.errors import NotFound
from batcountry.models import zoo
from batcountry.studio.web.files import SHORTLY, send_file
from batcountry.studio.web.networks import card_of, channel_picture, facts_of, network_shown
from batcountry.studio.web.problems import problems
from batcountry.studio.web.schemas import ClassesShown, ClassShown, LayerShown, NetworkDetails, NetworkShown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["networks"])


@router.get("/networks", responses=problems())
def list_networks() -> list[NetworkShown]:
    """List the networks that are known, those first that are here."""
    shown = [network_shown(each) for each in zoo.cards()]
    return sorted(shown, key=lambda each: not each.here)


@router.get("/networks/{name}", responses=problems(404))
async def show_network(studio: StudioHere, name: str) -> NetworkDetails:
    """Show a network with its layers."""
    shown, facts = network_shown(card_of(name)), await facts_of(studio, name)
    return NetworkDetails(
        **shown.model_dump(),
        layers=[LayerShown(**each) for each in facts["layers"]],
        default_layer=facts["default_layer"],
        class_layer=facts["class_layer"],
        classes=len(facts["classes"]),
    )


@router.get("/networks/{name}/classes", responses=problems(404))
async def network_classes(
    studio: StudioHere,
    name: str,
    search: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ClassesShown:
    """Find classes by words of their names."""
    card_of(name)
    words = search.lower().split()
    names = enumerate((await facts_of(studio, name))["classes"])
    found = [(number, each) for number, each in names if all(word in each.lower() for word in words)]
    shown = [ClassShown(number=number, name=each) for number, each in found[:limit]]
    return ClassesShown(classes=shown, total=len(found))


@router.get(
    "/networks/{name}/layers/{layer:path}/channels/{number}/picture",
    response_class=Response,
    responses={**problems(404), 200: {"content": {"image/png": {}}}, 304: {"description": "You have it."}},
)
async def show_channel(request: Request, studio: StudioHere, name: str, layer: str, number: int) -> Response:
    """Send the picture that a channel of a layer makes most of, as far as it was drawn."""
    facts = await facts_of(studio, card_of(name).name)
    known = next((each for each in facts["layers"] if each["name"] == layer), None)
    if known is None or not 0 <= number < (known["channels"] or 0):
        raise NotFound("channel", f"{layer} {number}")
    return send_file(
        request, channel_picture(studio, name, layer, number), "picture of channel", kept=SHORTLY
    )
