"""Makes zooms and dreamed videos ready: what each reads, and that it is what it was begun with."""

from __future__ import annotations

from batcountry.backend.outputs import check_apart
from batcountry.backend.policy import Policy
from batcountry.errors import JobError, VideoError
from batcountry.image.picture import Picture
from batcountry.image.sources.addresses import local_path
from batcountry.jobs.inputs import PICTURE, check_picture, check_weights, prepared_of
from batcountry.jobs.kinds import Objects
from batcountry.jobs.spec import InputFile, JobSpec
from batcountry.motion.api import initial_picture
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.io.clip import Clip
from batcountry.motion.io.download import fetched, is_address
from batcountry.motion.io.sources import clip_of, source_digest
from batcountry.motion.jobs.film_kind import FilmJob, check_film, film_recipe
from batcountry.motion.jobs.outputs import kind_of, say_what_is_lost
from batcountry.motion.jobs.specs import FILM, FLOW, VIDEO
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe


class ZoomKind:
    """Makes zooms ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> FilmJob:
        """See `batcountry.jobs.kinds.Kind`."""
        recipe = film_recipe(spec, ZoomRecipe)
        check_film(spec, recipe, new=new)
        check_picture(spec, policy)
        asked = prepared_of(spec, recipe.dream, policy, objects)
        given, in_memory = spec.inputs.get(PICTURE), objects.get(PICTURE)
        picture: Picture = initial_picture(given.path if given else in_memory, recipe, policy)
        zoom = Zoom(picture, recipe, asked)
        check_weights(spec, zoom.dreamer.model)
        name, sha256 = _known(spec) or (given.shown if given else None, picture.sha256)
        return FilmJob(spec, zoom, name=name, sha256=sha256, in_memory=None if given else in_memory)


class VideoKind:
    """Makes dreamed videos ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> FilmJob:
        """See `batcountry.jobs.kinds.Kind`."""
        if VIDEO not in spec.inputs:
            raise JobError("a dreamed video needs an input named video; name one")
        recipe, flow = film_recipe(spec, VideoRecipe), objects.get(FLOW)
        check_film(spec, recipe, new=new)
        if spec.facts.get("own_flow") and flow is None:
            raise VideoError(
                "the film was begun with a flow of your own; go on with motion.resume(folder, flow=…) in Python"
            )
        asked = prepared_of(
            spec, recipe.dream, policy, objects
        )  # so that nothing is fetched for what cannot be
        spec, clip = _with_clip(spec, recipe, policy)
        filming = Filming(clip, recipe, asked, flow=flow)
        check_weights(spec, filming.dreamer.model)
        spec = spec.changed(facts={**spec.facts, "own_flow": flow is not None})
        video = spec.inputs[VIDEO]
        return FilmJob(spec, filming, name=video.shown, sha256=video.sha256 or "", clip=clip)


def _with_clip(spec: JobSpec, recipe: VideoRecipe, policy: Policy) -> tuple[JobSpec, Clip]:
    """Open the video, which is fetched if it is an address, and return the spec that says what it is.

    Raises
    ------
    VideoError
        If it cannot be read, or is not the one that the spec says.
    """
    spec.source(VIDEO)
    given = spec.inputs[VIDEO]
    goal = spec.place(FILM)
    if is_address(given.path):
        policy.check_address(given.path)
        path = fetched(given.path, goal)
        check_apart(goal, [path])
    else:
        path = policy.check_file(local_path(given.path))
    kind = kind_of(goal)
    if path.is_dir() and kind != "folder" and path.resolve() in goal.resolve().parents:
        raise VideoError(f"{goal} would lie among the frames of {path}; write the film elsewhere")
    clip = clip_of(path, recipe.max_size, fps=recipe.fps, even=kind == "video", policy=policy)
    say_what_is_lost(goal, recipe, clip)
    digest = source_digest(path)
    if given.sha256 not in (None, digest):
        raise VideoError(f"{path} is not the video that the film was begun with; put that one back")
    video = InputFile(path=str(path.resolve()), name=given.shown, sha256=digest)
    return spec.changed(inputs={**spec.inputs, VIDEO: video}), clip


def _known(spec: JobSpec) -> tuple[str | None, str] | None:
    """Return the name and sha256 for the note of a film that was begun before."""
    name, sha256 = spec.facts.get("input"), spec.facts.get("input_sha256")
    return (None if name is None else str(name), sha256) if isinstance(sha256, str) else None
