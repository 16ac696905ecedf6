"""What a dream on disk takes, and what cannot be done there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import torch

from batcountry.backend.memory_room import budget
from batcountry.backend.policy import Policy
from batcountry.dreams.buffers import Buffers
from batcountry.dreams.disk.held import HELD_BYTES
from batcountry.dreams.disk.update import NORMALIZATIONS, STRIP_PARAMS
from batcountry.dreams.octave_sizes import plan_dream, runnable_sizes
from batcountry.dreams.planning import Plan, said_bytes
from batcountry.dreams.resolve import Resolved
from batcountry.errors import PolicyError, RecipeError
from batcountry.optim.gradient import whole_gradient
from batcountry.recipe import Recipe

BUFFERS = Buffers(0.5, 0.5, 0.5)
"""Memory for each pixel of a picture on disk beside what the network takes; strips and windows are of one size."""

_LEAST_SIDE = 512  # of tiles; smaller ones see more than half of their pixels twice

STEP_SECONDS, END_SECONDS = 5e-8, 7e-8
"""Time for each pixel of a step and of the finished picture, beside what the network takes; measured on a fast disk."""


_IN_MEMORY = (
    *("optimizer", "decay_every", "transforms", "mask", "color", "rescale", "carry"),
    *("initial_size", "final_size", "windows", "redirect_relu", "alpha", "views"),
)
"""Fields of a recipe that only a dream in memory can have."""


@dataclass(frozen=True)
class DiskPlan:
    """How a dream on disk is worked out.

    Attributes
    ----------
    sizes
        (height, width) of the octaves, smallest first.
    plan
        Memory, time and tiles.
    holds
        Whether the device holds the picture and its gradient, besides the disk.
    """

    sizes: list[tuple[int, int]]
    plan: Plan
    holds: bool = False


def planned(resolved: Resolved, size: tuple[int, int]) -> DiskPlan:
    """Return how to work out a picture of (height, width); tiles cannot be left out."""
    model, objective, recipe = resolved.model, resolved.objective, resolved.recipe
    resolved.policy.check_pixels(size[::-1], "the dream")
    sizes = runnable_sizes(model, objective.layers, size, recipe.octaves, recipe.octave_scale)
    resolved.policy.check_steps(len(sizes) * recipe.iterations)
    cut = replace(resolved, recipe=recipe.chosen(tile=recipe.tile or None))
    held = _planned_holding(cut, sizes)
    plan = held or plan_dream(cut, whole_gradient(model, objective), sizes, BUFFERS)
    pixels = [height * width for height, width in sizes]
    other_seconds = STEP_SECONDS * sum(pixels) * recipe.iterations + END_SECONDS * pixels[-1]
    resolved.policy.check_seconds(plan.seconds + other_seconds)
    return DiskPlan(sizes, replace(plan, seconds=plan.seconds + other_seconds), held is not None)


def _planned_holding(resolved: Resolved, sizes: list[tuple[int, int]]) -> Plan | None:
    """Return a plan with the picture in a graphics card's memory; None if that would leave too little for the network."""
    model, recipe = resolved.model, resolved.recipe
    if model.device.type == "cpu":
        return None
    room = budget(recipe.max_memory, model.device)
    if HELD_BYTES * prod(sizes[-1]) > room:
        return None
    try:
        plan = plan_dream(
            resolved, whole_gradient(model, resolved.objective), sizes, BUFFERS.plus(HELD_BYTES)
        )
    except RecipeError:
        return None
    return plan if plan.peak <= room and (plan.side is None or plan.side >= _LEAST_SIDE) else None


def check_memory(plan: Plan, device: torch.device, policy: Policy) -> None:
    """Raise `PolicyError` for a plan of somebody else's that needs more memory than there is."""
    room = budget(None, device)
    if policy.max_pixels is not None and plan.peak > room:
        raise PolicyError(
            f"the dream needs {said_bytes(plan.peak)} of memory, and it may have {said_bytes(room)}; close other programs, or "
            "allow it with --no-limits (policy.without_limits() in Python) if you trust who began it"
        )


def check_on_disk(resolved: Resolved) -> None:
    """Raise `RecipeError` for what a dream on disk cannot do.

    It goes tile by tile and strip by strip, in plain ascent, and its number of finished iterations is all that
    it remembers.
    """
    recipe, usual = resolved.recipe, Recipe()
    if resolved.model.channels != 3:
        raise RecipeError(
            f"{resolved.model.name} takes {resolved.model.channels} channels, and pictures on disk are of colors"
        )
    able = {"param": STRIP_PARAMS, "normalize": NORMALIZATIONS}
    for name in (*_IN_MEMORY, *able):
        value = getattr(recipe, name)
        if value not in able.get(name, [getattr(usual, name)]):
            raise RecipeError(
                f"a picture on disk is dreamed on by plain ascent pixel by pixel: {name} cannot be "
                f"{value!r} there; leave it out, or make the picture smaller with size"
            )
    if resolved.objective.of_image or resolved.objective.aux_inputs:
        raise RecipeError(
            f"{resolved.objective} reads the picture itself or a mask, which a picture on disk is too large for; "
            "choose an objective of layers alone, or make the picture smaller with size"
        )
