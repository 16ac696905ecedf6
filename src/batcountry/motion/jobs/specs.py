"""What is written down of a film before it is made: its note, and the job that leads to files from anywhere."""

from __future__ import annotations

from pathlib import Path

from batcountry.backend.outputs import Output
from batcountry.backend.threads import thread_limit
from batcountry.backend.version import __version__
from batcountry.errors import RecipeError
from batcountry.models.from_recipe import from_anywhere
from batcountry.motion.jobs.journal import Job
from batcountry.motion.note import MotionNote
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe


def note_for(recipe: ZoomRecipe | VideoRecipe, weights: str, name: str | None, sha256: str) -> MotionNote:
    """Return a film's note.

    Parameters
    ----------
    recipe
        With what was chosen for it.
    weights
        The sha256 of the network's weights.
    name, sha256
        Of the picture or video that it is dreamed on, as it was given.
    """
    return MotionNote(
        version=__version__,
        recipe=recipe,
        input=name,
        input_sha256=sha256,
        weights_sha256=weights,
    )


def job_for(note: MotionNote, model: str, source: Path | None, output: Output) -> Job:
    """Return the job of a film, in which every name leads to its file from any working folder.

    Raises
    ------
    RecipeError
        If the guide or the mask was given as something else than a file.
    """
    dream = note.recipe.dream
    aux_inputs = {name: getattr(dream, name) for name in ("guide", "mask")}
    for name, each in aux_inputs.items():
        if each and each.startswith("sha256:"):
            raise RecipeError(f"give the {name} as a file, so that the film can be gone on with")
    anywhere = dream.with_options(
        model=from_anywhere(model),
        weights=None if dream.weights is None else from_anywhere(dream.weights),
        mean=None if dream.mean is None else _mean_from_anywhere(dream.mean),
        **{name: str(Path(each).resolve()) for name, each in aux_inputs.items() if each},
    )
    return Job(
        note=note,
        recipe=note.recipe.with_options(dream=anywhere),
        source=None if source is None else str(source.resolve()),
        output=str(output.path.absolute()),
        overwrite=output.overwrite,
        threads=thread_limit(),
    )


def _mean_from_anywhere(mean: str) -> str:
    return str(Path(mean).resolve()) if Path(mean).is_file() else mean
