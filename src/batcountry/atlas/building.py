"""Making an atlas, batch by batch, so that it can be stopped at any time and gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Unpack

from batcountry.atlas.atlas_kind import ATLAS, AtlasRecipe
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.keywords import ChannelOptions, ModelLike
from batcountry.dreams.prepare import prepare
from batcountry.errors import RecipeError
from batcountry.jobs.control import Control
from batcountry.jobs.events import Message
from batcountry.jobs.events import Progress as JobProgress
from batcountry.jobs.job_run import Events
from batcountry.jobs.messages import say
from batcountry.jobs.runner import run
from batcountry.jobs.spec import JobSpec, OutputPlace, json_of


@dataclass(frozen=True)
class Progress:
    """How far an atlas is.

    Attributes
    ----------
    layer
        The one at work.
    made
        Channels of all layers whose pictures are there.
    channels
        Of all layers.
    done
        Share of the work of this run that is done, 0 to 1.
    """

    layer: str
    made: int
    channels: int
    done: float


def building(
    out: str | Path,
    model: ModelLike = "efficientnet-lite0",
    layers: Sequence[str] = (),
    *,
    batch: int | None = None,
    policy: Policy = OPEN,
    **options: Unpack[ChannelOptions],
) -> Iterator[Progress]:
    """Make an atlas: a picture of every channel of some layers, and a page to look at them.

    Channels whose pictures are there already are left as they are, so an atlas that was stopped, in
    whatever way, is gone on with by the same call, and layers can be added to one that is finished.

    Parameters
    ----------
    out
        The atlas's folder.
    model
        As for `dream`.
    layers
        Names, or patterns such as `blocks.*`; the model's default layer if there are none.
    batch
        How many channels grow at once. More are quicker together, and take as many times the memory. If not given 16 on a
        processor, and as many as keep a graphics card busy and fit into its memory.
    policy
        What the recipe may do, as for `dream`.
    options
        As for `dream`, but for `objective`, `layer` and `guide`; the preset is `thumbnail` if none is named.

    Yields
    ------
    Progress
        After each iteration.

    Raises
    ------
    BatCountryError
        If an option, the model or a layer cannot be used, or the folder has another atlas in it; at the
        call, not at the first step.
    """
    return _progress(atlas_events(out, model, layers, batch=batch, policy=policy, **options))


def atlas_events(
    out: str | Path,
    model: ModelLike = "efficientnet-lite0",
    layers: Sequence[str] = (),
    *,
    batch: int | None = None,
    policy: Policy = OPEN,
    control: Control | None = None,
    **options: Unpack[ChannelOptions],
) -> Events:
    """Make an atlas as a job, and yield what it tells; takes what `building` takes, and a control."""
    if batch is not None and batch < 1:
        raise RecipeError("a batch has at least one channel")
    asked = prepare(options={"preset": "thumbnail", **options, "model": model}, policy=policy)
    spec = JobSpec(
        kind="atlas",
        recipe=json_of(AtlasRecipe(dream=asked.recipe, layers=list(layers), batch=batch)),
        outputs={ATLAS: OutputPlace(path=str(out))},
    )
    return run(spec, policy=policy, control=control, objects={"asked": asked})


def _progress(events: Events) -> Iterator[Progress]:
    for event in events:
        if isinstance(event, JobProgress):
            count = event.where[0]
            yield Progress(event.subject or "", count.at, count.of or 0, event.done)
        elif isinstance(event, Message):
            say(event)
