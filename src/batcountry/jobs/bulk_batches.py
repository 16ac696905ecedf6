"""Pictures of a folder that are dreamed on at once, where the device is quicker with several: each has the dream it has alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from batcountry.backend.outputs import Output, free_name
from batcountry.backend.policy import Policy
from batcountry.dreams.batches import most_at_once
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.planning import fits_in_memory
from batcountry.dreams.resolve import Resolved
from batcountry.dreams.steps import Step
from batcountry.errors import BatCountryError
from batcountry.image.files import picture_size
from batcountry.image.picture import Picture, put_picture

_WRITERS = 4  # threads, of which each writes a picture


@dataclass(frozen=True)
class Todo:
    """A dream that is to be made: a picture with the name that its note gives it, the file's hash, the layer, where it goes."""

    picture: Path
    named: str
    digest: str
    layer: str
    target: Path


def at_once(todo: Sequence[Todo], resolved: Mapping[str, Resolved]) -> Iterator[list[Todo]]:
    """Yield dreams in groups that are made at once, in the order of the first ones: on a processor each by itself.

    A group's pictures are of one size and fit in memory, and its dreams are of one layer.
    """
    groups: dict[Hashable, list[Todo]] = {}
    sizes: dict[Hashable, tuple[int, int] | None] = {}
    for index, each in enumerate(todo):
        size = _size(each, resolved)
        key: Hashable = index if size is None else (each.layer, size)
        groups.setdefault(key, []).append(each)
        sizes[key] = size
    for key, group in groups.items():
        size, device = sizes[key], resolved[group[0].layer].model.device
        most = 1 if size is None else most_at_once(None, size[0] * size[1], device, usual=1)
        yield from (group[at : at + most] for at in range(0, len(group), most))


def _size(todo: Todo, resolved: Mapping[str, Resolved]) -> tuple[int, int] | None:
    """Return the (width, height) of a picture; None for what is a dream of its own, or cannot be read."""
    of_layer = resolved[todo.layer]
    recipe, alone = of_layer.recipe, most_at_once(None, 1, of_layer.model.device, usual=1) == 1
    if alone or recipe.tile or of_layer.window is not None:
        return None
    try:
        size = picture_size(todo.picture, recipe.frame or 1)
    except (BatCountryError, OSError):
        return None
    return size if fits_in_memory(size, recipe) else None


class Together:
    """Dreams that are made at once.

    Parameters
    ----------
    dreamer
        Of the layer of all of them.
    outputs
        Where each goes.
    policy
        What may be read.

    Attributes
    ----------
    failed
        What was wrong with pictures that cannot be dreamed on, or written, by their place.
    """

    def __init__(
        self, dreamer: Dreamer, group: Sequence[Todo], outputs: Sequence[Output], policy: Policy
    ) -> None:
        self._dreamer, self._group, self._outputs, self._policy = dreamer, group, outputs, policy
        self.failed: dict[int, BatCountryError | OSError] = {}
        self._step: Step | None = None
        self._places: list[int] = []

    def steps(self) -> Iterator[Step]:
        """Make the dreams, and write each as it is finished."""
        pictures: list[Picture] = []
        for index, each in enumerate(self._group):
            try:
                read = self._dreamer.read(self._policy.check_file(each.picture))
            except (BatCountryError, OSError) as error:
                self.failed[index] = error
                continue
            self._places.append(index)
            pictures.append(replace(read, source=each.named))
        for step in self._dreamer.dreaming(pictures):
            self._step = step
            if step.last:
                self._write(step)
            yield step

    def _write(self, step: Step) -> None:
        places = [self._places[index] for index in step.indices]

        def put(index: int, picture: Picture) -> None:
            try:
                put_picture(picture, self._outputs[index])
            except (BatCountryError, OSError) as error:
                self.failed[index] = error

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(put, places, step.pictures()))

    def stop(self) -> dict[str, Path]:
        """Write the pictures at work as they are, beside where the whole would go, and return where."""
        if self._step is None or self._step.last:
            return {}
        kept = {}
        for index, picture in zip(self._step.indices, self._step.stopped(), strict=True):
            target = self._outputs[self._places[index]].path
            place = Output(free_name(target.with_name(f"{target.stem}-stopped{target.suffix}")))
            kept[f"picture {index + 1}"] = put_picture(picture, place)
        return kept

    def preview(self, side: int) -> bytes | None:
        """Return a small picture of the first of those at work; None if there is none yet."""
        return None if self._step is None else self._step.preview(side)
