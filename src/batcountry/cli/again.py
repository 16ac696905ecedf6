"""Pictures and films dreamed again from the recipe inside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batcountry.cli.outputs import Target, output_at
from batcountry.cli.running import Outputs, run_dream
from batcountry.cli.screen import out, plain
from batcountry.errors import BatCountryError, OtherWeights, PictureError, VideoError
from batcountry.recipe import Note

if TYPE_CHECKING:
    from batcountry.backend.policy import Policy
    from batcountry.dreams.prepare import Prepared
    from batcountry.jobs.job_run import Events
    from batcountry.models import Model
    from batcountry.motion.note import MotionNote


def picture_note(file: Path) -> Note:
    """Return the note inside a picture; raises `PictureError` if it has none."""
    from batcountry.image.files import read_note

    text = read_note(file)
    if text is None:
        raise PictureError(f"{file} has no recipe inside; only pictures that this program wrote have one")
    return Note.read(text)


@contextmanager
def _same_threads(note: Note | MotionNote, file: Path) -> Iterator[None]:
    """Compute with as many threads as a file was made with; if this machine cannot, say so."""
    from batcountry.backend.threads import can_compute_with, limited_threads

    threads = note.threads
    if threads is not None and not can_compute_with(threads):
        out.print(
            f"{plain(file)} was made with {threads} threads, which are too many for this computer; "
            "sums are rounded otherwise, so that the result will be a little different"
        )
        threads = None
    with limited_threads(threads):
        yield


def picture_again(file: Path, note: Note, target: Target, source: Path | None, policy: Policy) -> None:
    """Dream again what a picture's note says, on `source` or on what the note names, and write it to `target`.

    Raises
    ------
    PictureError
        If the picture it was dreamed on is not there, or that or the network is another.
    PolicyError
        If the note asks for more than the policy allows.
    """
    from batcountry.backend.files import sha256_of
    from batcountry.dreams.inputs import input_files
    from batcountry.dreams.prepare import prepare
    from batcountry.image.initial import start_picture
    from batcountry.optim.alpha import alpha_mode

    recipe = note.recipe
    asked = prepare(recipe, policy=policy)
    source = _source(source, note.input, file, PictureError, policy)
    if source is not None and sha256_of(source) != note.input_sha256:
        raise PictureError(
            f"{source} is not the picture that {file} was dreamed on; name that one with --input"
        )
    if source is None and note.input is None and note.input_sha256 != start_picture(recipe).sha256:
        raise PictureError(f"{file} was not dreamed on a file; name the picture with --input")
    alpha_mode(recipe).check_writable(target.path)
    inputs = [file, source, *input_files(recipe)]
    output = output_at(target.path, inputs, overwrite=target.overwrite, named=target.named)
    if note.stopped:
        out.print(f"{plain(file)} was stopped at {note.stopped}; this is the whole dream")
    asked = asked.with_model(_model(asked, note, file, PictureError))
    with _same_threads(note, file):
        run_dream(source, Outputs(output), asked, named=note.input)
    out.print(f"the dream is in {plain(output.path)}")


def film_again(file: Path, note: MotionNote, target: Target, source: Path | None, policy: Policy) -> None:
    """Make again what a film's note says; as `picture_again`, but for `VideoError`."""
    from batcountry.backend.files import sha256_of
    from batcountry.backend.outputs import check_apart
    from batcountry.cli.motion import make_film
    from batcountry.dreams.prepare import prepare
    from batcountry.jobs import run
    from batcountry.motion.jobs.outputs import check_target
    from batcountry.motion.jobs.specs import video_spec, zoom_spec
    from batcountry.motion.recipes import ZoomRecipe

    recipe = note.recipe
    asked = prepare(recipe.dream, policy=policy)
    source = _source(source, note.input, file, VideoError, policy)
    if source is not None and sha256_of(source) != note.input_sha256:
        raise VideoError(f"{source} is not what {file} was dreamed on; name that one with --input")
    check_target(target.path)
    check_apart(target.path, [file, source])
    model = _model(asked, note, file, VideoError)

    def begin(path: Path) -> Events:
        more: dict[str, Any] = {
            "named": note.input,
            "overwrite": target.overwrite,
            "policy": policy,
            "options": {"model": model},
        }
        if isinstance(recipe, ZoomRecipe):
            spec, objects = zoom_spec(source, path, recipe, **more)
        else:
            spec, objects = video_spec(str(source), path, recipe, **more)
        return run(spec, policy=policy, objects=objects)

    with _same_threads(note, file):
        make_film(target.path, begin, file.name)


def _source(
    given: Path | None, name: str | None, file: Path, refusal: type[BatCountryError], policy: Policy
) -> Path | None:
    """Return what a file was dreamed on, as given, where it was or beside the file; None for what was made on the spot."""
    from batcountry.image.files import check_readable

    if given is not None:
        check_readable(given)
        return given
    if name is None:
        return None
    places = [each for each in (Path(name), file.parent / Path(name).name) if each.is_file()]
    for place in filter(policy.may_read, places):
        return place
    for place in places:
        policy.check_place(place)
    raise refusal(f"{name}, which {file} was dreamed on, is not there; say where it is with --input")


def _model(asked: Prepared, note: Note | MotionNote, file: Path, refusal: type[BatCountryError]) -> Model:
    """Open the model that a file was dreamed with."""
    other = refusal(f"{file} was dreamed with other weights than {asked.recipe.model} has now")
    try:
        model = replace(asked, sha256=note.weights_sha256).open_model()
    except OtherWeights:  # of a file, which was not opened
        raise other from None
    if model.weights_sha256 != note.weights_sha256:
        raise other
    return model
