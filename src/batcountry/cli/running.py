"""Dreams on one picture as jobs, shown and written: in memory, or on disk where memory would not do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batcountry.backend.outputs import Output
from batcountry.cli.screen import show


@dataclass
class Outputs:
    """What becomes of a dream. The names are final when it is finished.

    Attributes
    ----------
    save_steps
        A folder for the picture after every iteration.
    work
        The folder that the dream is stored in as it grows.
    deepzoom
        The folder of a deep-zoom pyramid.
    """

    picture: Output
    save_steps: Output | None = None
    work: Path | None = None
    deepzoom: Output | None = None


def run_dream(
    image: Path | None, outputs: Outputs, options: dict[str, Any], *, named: str | None = None
) -> None:
    """Dream on a picture, or with None on a start, and write the result.

    Parameters
    ----------
    options
        As for `batcountry.dream`; `model` may be an opened one.
    named
        What the result says of the picture's name.

    Raises
    ------
    Stopped
        On Ctrl-C; what there is of the picture is kept.
    """
    from batcountry.jobs import run
    from batcountry.jobs.dream_specs import dream_spec, job_recipe

    recipe, objects = job_recipe(None, options)
    places = {"picture": outputs.picture, "steps": outputs.save_steps, "deepzoom": outputs.deepzoom}
    wanted = {name: each for name, each in places.items() if each is not None}
    spec = dream_spec(image, recipe, wanted, named=named)
    events = run(spec, folder=outputs.work, objects=objects)
    done = show(events, image.name if image else "a start of its own")
    for name, each in wanted.items():
        each.path = Path(done.outputs[name])
