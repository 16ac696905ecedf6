"""Networks: which there are, and what is in them."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response

from batcountry.models import zoo
from batcountry.studio.web.files.sending import SHORTLY, send_file
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import (
    ChannelsShown,
    ClassesShown,
    ClassShown,
    DrawRequest,
    JobShown,
    NetworkDetails,
    NetworkShown,
    SeeRequest,
)
from batcountry.studio.web.networks.facts import (
    card_of,
    channel_picture,
    drawn_channels,
    facts_of,
    layer_named,
    layer_picture,
    layer_shown,
    network_shown,
)
from batcountry.studio.web.networks.jobs import submit_drawing, submit_sight
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
        layers=await anyio.to_thread.run_sync(
            lambda: [layer_shown(studio, name, each) for each in facts["layers"]]
        ),
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
    """Find classes by words of their names: first the one of just that name, then those that begin so."""
    card_of(name)
    words = search.lower().split()
    names = enumerate((await facts_of(studio, name))["classes"])
    found = [(number, each) for number, each in names if all(word in each.lower() for word in words)]
    text = " ".join(words)
    found.sort(key=lambda each: (each[1].lower() != text, not each[1].lower().startswith(text)))
    shown = [ClassShown(number=number, name=each) for number, each in found[:limit]]
    return ClassesShown(classes=shown, total=len(found))


@router.get(
    "/networks/{name}/layers/{layer:path}/channels/{number}/picture",
    response_class=Response,
    responses={**problems(404), 200: {"content": {"image/jpeg": {}}}, 304: {"description": "You have it."}},
)
async def show_channel(request: Request, studio: StudioHere, name: str, layer: str, number: int) -> Response:
    """Send the picture that a channel of a layer makes most of, as far as it was drawn."""
    facts = await facts_of(studio, card_of(name).name)
    place = channel_picture(studio, name, facts, layer, number)
    return send_file(request, place, "picture of channel", kept=SHORTLY)


@router.get("/networks/{name}/layers/{layer:path}/channels", responses=problems(404))
async def list_channels(studio: StudioHere, name: str, layer: str) -> ChannelsShown:
    """Say how many channels a layer has, and which of them were drawn."""
    known = layer_named(await facts_of(studio, card_of(name).name), layer)
    drawn = await anyio.to_thread.run_sync(drawn_channels, studio, name, known)
    return ChannelsShown(channels=known["channels"], drawn=drawn)


@router.get(
    "/networks/{name}/layers/{layer:path}/picture",
    response_class=Response,
    responses={**problems(404), 200: {"content": {"image/jpeg": {}}}, 304: {"description": "You have it."}},
)
async def show_layer(request: Request, studio: StudioHere, name: str, layer: str) -> Response:
    """Send a picture of what a layer likes, which is drawn while nobody dreams."""
    known = layer_named(await facts_of(studio, card_of(name).name), layer)
    return send_file(request, layer_picture(studio, name, known), "picture of layer", kept=SHORTLY)


@router.post("/networks/{name}/draw", status_code=201, responses=problems(404, 507, changes=True))
async def draw(studio: StudioHere, name: str, request: DrawRequest) -> JobShown:
    """Have the channels of layers drawn, as far as they are not yet; their pictures are there one after the other."""
    facts = await facts_of(studio, card_of(name).name)
    for layer in request.layers:
        layer_named(facts, layer)
    return await anyio.to_thread.run_sync(submit_drawing, studio, name, request.layers)


@router.post("/networks/{name}/see", status_code=201, responses=problems(404, 507, changes=True))
def see(studio: StudioHere, name: str, request: SeeRequest) -> JobShown:
    """Have a network look at a picture: its result is lit where the strongest channels of a layer are excited."""
    return submit_sight(studio, card_of(name).name, request)
