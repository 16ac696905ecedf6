"""Making an atlas, batch by batch, so that it can be stopped at any time and gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from typing_extensions import Unpack

from batcountry.atlas.folder import Entry, Folder, check_atlas_folder
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.version import __version__
from batcountry.dreams.checks import check_opaque
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.keywords import ChannelOptions, ModelLike
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.dreams.visualize import visualizing
from batcountry.errors import LayerNotFound, RecipeError
from batcountry.models import Model

BATCH = 16
"""Channels that grow at once if nothing is said."""


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
    batch: int = BATCH,
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
        How many channels grow at once. More are quicker together, and take as many times the memory.
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
    if batch < 1:
        raise RecipeError("a batch has at least one channel")
    check_atlas_folder(Path(out))
    asked = prepare(options={"preset": "thumbnail", **options, "model": model}, policy=policy)
    check_opaque(asked.recipe, "an atlas")
    opened = asked.open_model()
    asked = asked.with_model(opened)
    entries = [Entry.of(opened, name) for name in chosen(opened, layers)]
    for entry in entries:  # so that a layer that cannot be reached is said before any work is done
        dreamer = Dreamer(asked.with_aim(objective=entry.objective(0)))
        dreamer.dreaming()
    recipe = dreamer.resolved.recipe.model_dump(exclude={"objective", "layer", "guide", "tile", "max_memory"})
    facts = {
        "model": opened.name,
        "weights_sha256": opened.weights_sha256,
        "version": __version__,
        "recipe": recipe,
    }
    folder = Folder(Path(out), facts)
    for entry in entries:
        folder.add(entry)
    return policy.timed(_run(folder, entries, batch, asked))


def chosen(model: Model, patterns: Sequence[str]) -> list[str]:
    """Return the names of a model's layers that patterns such as `blocks.*` stand for, in running order.

    Raises
    ------
    LayerNotFound
        If a pattern stands for none.
    """
    names = [each.name for each in model.layers]
    wanted: set[str] = set()
    for pattern in patterns or [model.default_layer]:
        found = {each for each in names if each == pattern or fnmatchcase(each, pattern)}
        if not found:
            raise LayerNotFound(pattern, names, model.name)
        wanted |= found
    return [each for each in names if each in wanted]


def _run(folder: Folder, entries: Sequence[Entry], batch: int, asked: Prepared) -> Iterator[Progress]:
    channels = sum(each.channels for each in entries)
    missing = {each.name: folder.missing(each) for each in entries}
    work = sum(map(len, missing.values()))
    made = 0
    for entry in entries:
        wanted = missing[entry.name]
        aims = [entry.objective(each) for each in wanted]
        folder.write_index()
        for moment in visualizing(aims, asked, batch=batch) if aims else ():
            part = wanted[moment.batch * batch : (moment.batch + 1) * batch]
            share = moment.step.done * len(part)
            if moment.step.last:
                for channel, picture in zip(part, moment.pictures(), strict=True):
                    folder.write(entry, channel, picture)
                made += len(part)
                share = 0
                folder.write_index()
            yield Progress(entry.name, channels - work + made, channels, (made + share) / work)
        folder.write_sheet(entry)
    folder.write_index()
    yield Progress(entries[-1].name, channels, channels, 1.0)
