"""From what a client asks for to the job that is put in line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field, JsonValue

from batcountry.errors import PolicyError, RecipeError, UnknownName
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace, json_of
from batcountry.motion.recipes import Motion, VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.presets import expanded
from batcountry.recipe.validation import Options
from batcountry.studio.web.limits import check_keys, check_recipe
from batcountry.studio.web.looks import LOOKS
from batcountry.studio.web.schemas import JobRequest
from batcountry.studio.web.sources import named, picture_of
from batcountry.studio.web.studio import Studio

MAX_SIDE = 65_535
"""Of a picture that is enlarged, in pixels."""


class EnlargeOptions(Options):
    """What an enlargement is to be."""

    side: int = Field(
        default=4096, ge=64, le=MAX_SIDE, title="Longer side", description="Pixels of the longer side."
    )
    deepzoom: bool = Field(
        default=True,
        title="To zoom in",
        description="Make the pieces that a page needs to zoom in the result, too.",
    )


class VisualizeOptions(Options):
    """How a visualization is told of."""

    every: int = Field(
        default=50, ge=0, le=100_000, description="Tell the losses every so many steps; 0 for never."
    )


class DreamOptions(Options):
    """A dream has no options besides its recipe."""


OPTIONS: dict[str, type[Options]] = {
    "dream": DreamOptions,
    "enlarge": EnlargeOptions,
    "zoom": ZoomRecipe,
    "video": VideoRecipe,
    "visualize": VisualizeOptions,
}
"""The options of each kind, beside the recipe."""


def spec_of(studio: Studio, request: JobRequest, id: str) -> tuple[JobSpec, str]:
    """Return the job that a client asks for, and the id of what it is made from, which is empty for a start of its own.

    Parameters
    ----------
    id
        Of the job, for which its results are named.

    Raises
    ------
    BatCountryError
        If it cannot be, or asks for more than it may.
    """
    inputs = _inputs(studio, request)
    spec = _SPECS[request.kind](studio, request, id).changed(inputs=inputs)
    source = request.picture.upload or request.picture.picture if request.picture else None
    return spec, source or ""


def _inputs(studio: Studio, request: JobRequest) -> dict[str, InputFile]:
    found = {}
    for what in ("guide", "mask"):
        source = getattr(request, what)
        if source is not None:
            found[what] = picture_of(studio, source, what).input
    if request.picture is None:
        if request.kind == "video":
            raise RecipeError("a film is dreamed on a film; name one as picture")
        return found
    if request.kind != "video":
        return {**found, "picture": picture_of(studio, request.picture, "picture").input}
    film = named(studio, request.picture)
    if film.media != "film":
        raise RecipeError(
            f"{film.name!r} is a picture; a film is dreamed on a film, and a picture by kind zoom"
        )
    return {**found, "video": film.input}


def recipe_fields(request: JobRequest) -> dict[str, Any]:
    """Return a request's recipe with those of the look and the preset put in that it names; raises `UnknownName`."""
    fields = dict(request.recipe)
    look = fields.pop("look", None)
    if look is not None:
        if not isinstance(look, str) or look not in LOOKS:
            raise UnknownName("look", str(look)[:80], LOOKS)
        fields = {**LOOKS[look].recipe, **fields}
    if not isinstance(fields.get("preset", ""), str):
        raise RecipeError("preset has to be a name")
    return expanded(fields)


def _checked(studio: Studio, fields: Mapping[str, Any]) -> Recipe:
    recipe = Recipe.of(dict(fields))
    check_recipe(recipe, studio.settings)
    return recipe


def _dream(studio: Studio, request: JobRequest, id: str) -> JobSpec:
    DreamOptions.of(dict(request.options))
    recipe = _checked(studio, recipe_fields(request))
    return JobSpec(kind="dream", recipe=json_of(recipe), outputs=_outputs(picture=studio.folder.result(id)))


def _enlarge(studio: Studio, request: JobRequest, id: str) -> JobSpec:
    options = EnlargeOptions.of(dict(request.options))
    size = picture_of(studio, request.picture, "picture").size if request.picture else (1, 1)
    pixels = options.side**2 * min(size) // max(1, max(size))
    most = studio.settings.policy.max_pixels
    if most is not None and pixels > most:
        raise PolicyError(
            f"the result would have {pixels:,} pixels, and at most {most:,} are allowed here; choose a smaller one"
        )
    recipe = _checked(studio, {**recipe_fields(request), "enlarge": options.side})
    outputs = _outputs(picture=studio.folder.result(id))
    if options.deepzoom:
        outputs |= _outputs(deepzoom=studio.folder.result(id, "", "deepzoom"))
    return JobSpec(kind="dream-on-disk", recipe=json_of(recipe), outputs=outputs)


def _visualize(studio: Studio, request: JobRequest, id: str) -> JobSpec:
    options = VisualizeOptions.of(dict(request.options))
    recipe = _checked(studio, recipe_fields(request))
    made: dict[str, JsonValue] = {"dream": json_of(recipe), "every": options.every}
    return JobSpec(kind="visualize", recipe=made, outputs=_outputs(picture=studio.folder.result(id)))


def _film(kind: type[Motion]) -> Callable[[Studio, JobRequest, str], JobSpec]:
    def spec(studio: Studio, request: JobRequest, id: str) -> JobSpec:
        if "dream" in request.options or "dream" in request.recipe:
            raise RecipeError(
                "how a film's frames are dreamed is said by the recipe; leave dream out of the options"
            )
        film = kind.of({**recipe_fields(request), **request.options})
        check_recipe(film.dream, studio.settings)
        check_keys(film.keys)
        _check_length(film, studio)
        made = json_of(film)
        return JobSpec(
            kind=str(made["kind"]), recipe=made, outputs=_outputs(film=studio.folder.result(id, ".mp4"))
        )

    return spec


def _check_length(film: Motion, studio: Studio) -> None:
    if not isinstance(film, ZoomRecipe):
        return
    steps = film.count * film.frame_octaves * film.frame_iterations
    studio.settings.policy.check_steps(steps)


def _outputs(**paths: Any) -> dict[str, OutputPlace]:
    return {name: OutputPlace(path=str(path)) for name, path in paths.items()}


_SPECS: dict[str, Callable[[Studio, JobRequest, str], JobSpec]] = {
    "dream": _dream,
    "enlarge": _enlarge,
    "zoom": _film(ZoomRecipe),
    "video": _film(VideoRecipe),
    "visualize": _visualize,
}
