"""How much memory and time a dream will take, and the tiles that keep it within what there is."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back, kept_memory
from batcountry.backend.devices import free_memory, pick_device, used_memory
from batcountry.backend.kernels.dispatch import compiled_loops
from batcountry.errors import RecipeError
from batcountry.image.files import MAX_PIXELS
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.models.model import Model
from batcountry.objectives.base import Objective
from batcountry.optim.gradient import Gradient
from batcountry.optim.tiles import Halo, Seen
from batcountry.recipe import Recipe
from batcountry.recipe.units import parsed_bytes

Size = tuple[int, int]

PICTURE_BYTES = 180
"""Memory for each pixel of a picture that is dreamed on in memory, beside what the network takes.

Measured; the buffers of 3 × float32 are the picture, its octaves, the dream, its rolled copy, the gradient and its
frequency bands (110 without these), and the update.
"""

_PROBE, _LARGE_PROBE = 384, 768  # sides; small pictures cost more a pixel
# How much more than a probe a long run takes at most, as what is kept of freed memory is cut up.
_SPREAD = 1.2
_TILED = 1.4  # the same where tiles follow each other
_GROWTH = 0.1  # of it, by how much that can grow from one tile to the next
_OF_SAVED = 1.2  # least ratio of the peak to what the backward pass keeps
_SHAPE_BYTES = 10_000_000  # what PyTorch keeps for good for each shape of window
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class Cost:
    """What the gradient of a pixel costs with one network and objective."""

    bytes: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """How a dream will be worked out.

    Attributes
    ----------
    side
        Of a tile's core in pixels; None for the whole picture at once.
    peak
        Expected of the process, or of the graphics card, in bytes.
    seconds
        Expected for all octaves and iterations.
    ceiling
        Bytes from which on what is kept of one tile's memory has to be given back before the next.
    tiles
        Rows and columns of tiles in the largest octave.
    """

    side: int | None
    peak: int
    seconds: float
    ceiling: int
    tiles: tuple[int, int] = (1, 1)

    def __str__(self) -> str:
        rows, columns = self.tiles
        tiles = f", in {columns}×{rows} tiles" if rows * columns > 1 else ""
        return f"about {said_bytes(self.peak)} of memory and {said_seconds(self.seconds)}{tiles}"


def said_bytes(count: float) -> str:
    """Return a number of bytes as people read it, such as `1.3 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def said_seconds(seconds: float) -> str:
    """Return a time as people read it, such as `12 s` or `2 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def budget(max_memory: str | None, device: torch.device) -> int:
    """Return the bytes that the process may have in all: `max_memory`, or what it has and three quarters of what is free."""
    if max_memory is not None:
        return parsed_bytes(max_memory)
    return used_memory(device) + free_memory(device) * 3 // 4


def fits_in_memory(size: tuple[int, int], recipe: Recipe) -> bool:
    """Whether a picture of (width, height) can be opened, and its buffers leave half of the memory to the network."""
    if size[0] * size[1] > MAX_PIXELS:
        return False
    longest = max(size)
    target = min(longest, recipe.size or longest)
    target = max(target, recipe.enlarge or target)
    pixels = size[0] * size[1] * (target / longest) ** 2
    device = pick_device(recipe.device)
    return pixels * PICTURE_BYTES <= budget(recipe.max_memory, device) / 2


def measured_cost(
    gradient: Gradient, size: Size, device: torch.device, side: int = _PROBE, *, channels: int = 3
) -> Cost:
    """Measure what the gradient of a pixel costs, on a picture of (height, width) or a piece of it of `side`."""
    compiled = compiled_loops()
    height, width = size if size[0] * size[1] <= side**2 else (min(each, side) for each in size)
    image = torch.full((1, channels, height, width), 128.0, device=device)
    give_back()
    with kept_memory():  # so that what was taken is still there to be counted
        before = _mark(device)
        saved = _saved_bytes(gradient, image)
        start = time.perf_counter()
        gradient(image)
        seconds = time.perf_counter() - start
        taken = _peak(device) - before
    if compiled_loops() > compiled:  # whose memory is no pixels' cost
        return measured_cost(gradient, size, device, side, channels=channels)
    pixels = height * width
    return Cost(max(taken, _OF_SAVED * saved) / pixels, seconds / pixels)


def _mark(device: torch.device) -> int:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    return used_memory(device)


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else used_memory(device)


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


def plan(
    model: Model,
    objective: Objective,
    gradient: Gradient,
    sizes: list[Size],
    iterations: int,
    *,
    tile: int | None = None,
    max_memory: str | None = None,
    wrap: Wrap = NO_WRAP,
    picture_bytes: float = PICTURE_BYTES,
) -> Plan:
    """Choose how to work a dream out.

    Parameters
    ----------
    gradient
        The objective's on a whole picture.
    sizes
        (height, width) of the octaves, smallest first.
    tile
        Side of the tiles, 0 for none; if not given, tiles are used where the whole picture would not fit.
    max_memory
        What the process may have in all, such as `2GB`.
    picture_bytes
        Memory for each pixel of the largest octave beside what the network takes.

    Raises
    ------
    RecipeError
        If tiles are asked for or needed and the objective is not local, or if not even the
        smallest tiles fit.
    """
    height, width = sizes[-1]
    cost = measured_cost(gradient, _probed(sizes), model.device, channels=model.channels)
    shapes = 1 if tile == 0 else len(sizes)
    fixed = used_memory(model.device) + picture_bytes * height * width + shapes * _SHAPE_BYTES
    room = budget(max_memory, model.device) - fixed
    halo = Halo.of(model, objective) if tile or any(wrap) else None
    side = tile or None
    if tile is None and _seen(halo, sizes[-1], None, wrap).window * cost.bytes * _SPREAD > room:
        halo = halo or Halo.of(model, objective)
        if _LARGE_PROBE**2 * cost.bytes * _SPREAD < room:
            cost = measured_cost(gradient, sizes[-1], model.device, _LARGE_PROBE, channels=model.channels)
        side = halo.side(min(room / cost.bytes / _TILED, _LARGEST_SIDE**2)) if room > 0 else None
        if side is None:
            least = fixed + cost.bytes * _TILED * halo.largest(halo.grid)
            raise RecipeError(
                f"a picture of {width}×{height} pixels needs at least {said_bytes(least)} of memory and may have "
                f"{said_bytes(max(0, fixed + room))}: allow more with max_memory, or make it smaller with size"
            )
    seen = [_seen(halo, size, side, wrap) for size in sizes]
    network = cost.bytes * (_TILED if side else _SPREAD) * seen[-1].window
    return Plan(
        side,
        int(fixed + network),
        sum(each.total for each in seen) * iterations * cost.seconds,
        int(fixed + (1 - _GROWTH) * network),
        (seen[-1].rows, seen[-1].columns),
    )


def fitting(planned: Plan, max_memory: str | None, device: torch.device, most: int) -> int:
    """Return how many pictures can grow together, at least 1 and at most `most`, of which one takes what is planned."""
    if planned.side is not None:
        return 1
    used = used_memory(device)
    room = budget(max_memory, device) - used
    return max(1, min(most, room // max(1, planned.peak - used)))


def _probed(sizes: list[Size]) -> Size:
    """Return the largest octave that is no larger than a probe, or else the largest of all, to be cut."""
    small = [size for size in sizes if size[0] * size[1] <= _PROBE**2]
    return small[-1] if small and small[-1][0] * small[-1][1] >= _PROBE**2 / 4 else sizes[-1]


def _seen(halo: Halo | None, size: Size, side: int | None, wrap: Wrap) -> Seen:
    pixels = size[0] * size[1]
    return Seen(1, 1, pixels, pixels) if halo is None else halo.seen(size, side, wrap)
