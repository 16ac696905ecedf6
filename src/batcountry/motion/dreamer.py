"""Dreaming on one frame after the other: the network is opened once, and each frame takes as little as it needs."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from batcountry.ascent import Ascent
from batcountry.dreams import climb, plan_dream, runnable_sizes, settle
from batcountry.gradient import Gradient, sparing_gradient, whole_gradient
from batcountry.memory import Plan
from batcountry.models import Model
from batcountry.motion.recipes import FADED, Motion
from batcountry.objectives import Objective
from batcountry.picture import Picture
from batcountry.recipe import Recipe
from batcountry.wrap import wrapped_axes

log = logging.getLogger("batcountry")

_KEPT = 8


class _Aim(NamedTuple):
    """What a frame's dream goes for, bound to the network."""

    gradient: Gradient
    layers: tuple[str, ...]


class FrameDreamer:
    """Dreams on the frames of a film, all of one size.

    Parameters
    ----------
    motion
        The film's recipe.
    options
        What `batcountry.dream` takes beside a recipe: an opened `Model`, an `Objective`, a guide picture.
    size
        (height, width) of the frames.

    Raises
    ------
    BatCountryError
        If an option is wrong, or the model or the guide cannot be opened.
    """

    def __init__(self, motion: Motion, options: dict[str, Any], size: tuple[int, int]) -> None:
        self.size = size
        self._options = dict(options)
        self.model, objective, settled = self._settled(motion.dream, motion.aims_at(0, 0)[0][0])
        self._options["model"] = self.model
        faded = dict.fromkeys(FADED) if any(each in motion.keys for each in FADED) else {}
        self.motion = motion.with_options(dream=settled.with_options(**faded))
        self.plan = self._planned(objective, settled)
        self._aims: dict[Any, _Aim] = {}

    @property
    def device(self) -> torch.device:
        """Where frames are dreamed on."""
        return self.model.device

    @cached_property
    def frame_seconds(self) -> float:
        """The seconds that a frame which carries on a dream is expected to take."""
        recipe, motion = self.motion.dream, self.motion

        def work(octaves: int, iterations: int) -> float:
            return iterations * sum(recipe.octave_scale ** (-2 * each) for each in range(octaves))

        few = work(min(motion.frame_octaves, recipe.octaves), motion.frame_iterations)
        return self.plan.seconds * few / work(recipe.octaves, recipe.iterations)

    def dream(
        self, image: Tensor, *, frame: int, time: float, whole: bool, guide: Picture | None = None
    ) -> Tensor:
        """Return the dream on a frame.

        Parameters
        ----------
        image : (1, 3, H, W), RGB in grey levels
            What to begin with.
        frame, time
            The frame's number and its second, for keyframes.
        whole
            Whether to take all octaves and iterations of the dream, or those of a frame that carries on.
        guide
            The picture that guides this frame, if each has its own.
        """
        recipe = self.motion.dream_at(frame, time)
        aims = [(self._aim(recipe, aim, guide), weight) for aim, weight in self.motion.aims_at(frame, time)]
        layers = tuple(dict.fromkeys(each for aim, _ in aims for each in aim.layers))
        octaves = recipe.octaves if whole else min(self.motion.frame_octaves, recipe.octaves)
        iterations = recipe.iterations if whole else self.motion.frame_iterations
        # The same shifts in each frame: what they leave behind then stands still instead of flickering.
        dice = np.random.RandomState(recipe.seed)
        ascent = Ascent(_mixed(aims), recipe.step_size, recipe.jitter, recipe.clip, dice)
        sizes = runnable_sizes(self.model, layers, self.size, octaves, recipe.octave_scale)
        for step in climb(image, sizes, iterations, ascent.step, None, wrapped_axes(recipe.wrap)):
            if step.last:
                return step.image
        raise AssertionError("a dream has at least one step")

    def _settled(
        self, recipe: Recipe, aim: dict[str, str], guide: Picture | None = None
    ) -> tuple[Model, Objective, Recipe]:
        given = {**self._options, **aim} | ({"guide": guide} if guide is not None else {})
        if aim:
            recipe = recipe.with_options(layer=None, objective=None)
        return settle(recipe, given)

    def _planned(self, objective: Objective, recipe: Recipe) -> Plan:
        sizes = runnable_sizes(self.model, objective.layers, self.size, recipe.octaves, recipe.octave_scale)
        return plan_dream(self.model, objective, whole_gradient(self.model, objective), sizes, recipe)

    def _aim(self, recipe: Recipe, aim: dict[str, str], guide: Picture | None) -> _Aim:
        key = (*aim.items(), recipe.layer, recipe.objective, recipe.guide, guide and guide.sha256)
        if key not in self._aims:
            while len(self._aims) >= _KEPT:
                self._aims.pop(next(iter(self._aims)))
            _, objective, _ = self._settled(recipe, aim, guide)
            whole = whole_gradient(self.model, objective)
            wrap = wrapped_axes(recipe.wrap)
            gradient = sparing_gradient(whole, self.model, objective, self.plan.side, wrap)
            self._aims[key] = _Aim(gradient, tuple(objective.layers))
        return self._aims[key]


def _mixed(aims: list[tuple[_Aim, float]]) -> Gradient:
    """Return the gradient of several aims at once, each brought to the same size before it is weighed."""
    if len(aims) == 1:
        return aims[0][0].gradient

    def gradient(image: Tensor) -> tuple[float, Tensor]:
        score, total = 0.0, torch.zeros_like(image)
        for aim, weight in aims:
            each, found = aim.gradient(image)
            size = found.abs().mean()
            total += found * torch.where(size > 0, weight / size, torch.zeros_like(size))
            score += weight * each
        return score, total

    return gradient
