"""Dreams on one picture as jobs, shown and written: in memory, or on disk where memory would not do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.backend.outputs import Output
from batcountry.cli.screen import show

if TYPE_CHECKING:
    from batcountry.dreams.prepare import Prepared
    from batcountry.dreams.resolve import Resolved


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
    image: Path | None, outputs: Outputs, asked: Prepared | Resolved, *, named: str | None = None
) -> None:
    """Dream on a picture, or with None on a start, and write the result.

    Parameters
    ----------
    asked
        How to dream.
    named
        What the result says of the picture's name.

    Raises
    ------
    Stopped
        On Ctrl-C; what there is of the picture is kept.
    """
    from batcountry.jobs import run
    from batcountry.jobs.dream_specs import dream_spec

    places = {"picture": outputs.picture, "steps": outputs.save_steps, "deepzoom": outputs.deepzoom}
    wanted = {name: each for name, each in places.items() if each is not None}
    spec = dream_spec(image, asked.recipe, wanted, named=named)
    events = run(spec, folder=outputs.work, policy=asked.policy, objects={"asked": asked})
    done = show(events, image.name if image else "a start of its own")
    for name, each in wanted.items():
        each.path = Path(done.outputs[name])
