"""How the steps of an octave are run: on buffers that stay, or captured, where the device has use for that, or plainly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from batcountry.backend.devices import is_out_of_memory, used_memory
from batcountry.backend.graphs import NotCapturedError, let_go, step_kind
from batcountry.dreams.resolve import Resolved
from batcountry.models import Model
from batcountry.optim.ascent import Advancing, Ascent
from batcountry.optim.aux_inputs import AuxInputs
from batcountry.optim.gradient import Gradient
from batcountry.optim.redirection import Redirection
from batcountry.optim.sliding_windows import WindowedAscent
from batcountry.optim.static_climb import StaticClimb, UnforeseenError, unforeseen
from batcountry.recipe import Recipe
from batcountry.recipe.marks import has_mark

log = logging.getLogger("batcountry")

Begin = Callable[[Tensor, AuxInputs], Advancing]
"""Begins an octave with pictures, (N, C, H, W), and those beside them."""

_WITHOUT = {
    *("seed", "octaves", "iterations", "octave_scale", "initial_size", "final_size", "spacing", "carry"),
    *("size", "enlarge", "frame", "start", "canvas", "device", "max_memory", "tile", "redirect_relu"),
}
"""Options that no step depends on, but for its shape and the numbers in its row."""

_FEW = 4
"""Steps of an octave that are not worth to be captured, unless there are as many again."""


def step_facts(resolved: Resolved, owner: object) -> Hashable | None:
    """Return what a recipe's steps depend on beside their shapes and the network; None if that is in no text.

    Parameters
    ----------
    owner
        Whom that belongs to which no text stands for, such as a guide; others' dreams do not use their steps.
    """
    recipe = resolved.recipe
    if has_mark(recipe.objective):
        return None  # whatever a caller's function does between two tensors would be done once only
    own = recipe.guide is not None or bool(resolved.objective.files)
    text = recipe.model_dump_json(exclude=_WITHOUT)
    return text, str(resolved.objective), owner if own else None


class OctaveSteps:
    """Begins the octaves of one dream, one after the other.

    Parameters
    ----------
    model
        The network; steps that nobody uses are kept with it, for the next dream.
    facts
        See `step_facts`.
    ascent
        How pictures are made to score higher, with the gradient of whole pictures.
    plain
        Begins an octave whose steps are run one piece of work after the other.
    steps
        In each octave.
    redirection
        In how many steps dead ReLUs are still redirected, if in any.
    """

    def __init__(
        self,
        model: Model,
        facts: Hashable | None,
        ascent: Ascent,
        plain: Begin,
        steps: int,
        redirection: Redirection | None = None,
    ) -> None:
        self._model, self._facts, self._ascent, self._plain = model, facts, ascent, plain
        self._redirection, self._steps = redirection or Redirection(0), steps
        self._before: StaticClimb | None = None

    def begin(self, image: Tensor, aux_inputs: AuxInputs) -> Advancing:
        """Begin an octave; see `Begin`."""
        if self._before is not None:
            self._before.rewind()
        with torch.inference_mode(False):
            self._before = self._static(image, aux_inputs)
            return self._before or self._plain(image, aux_inputs)

    def _static(self, image: Tensor, aux_inputs: AuxInputs) -> StaticClimb | None:
        kind = step_kind(image.device)
        if kind == "plain":
            return None
        place = self._model.capture_key()
        reason = self._reason(place)
        if reason is not None:
            self._say(reason)
            return None
        shapes = tuple((key, tuple(each.shape)) for key, each in aux_inputs.items())
        key = (
            kind,
            self._model.precision,
            place,
            self._facts,
            tuple(image.shape),
            image.dtype,
            image.device,
            shapes,
        )
        try:
            return self._ready(key, image, aux_inputs, captured=kind == "captured")
        except UnforeseenError as error:
            self._say(str(error))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._model.idle_steps.clear()
            let_go(image.device)
        return None

    def _ready(self, key: Hashable, image: Tensor, aux_inputs: AuxInputs, *, captured: bool) -> StaticClimb:
        """Return steps that begin with pictures: those that were used before, or new ones."""
        idle, before = self._model.idle_steps, used_memory(image.device)
        climb = idle.take(key)
        again = climb is not None
        climb = climb or StaticClimb(self._ascent, image, aux_inputs)
        if captured and climb.may_be_captured and (again or self._steps > _FEW):
            try:
                climb.capture(image, aux_inputs)
            except NotCapturedError as error:
                self._say(str(error))
        size = climb.size = climb.size + max(0, used_memory(image.device) - before)
        released = partial(idle.put, key, climb, size)
        climb.restart(image, aux_inputs, self._ascent.rng, self._redirection, self._steps, released)
        return climb

    def _reason(self, place: Hashable | None) -> str | None:
        """Return what keeps steps from being the same work each time, in words."""
        if place is None:
            return "the network has hooks, or is of a kind that may do something else each time"
        return "an objective that is a function" if self._facts is None else unforeseen(self._ascent)

    def _say(self, reason: str) -> None:
        """Say once for a network why its steps are not captured."""
        if reason not in self._model.said:
            self._model.said.add(reason)
            log.info("steps are started piece by piece, which is slower: %s", reason)


def beginning(
    resolved: Resolved,
    recipe: Recipe,
    ascent: Ascent,
    whole: Gradient | None,
    redirection: Redirection,
    owner: object,
) -> Begin:
    """Return what begins the octaves of a recipe's dream.

    Parameters
    ----------
    recipe
        With tiles chosen.
    whole
        The gradient of a whole picture; None to keep to what `ascent` has.
    redirection, owner
        See `OctaveSteps` and `step_facts`.
    """
    if resolved.window is not None:
        return WindowedAscent(ascent, resolved.window, recipe.window_rates).on
    if whole is None or recipe.tile or recipe.wrap != "none":
        return ascent.on
    static = replace(ascent, gradient=resolved.finite(whole))
    facts = step_facts(resolved, owner)
    return OctaveSteps(resolved.model, facts, static, ascent.on, recipe.iterations, redirection).begin
