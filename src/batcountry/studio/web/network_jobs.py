"""Jobs that look into networks: their channels drawn, and what they see in a picture."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from batcountry.jobs.spec import JobSpec, OutputPlace, json_of
from batcountry.recipe import Recipe
from batcountry.recipe.presets import expanded
from batcountry.studio.places import new_id
from batcountry.studio.web.limits import check_recipe
from batcountry.studio.web.networks import atlas_of
from batcountry.studio.web.room import make_room
from batcountry.studio.web.schemas import JobShown, SeeRequest
from batcountry.studio.web.shown import job_shown
from batcountry.studio.web.sources import picture_of
from batcountry.studio.web.studio import Studio


def submit_drawing(studio: Studio, name: str, layers: Sequence[str]) -> JobShown:
    """Put the drawing of layers' channels in line; raises `BatCountryError` if it cannot be."""
    recipe = Recipe.of(expanded({"preset": "thumbnail", "model": name}))
    check_recipe(recipe, studio.settings)
    place = atlas_of(studio, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, JsonValue] = {"dream": json_of(recipe), "layers": list(layers)}
    outputs = {"atlas": OutputPlace(path=str(place))}
    return _submitted(studio, JobSpec(kind="atlas", recipe=chosen, outputs=outputs), new_id(), "draw", "")


def submit_sight(studio: Studio, name: str, request: SeeRequest) -> JobShown:
    """Put a look of a network at a picture in line; raises `BatCountryError` if it cannot be."""
    seen, id = picture_of(studio, request.picture, "picture"), new_id()
    recipe = Recipe.of({"model": name, "layer": request.layer})
    check_recipe(recipe, studio.settings)
    spec = JobSpec(
        kind="sight",
        recipe={"dream": json_of(recipe)},
        inputs={"picture": seen.input},
        outputs={"plot": OutputPlace(path=str(studio.folder.result(id)))},
    )
    return _submitted(studio, spec, id, "see", seen.id)


def _submitted(studio: Studio, spec: JobSpec, id: str, kind: str, source: str) -> JobShown:
    make_room(studio, 0)
    most = studio.settings.max_queue
    return job_shown(studio, studio.queue.submit(spec, id=id, kind=kind, picture_from=source, most=most))
