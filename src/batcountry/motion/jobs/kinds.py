"""Makes zooms and dreamed videos ready: what each reads, and that it is what it was begun with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batcountry.backend.files import sha256_of
from batcountry.backend.policy import Policy
from batcountry.dreams.resolve import prepared
from batcountry.errors import JobError, VideoError
from batcountry.image.picture import Picture
from batcountry.jobs.inputs import PICTURE, check_picture, open_job_model
from batcountry.jobs.kinds import Objects
from batcountry.jobs.spec import InputFile, JobSpec
from batcountry.motion.arguments import begun_with
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.io.decode import clip_of
from batcountry.motion.io.download import fetched, is_address
from batcountry.motion.jobs.film_kind import FilmJob, check_film, film_recipe
from batcountry.motion.jobs.specs import FILM, FLOW, VIDEO
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe


class ZoomKind:
    """Makes zooms ready."""

    def check(self, spec: JobSpec, policy: Policy) -> None:
        """See `batcountry.jobs.kinds.Kind`."""
        recipe = film_recipe(spec, ZoomRecipe)
        check_film(spec, recipe)
        check_picture(spec, policy)
        prepared(recipe.dream, {})

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects) -> FilmJob:
        """See `batcountry.jobs.kinds.Kind`."""
        recipe = film_recipe(spec, ZoomRecipe)
        check_picture(spec, policy)
        given, in_memory = spec.inputs.get(PICTURE), objects.get(PICTURE)
        picture: Picture = begun_with(given.path if given else in_memory, recipe)
        model = open_job_model(spec, recipe.dream, policy, objects)
        zoom = Zoom(picture, recipe, {**_options(objects), "model": model})
        name, sha256 = _known(spec) or (given.shown if given else None, picture.sha256)
        return FilmJob(spec, zoom, policy, name=name, sha256=sha256, in_memory=None if given else in_memory)


class VideoKind:
    """Makes dreamed videos ready."""

    def check(self, spec: JobSpec, policy: Policy) -> None:
        """See `batcountry.jobs.kinds.Kind`."""
        if VIDEO not in spec.inputs:
            raise JobError("a dreamed video needs an input named video; name one")
        recipe = film_recipe(spec, VideoRecipe)
        check_film(spec, recipe)
        policy.check_file(spec.inputs[VIDEO].path)
        prepared(recipe.dream, {})

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects) -> FilmJob:
        """See `batcountry.jobs.kinds.Kind`."""
        recipe, given = film_recipe(spec, VideoRecipe), spec.inputs[VIDEO]
        flow = objects.get(FLOW)
        if spec.facts.get("own_flow") and flow is None:
            raise VideoError(
                "the film was begun with a flow of your own; go on with motion.resume(folder, flow=…) in Python"
            )
        path = policy.check_file(given.path)
        if is_address(given.path):
            path = fetched(given.path, Path(spec.outputs[FILM].path))
        clip = clip_of(path, recipe.max_size)
        digest = sha256_of(path)
        if given.sha256 not in (None, digest):
            raise VideoError(f"{path} is not the video that the film was begun with; put that one back")
        model = open_job_model(spec, recipe.dream, policy, objects)
        filming = Filming(clip, recipe, {**_options(objects), "model": model}, flow=flow)
        video = InputFile(path=str(path.resolve()), name=given.shown, sha256=digest)
        facts = {**spec.facts, "own_flow": flow is not None}
        spec = spec.changed(inputs={**spec.inputs, VIDEO: video}, facts=facts)
        return FilmJob(spec, filming, policy, name=given.shown, sha256=digest, clip=clip)


def _known(spec: JobSpec) -> tuple[str | None, str] | None:
    """Return the name and sha256 for the note of a film that was begun before."""
    name, sha256 = spec.facts.get("input"), spec.facts.get("input_sha256")
    return (None if name is None else str(name), sha256) if isinstance(sha256, str) else None


def _options(objects: Objects) -> dict[str, Any]:
    return {name: each for name, each in objects.items() if name not in (PICTURE, FLOW)}
