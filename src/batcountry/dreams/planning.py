"""How much memory and time a dream will take, and the tiles that keep it within what there is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from math import ceil, log10, prod

import torch

from batcountry.backend.devices import pick_device, used_memory
from batcountry.backend.memory_limit import MemoryLimit
from batcountry.backend.memory_room import budget
from batcountry.dreams.buffers import NO_BUFFERS, PICTURE_BYTES, Buffers
from batcountry.dreams.costs import Cost, Size, measured_cost, octave_cost, octave_probe, probe_sizes
from batcountry.dreams.cuts import OVER, Cut, Cutting
from batcountry.errors import RecipeError
from batcountry.image.files import MAX_PIXELS
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.models.model import Model
from batcountry.objectives.base import Objective
from batcountry.optim.gradient import Gradient
from batcountry.recipe import Recipe

_PYTHON = 25_000_000  # bytes of small things that come to it
_PROGRAM = 600_000_000  # bytes of the program with its network, about
_TO_PICTURE = 0.75  # of the memory that is left
_SMALL = 100_000_000  # bytes that no picture has to go to disk for


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
    added
        What of it is not there yet.
    limit
        What the network is kept to, or None where it cannot be.
    tiles
        Rows and columns of tiles in the largest octave.
    """

    side: int | None
    peak: int
    seconds: float
    added: int
    limit: MemoryLimit | None = None
    tiles: tuple[int, int] = (1, 1)

    def at_least(self, peak: int) -> Plan:
        """Return the same where the process has taken so many bytes already."""
        return replace(self, peak=max(self.peak, peak))

    def limit_of(self, together: int) -> MemoryLimit | None:
        """Return what the network is kept to while so many dreams go together."""
        more = (together - 1) * self.added
        return self.limit and replace(self.limit, ceiling=self.limit.ceiling + more)

    def __str__(self) -> str:
        rows, columns = self.tiles
        tiles = f", in {columns}×{rows} tiles" if rows * columns > 1 else ""
        return f"about {said_most(self.peak)} of memory and {said_seconds(self.seconds)}{tiles}"


@dataclass(frozen=True)
class Planned:
    """How dreams on pictures of one size are worked out.

    Attributes
    ----------
    sizes
        (height, width) of the octaves, smallest first.
    recipe
        With octaves and tiles chosen, so that the same is planned for it again.
    plan
        None for windows.
    """

    sizes: list[tuple[int, int]]
    recipe: Recipe
    plan: Plan | None = None

    @property
    def pixels(self) -> int:
        """Of the largest octave."""
        return self.sizes[-1][0] * self.sizes[-1][1]

    @property
    def seconds(self) -> float | None:
        """How long it will take; None if nobody knows."""
        return None if self.plan is None else self.plan.seconds


def said_most(count: float) -> str:
    """Return a number of bytes to three digits, rounded up, such as `1.35 GB`, as it is not to be less than what is taken."""
    unit, name = (1e9, "GB") if count >= 1e9 else (1e6, "MB")
    digits = max(0, 2 - int(log10(max(count / unit, 1))))
    return f"{ceil(count / unit * 10**digits) / 10**digits:.{digits}f} {name}"


def said_bytes(count: float) -> str:
    """Return a number of bytes as people read it, such as `1.3 GB`."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{ceil(count / 1e3)} kB"


def said_seconds(seconds: float) -> str:
    """Return a time as people read it, such as `12 s` or `2 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def fits_in_memory(size: tuple[int, int], recipe: Recipe) -> bool:
    """Whether a picture of (width, height) can be opened, and its buffers are small or leave a quarter of the memory."""
    if size[0] * size[1] > MAX_PIXELS:
        return False
    longest = max(size)
    target = min(longest, recipe.size or longest)
    target = max(target, recipe.enlarge or target)
    pixels = size[0] * size[1] * (target / longest) ** 2
    device = pick_device(recipe.device)
    left = budget(recipe.max_memory, device) - _PROGRAM
    return pixels * PICTURE_BYTES <= max(left * _TO_PICTURE, _SMALL)


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
    buffers: Buffers = NO_BUFFERS,
    count: int = 1,
    facts: Hashable = None,
) -> Plan:
    """Choose how to work a dream out.

    Parameters
    ----------
    gradient
        The objective's on a whole picture.
    sizes
        (height, width) of the octaves, smallest first.
    tile
        Side of the tiles, 0 for none; if not given, tiles are used where the whole picture would not fit, or take longer.
    max_memory
        What the process may have in all, such as `2GB`.
    buffers
        Memory for each pixel of the largest octave beside what the network takes.
    count
        Pictures that grow together, each with an objective of its own; `gradient` is of all.
    facts
        What the gradient depends on, so that on a graphics card its cost is measured once; None if nobody knows.

    Raises
    ------
    RecipeError
        If tiles are asked for or needed and the objective is not local, or if not even the
        smallest tiles fit.
    """
    cost = _cost(model, objective, gradient, sizes, facts)
    used, pixels = used_memory(model.device) + _PYTHON, prod(sizes[-1])
    fixed, allowed = used + len(sizes) * cost.shape, budget(max_memory, model.device)
    beside = fixed + buffers.during * pixels
    cutting = Cutting(model, objective, sizes, wrap, cost, beside, allowed - beside, iterations)
    if tile is not None:
        cut: Cut | None = cutting.tiled(tile) if tile else cutting.whole()
    else:
        cut = cutting.quickest()
        if fixed + buffers.most * pixels > allowed:
            cut = None
    if cut is None:
        raise _too_little(sizes[-1], fixed, buffers, cutting.least(), allowed)
    ceiling = beside + cut.bytes
    peak = int(max(ceiling + OVER * cut.bytes, fixed + buffers.most * pixels))
    after = 0 if cut.keeps_all else int((buffers.between - buffers.during) * pixels)
    rises = tuple(rise / count for rise in cost.rises)
    limit = MemoryLimit(int(ceiling), rises, after) if rises else None
    return Plan(cut.side, peak, cut.work * cost.seconds, peak - used, limit, cut.tiles)


def _cost(model: Model, objective: Objective, gradient: Gradient, sizes: list[Size], facts: Hashable) -> Cost:
    if model.device.type == "cpu":
        probes = probe_sizes(sizes, lambda size: model.runs_on(size, objective.layers))
        return measured_cost(gradient, probes, model.device, channels=model.channels)
    key = facts, octave_probe(sizes), model.device, model.precision, model.capture_key()
    cost: Cost | None = None if facts is None else model.costs.get(key)
    if cost is None:
        cost = model.costs[key] = octave_cost(gradient, sizes, model.device, channels=model.channels)
    return cost


def _too_little(size: Size, fixed: float, buffers: Buffers, network: float, allowed: int) -> RecipeError:
    height, width = size
    pixels = height * width
    least = fixed + max(buffers.during * pixels + network, buffers.most * pixels)
    return RecipeError(
        f"a picture of {width}×{height} pixels needs at least {said_bytes(least)} of memory and may have "
        f"{said_bytes(max(0, allowed))}: allow more with max_memory, or make it smaller with size"
    )


def fitting(planned: Plan, max_memory: str | None, device: torch.device, most: int) -> int:
    """Return how many pictures can grow together, at least 1 and at most `most`, of which one takes what is planned."""
    if planned.side is not None:
        return 1
    room = budget(max_memory, device) - planned.peak
    return max(1, min(most, 1 + room // max(1, planned.added)))
