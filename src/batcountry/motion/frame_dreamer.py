"""Dreaming on one frame after the other: the network is opened once, and each frame takes as little as it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from batcountry.backend.devices import used_memory
from batcountry.backend.graphs import step_kind, steps_run
from batcountry.backend.memory_room import allowed_memory
from batcountry.backend.threads import limited_threads
from batcountry.backend.transfers import Fetched, fetch
from batcountry.dreams.buffers import picture_buffers
from batcountry.dreams.loop import climb
from batcountry.dreams.octave_sizes import plan_dream, runnable_sizes
from batcountry.dreams.octave_steps import Begin, OctaveSteps, step_facts
from batcountry.dreams.planning import Plan
from batcountry.dreams.prepare import Prepared
from batcountry.dreams.resolve import Resolved, resolve
from batcountry.image.periodic import wrapped_axes
from batcountry.models import Model
from batcountry.motion.aims import Aim, mixed, mixed_priors
from batcountry.motion.guide_video import NO_CONDITIONING, FrameConditioning
from batcountry.motion.keyframes import FADED
from batcountry.motion.overlap import bytes_between, bytes_in_flight
from batcountry.motion.recipes import Motion
from batcountry.objectives.masks import mask_planes
from batcountry.optim.ascent import UPDATE, Advancing, Ascent
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs, Pictures, resized
from batcountry.optim.finite import broken_picture, is_broken
from batcountry.optim.gradient import SparingGradient, finite_gradient, whole_gradient
from batcountry.recipe import Recipe

_KEPT = 8
_CARRIED = 80.0  # bytes for each pixel of what goes from frame to frame; measured


class FrameDreamer:
    """Dreams on the frames of a film, all of one size.

    Parameters
    ----------
    motion
        The film's recipe.
    asked
        What the first frame's dream is asked for with: the film's own dream, a guide, a mask.
    size
        (height, width) of the frames.

    Attributes
    ----------
    motion
        The film's recipe with what was chosen for it.
    plan
        Memory and time that a whole dream on a frame takes.

    Raises
    ------
    BatCountryError
        If an option is wrong, or the model or a picture cannot be opened.
    """

    @limited_threads()
    def __init__(self, motion: Motion, asked: Prepared, size: tuple[int, int]) -> None:
        self.size = size
        self.policy = asked.policy
        self.policy.check_pixels(size[::-1], "a frame")
        self._asked = asked
        self._known_sizes: dict[Any, list[tuple[int, int]]] = {}
        aim: dict[str, Any] = motion.aims_at(0, 0)[0][0]
        resolved = resolve(asked.with_aim(**aim) if aim else asked)
        self.model: Model = resolved.model
        self._asked = asked.with_model(self.model)
        faded = dict.fromkeys(FADED) if any(each in motion.keys for each in FADED) else {}
        self.plan = self._planned(resolved)
        layers = tuple(resolved.objective.layers)
        first = self._sizes(layers, resolved.recipe.octaves, resolved.recipe.octave_scale)
        # With other tiles sums are rounded otherwise, so a film that is gone on with keeps those it was begun with.
        chosen = resolved.recipe.chosen(
            **faded, octaves=resolved.recipe.octaves or len(first), tile=self.plan.side or 0
        )
        self.motion = motion.chosen(dream=chosen)
        self._look: Callable[[], None] = _nothing
        self._aims: dict[Any, Aim] = {
            self._key(chosen, aim, NO_CONDITIONING): self._bound(resolved, self.plan)
        }

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

        octaves = recipe.octaves or 1
        few = work(min(motion.frame_octaves, octaves), motion.frame_iterations)
        return self.plan.seconds * few / work(octaves, recipe.iterations)

    def check_work(self, frames: int, seconds: float) -> None:
        """Raise `PolicyError` if so many frames, which are expected to take that long, are more work than is allowed."""
        recipe, motion = self.motion.dream, self.motion
        whole = (recipe.octaves or 1) * recipe.iterations
        each = (
            whole if getattr(motion, "coherence", 1) == 0 else motion.frame_octaves * motion.frame_iterations
        )
        self.policy.check_steps(whole + max(0, frames - 1) * each)
        self.policy.check_seconds(seconds)

    def dream(
        self,
        start: Tensor,
        picture: Tensor,
        *,
        frame: int,
        time: float,
        whole: bool,
        conditioning: FrameConditioning = NO_CONDITIONING,
    ) -> Tensor:
        """Return the dream on a frame.

        Parameters
        ----------
        start : (1, 3, H, W), RGB in gray levels
            What to begin with: the frame with what is carried on.
        picture
            The frame itself.
        frame, time
            The frame's number and its second, for keyframes.
        whole
            Whether to take all octaves and iterations of the dream, or those of a frame that carries on.
        conditioning
            The pictures that go along.
        """
        recipe = self.motion.dream_at(frame, time)
        aims = [
            (self._aim(recipe, aim, conditioning), weight) for aim, weight in self.motion.aims_at(frame, time)
        ]
        first = replace(aims[0][0].resolved, recipe=recipe)
        mask = None if first.mask is None else first.mask(max(self.size))
        mask = mask if conditioning.mask is None else mask_planes(conditioning.mask)
        # With the same shifts in each frame: what they leave behind then stands still instead of flickering.
        ascent = first.ascent(mixed(aims), mixed_priors(aims))
        iterations = recipe.iterations if whole else self.motion.frame_iterations
        on = self._begin(aims, first, ascent, iterations, conditioning)

        def begin(image: Tensor, base: Tensor) -> Advancing:
            small = resized(picture, base)
            aux_inputs = {key: each for aim, _ in aims for key, each in aim.pictures.at(small).items()}
            if mask is not None:
                aux_inputs[UPDATE] = resized(mask, base)
                image = torch.lerp(small, image, aux_inputs[UPDATE])
            return on(image, aux_inputs)

        octaves = recipe.octaves or 1
        octaves = octaves if whole else min(self.motion.frame_octaves, octaves)
        layers = tuple(dict.fromkeys(each for aim, _ in aims for each in aim.resolved.objective.layers))
        sizes = self._sizes(layers, octaves, recipe.octave_scale)
        # Left before its end, where it would wait for the device to see how it went: see `looking`.
        steps = climb(start, sizes, iterations, begin, None, wrapped_axes(recipe.wrap))
        with closing(steps):  # type: ignore[type-var]
            image = next(step.image for step in steps if step.last)
        if self.plan.limit is not None:
            self.plan.limit.make_room(bytes_between(self.size))
        self._look = _nothing
        if step_kind(self.device) != "plain":
            again = partial(
                self.dream, start, picture, frame=frame, time=time, whole=whole, conditioning=conditioning
            )
            self._look = partial(_look, fetch(is_broken(image)), again)
        return image

    def looking(self) -> Callable[[], None]:
        """Return what raises the error of the last dream, if it went wrong and nobody waited to know that."""
        return self._look

    def _begin(
        self,
        aims: list[tuple[Aim, float]],
        resolved: Resolved,
        ascent: Ascent,
        iterations: int,
        conditioning: FrameConditioning,
    ) -> Begin:
        """Return what begins the octaves of a frame's dream; steps that are those of other frames are worth being kept."""
        aim, recipe = aims[0][0], resolved.recipe
        cut = self.plan.side is not None or recipe.wrap != "none"
        changing = len(aims) > 1 or recipe != self.motion.dream or conditioning.guide is not None
        if changing or cut or (isinstance(aim.gradient, SparingGradient) and aim.gradient.halved):
            return ascent.on
        whole = replace(ascent, gradient=aim.whole)
        return OctaveSteps(self.model, step_facts(resolved, aim), whole, ascent.on, iterations).begin

    def _sizes(self, layers: tuple[str, ...], octaves: int | None, scale: float) -> list[tuple[int, int]]:
        """Return the octaves' sizes; each choice is tried on the network once."""
        key = (layers, octaves, scale)
        if key not in self._known_sizes:
            self._known_sizes[key] = runnable_sizes(self.model, layers, self.size, octaves, scale)
        return self._known_sizes[key]

    def _resolved(self, recipe: Recipe, aim: dict[str, str], conditioning: FrameConditioning) -> Resolved:
        asked = replace(self._asked, recipe=recipe)
        given: dict[str, Any] = aim or {"layer": recipe.layer, "objective": asked.objective}
        return resolve(asked.with_aim(**given, guide=conditioning.guide))

    def _planned(self, resolved: Resolved) -> Plan:
        whole, pictures = whole_gradient(resolved.model, resolved.objective), Pictures(resolved.objective)

        def probed(image: Tensor, _: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
            return whole(image, pictures.at(image))

        recipe = resolved.recipe
        sizes = self._sizes(tuple(resolved.objective.layers), recipe.octaves, recipe.octave_scale)
        carried = _CARRIED + bytes_in_flight(self.device)
        plan = plan_dream(resolved, probed, sizes, picture_buffers(resolved, sizes).plus(carried))
        return plan.at_least(used_memory(self.device) + bytes_between(self.size))

    def _aim(self, recipe: Recipe, aim: dict[str, str], conditioning: FrameConditioning) -> Aim:
        key = self._key(recipe, aim, conditioning)
        if key not in self._aims:
            while len(self._aims) >= _KEPT:
                self._aims.pop(next(iter(self._aims)))
            resolved = self._resolved(recipe, aim, replace(conditioning, mask=None))
            self._aims[key] = self._bound(resolved, self.plan)
        return self._aims[key]

    @staticmethod
    def _key(recipe: Recipe, aim: dict[str, str], conditioning: FrameConditioning) -> tuple[Any, ...]:
        """Return what an aim depends on."""
        shown = conditioning.guide and conditioning.guide.sha256
        return (*aim.items(), recipe.layer, recipe.objective, recipe.guide, recipe.mask, shown)

    def _bound(self, resolved: Resolved, plan: Plan | None) -> Aim:
        model, objective = resolved.model, resolved.objective
        wrap = wrapped_axes(resolved.recipe.wrap)
        side, limit = (None, None) if plan is None else (plan.side, plan.limit)
        with allowed_memory(resolved.recipe.max_memory):
            whole = finite_gradient(model, objective)
            pictures = Pictures(objective, longest=max(self.size))
        gradient = SparingGradient(
            whole,
            model,
            objective,
            side,
            wrap,
            limit=limit,
            together=1 if resolved.recipe.max_memory else None,
        )
        prior = objective.of_image.bind(model) if objective.of_image else None
        return Aim(resolved, gradient, whole, prior, pictures)


def _nothing() -> None:
    """Do nothing."""


def _look(broken: Fetched, again: Callable[[], Tensor]) -> None:
    """Raise the error of a dream that is not finite, which is made again so that each step is looked at."""
    if broken.array():
        with steps_run("plain"):
            again()
        raise broken_picture("")
