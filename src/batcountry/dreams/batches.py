"""Lists of pictures, dreamed on in batches of one size."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
import torch

from batcountry.dreams.steps import Step
from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.image.pixel_arrays import gray_levels
from batcountry.image.reading import picture_of_levels
from batcountry.objectives import Objective

BATCH = 8
"""Pictures that grow at once on a processor if nothing is said; more are no quicker there."""

_MOST = 64  # pictures
_BUSY = 4_000_000  # pixels at once that keep a graphics card busy


def most_at_once(asked: int | None, pixels: int, device: torch.device, usual: int = BATCH) -> int:
    """Return how many pictures may grow at once, if there is memory for them (`batcountry.dreams.planning.fitting`).

    On a processor that is a usual number. A graphics card waits for what starts its work on small pictures, and so takes
    as many as keep it busy.

    Parameters
    ----------
    asked
        What somebody said, who has the last word; None if nobody did.
    pixels
        Of one picture.
    usual
        How many on a processor.
    """
    if asked is not None or device.type == "cpu":
        return usual if asked is None else asked
    return max(usual, min(_MOST, _BUSY // max(1, pixels)))


def evened(asked: int | None, count: int, most: int, device: torch.device) -> int:
    """Return how many of `count` pictures go in a batch of at most `most`.

    Unless somebody said how many, batches are as even as can be on a graphics card, so that what was made for the first
    one serves all, and there is no small one at the end. On a processor each is as large as it may be.
    """
    if asked is not None or device.type == "cpu" or count < 1:
        return most
    return ceil(count / ceil(count / most))


def pictures_given(image: Any) -> list[Any] | None:
    """Return what is one picture each if several were given; None for one picture, or for none.

    Parameters
    ----------
    image
        Several are a list or a tuple, an array N×H×W×3, or a tensor N×3×H×W. A tensor 1×3×H×W is one picture.
    """
    if isinstance(image, (list, tuple)):
        return list(image)
    is_tensor = "torch" in sys.modules and isinstance(image, sys.modules["torch"].Tensor)
    if not (is_tensor or isinstance(image, np.ndarray)) or image.ndim != 4 or (is_tensor and len(image) == 1):
        return None
    if len(image) == 0:
        return []
    is_float = image.is_floating_point() if is_tensor else image.dtype.kind == "f"
    if not is_float or image.shape[1 if is_tensor else 3] not in (3, 4):
        return list(image)
    # What floats stand for is said by all of them together: one picture may be nearly black.
    levels = gray_levels(np.asarray(image.detach().cpu().float() if is_tensor else image))
    return [picture_of_levels(np.moveaxis(each, 0, -1) if is_tensor else each) for each in levels]


def in_batches(
    pictures: Sequence[Picture],
    most: Callable[[Picture], int],
    run: Callable[[list[Picture]], Iterator[Step]],
) -> Iterator[Step]:
    """Dream on pictures, those of one size together, and yield the steps of one batch after the other.

    Parameters
    ----------
    most
        How many pictures like this one may be in a batch.
    run
        Dreams on pictures of one size.
    """
    batches = _batches(pictures, most)
    work = [len(batch) * pictures[batch[0]].width * pictures[batch[0]].height for batch in batches]
    before = 0
    for batch, share in zip(batches, work, strict=True):
        for step in run([pictures[index] for index in batch]):
            done = (before + step.done * share) / sum(work)
            yield step.of(done, tuple(batch))
        before += share


def batch_sizes(
    asked: int | None,
    pictures: Sequence[Picture],
    device: torch.device,
    fitting: Callable[[Picture, int], int],
) -> dict[tuple[int, int], int]:
    """Return how many pictures of each size go together.

    Parameters
    ----------
    fitting
        How many like this one, at most so many, there is memory for.
    """
    found = {}
    for size, count in Counter(each.size for each in pictures).items():
        one = next(each for each in pictures if each.size == size)
        most = fitting(one, most_at_once(asked, prod(size), device))
        found[size] = evened(asked, count, most, device)
    return found


def check_batch(batch: int | None) -> None:
    """Raise `RecipeError` if a batch would have no picture, or is no number of pictures; None is as many as suit."""
    if batch is None:
        return
    if not isinstance(batch, (int, np.integer)):
        raise RecipeError(f"a batch is a number of pictures, not {batch!r}")
    if batch < 1:
        raise RecipeError("a batch has at least one picture")


def check_together(
    objective: Objective, sizes: Sequence[tuple[int, int]], most: Mapping[tuple[int, int], int]
) -> None:
    """Raise `RecipeError` if an objective compares pictures that cannot all grow in one batch.

    Parameters
    ----------
    sizes
        Width and height of each picture.
    most
        How many of a size may be in a batch.
    """
    if objective.least_pictures == 1 or not sizes:
        return
    if len(set(sizes)) > 1 or len(sizes) > most[sizes[0]]:
        raise RecipeError(
            f"{objective} compares pictures, so all grow at once: give pictures of one size, a batch of {len(sizes)} "
            "or more, and as much memory"
        )


def _batches(pictures: Sequence[Picture], most: Callable[[Picture], int]) -> list[list[int]]:
    """Return which pictures go together, in the order of the first ones."""
    sizes: dict[tuple[int, int], list[int]] = {}
    for index, picture in enumerate(pictures):
        sizes.setdefault(picture.size, []).append(index)
    found = []
    for members in sizes.values():
        count = most(pictures[members[0]])
        found += [members[at : at + count] for at in range(0, len(members), count)]
    return found
