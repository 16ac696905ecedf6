"""What the gradient of a pixel costs, measured on a small picture."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from math import isqrt

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back, keeps_memory, kept_memory
from batcountry.backend.devices import measured, used_memory
from batcountry.backend.kernels.dispatch import compiled_loops
from batcountry.backend.memory_limit import measured_growth
from batcountry.optim.ascent import UPDATE
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs, Pictures
from batcountry.optim.gradient import Gradient, redirecting_gradient
from batcountry.optim.redirection import Redirection

Size = tuple[int, int]

PROBES = (256, 224, 384)
"""Sides of the pictures that are measured, in pixels, best first: of the second only what each further size takes."""

_OF_SAVED = 1.2  # least ratio of the peak to what the backward pass keeps
_SPREAD = 1.2  # how much more than a probe a long run takes at most where that cannot be limited
_USUAL = 1.8  # of what is in use at once, what a step takes if nobody limits it; a probe's is left to chance
_ONCE = 1.2  # of what is in use at once
_LEAST_SHAPE = 5_000_000  # bytes
_MOST_PROBED = 1 << 20  # pixels of what is measured on a graphics card


@dataclass(frozen=True)
class Cost:
    """What the gradient of a picture costs with one network and objective.

    Attributes
    ----------
    least
        Bytes for each pixel that are in use at once; with less a gradient cannot be worked out.
    once
        Bytes for each pixel that a gradient takes which is worked out once.
    usual
        Bytes for each pixel that a gradient takes again and again, with what is kept from one time to the next.
    seconds
        For each pixel.
    rises
        See `batcountry.backend.memory_limit.Growth`; for each pixel.
    shape
        Bytes that PyTorch keeps for good for each size of picture.
    grows
        Whether a long run takes more by chance, as where the system manages memory.
    """

    least: float
    once: float
    usual: float
    seconds: float
    rises: tuple[float, ...] = ()
    shape: int = _LEAST_SHAPE
    grows: bool = True


def probe_gradient(gradient: Gradient, beside: Pictures, count: int, *, redirects: bool) -> Gradient:
    """Return what is measured of a gradient: with others beside it of no consequence.

    Parameters
    ----------
    beside
        The pictures that the objective reads too.
    count
        Pictures that grow together, each with an objective of its own.
    redirects
        Whether dead ReLUs are redirected, which takes more, if only in the first steps.
    """
    measured = redirecting_gradient(gradient, Redirection(sys.maxsize)) if redirects else gradient

    def probed(image: Tensor, _: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        image = image.expand(count, -1, -1, -1)
        return measured(image, {key: planes for key, planes in beside.at(image).items() if key != UPDATE})

    return probed


def probe_sizes(sizes: list[Size], runs: Callable[[Size], bool]) -> list[Size]:
    """Return one or two sizes, (height, width), that the cost of octaves, smallest first, is measured on.

    They are octaves, as those have to run anyway, or pieces of the largest one.

    Parameters
    ----------
    runs
        Whether the network runs on a size.
    """
    most = PROBES[0] ** 2
    small = [(height, width) for height, width in sizes if most / 4 <= height * width <= most]
    if small:
        return small[:-3:-1]
    height, width = sizes[-1]
    pieces = ((min(height, side), min(width, side)) for side in PROBES)
    found = (piece for piece in dict.fromkeys(pieces) if piece == sizes[-1] or runs(piece))
    return list(islice(found, 2)) or sizes[:1]


def octave_cost(gradient: Gradient, sizes: list[Size], device: torch.device, *, channels: int = 3) -> Cost:
    """Measure what a gradient costs on a graphics card, on one of the octaves, of which all is needed later, too.

    There a shape that is met for the first time takes up to seconds, as plans are made for it, so that no other is tried.

    Parameters
    ----------
    sizes
        (height, width) of the octaves, smallest first.
    """
    size = octave_probe(sizes)
    image = torch.full((1, channels, *size), 128.0, device=device)
    gradient(image)  # which makes the plans
    peak, seconds = measured(lambda: gradient(image), device)
    pixels = _pixels(image)
    least = max(peak, 1) / pixels
    return Cost(least, least, least, seconds / pixels, grows=False)


def octave_probe(sizes: list[Size]) -> Size:
    """Return the largest octave that is no larger than `_MOST_PROBED`, or as much of the smallest one."""
    fitting = [size for size in sizes if size[0] * size[1] <= _MOST_PROBED]
    if fitting:
        return fitting[-1]
    side = isqrt(_MOST_PROBED)
    height, width = sizes[0]
    return min(height, side), min(width, side)


def measured_cost(gradient: Gradient, sizes: list[Size], device: torch.device, *, channels: int = 3) -> Cost:
    """Measure what a gradient costs, on pictures of gray.

    Parameters
    ----------
    sizes
        One or two (height, width): of the first all is measured, of the second what PyTorch keeps for one size more.
    """
    images = [torch.full((1, channels, *size), 128.0, device=device) for size in sizes]
    compiled = compiled_loops()
    gradient(images[0])  # what is only made once is no pixel's cost
    if compiled_loops() > compiled:
        gradient(images[0])
    measure = _by_limit if device.type == "cpu" and keeps_memory() else _by_peak
    return measure(gradient, images, device)


def _by_limit(gradient: Gradient, images: list[Tensor], device: torch.device) -> Cost:
    """Measure where memory can be kept and limited."""
    image, *others = images
    pixels, shape = _pixels(image), _LEAST_SHAPE
    with kept_memory():
        growth = measured_growth(lambda: gradient(image))
        give_back()
        before, begun = used_memory(device), time.perf_counter()
        gradient(image)
        seconds = (time.perf_counter() - begun) / pixels
        gradient(image)
        usual = (used_memory(device) - before) / pixels
        for other in others:
            give_back()
            before = used_memory(device)
            gradient(other)
            give_back()
            shape = max(shape, used_memory(device) - before)
    least = growth.peak / pixels
    once = _ONCE * least
    return Cost(
        least,
        once,
        max((usual + _USUAL * least) / 2, once),
        seconds,
        tuple(each / pixels for each in growth.rises),
        shape,
    )


def _by_peak(gradient: Gradient, images: list[Tensor], device: torch.device) -> Cost:
    """Measure where the system manages memory."""
    image = images[0]
    pixels = _pixels(image)
    before = used_memory(device)
    saved = _saved_bytes(gradient, image)
    begun = time.perf_counter()
    gradient(image)
    seconds = (time.perf_counter() - begun) / pixels
    least = max(used_memory(device) - before, _OF_SAVED * saved) / pixels
    return Cost(least, least * _SPREAD, least * _SPREAD, seconds)


def _pixels(image: Tensor) -> int:
    return image.shape[-2] * image.shape[-1]


def _saved_bytes(gradient: Gradient, image: Tensor) -> int:
    """Work a gradient out and return how many bytes the backward pass had kept for it."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        gradient(image)
    return sum(kept.values())
