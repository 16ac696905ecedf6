"""How the steps of an octave are run: on buffers that stay, or captured, where the device has use for that, or plainly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from functools import partial

import torch
from torch import Tensor

from batcountry.backend.devices import is_out_of_memory, used_memory
from batcountry.backend.graphs import NotCapturedError, step_kind
from batcountry.dreams.resolve import Resolved
from batcountry.optim.ascent import Advancing, Ascent
from batcountry.optim.aux_inputs import AuxInputs
from batcountry.optim.redirection import Redirection
from batcountry.optim.static_climb import StaticClimb, UnforeseenError, unforeseen
from batcountry.recipe.marks import has_mark

log = logging.getLogger("batcountry")

_WITHOUT = {
    *("seed", "octaves", "iterations", "octave_scale", "initial_size", "final_size", "spacing", "carry"),
    *("size", "enlarge", "frame", "start", "canvas", "device", "max_memory", "tile", "redirect_relu"),
}
"""Options that no step depends on, but for its shape and the numbers in its row."""


class OctaveSteps:
    """Begins the octaves of one dream, one after the other.

    Parameters
    ----------
    resolved
        What is dreamed.
    ascent
        How, with the gradient of whole pictures.
    plain
        Begins an octave whose steps are run one piece of work after the other.
    redirection
        In how many steps dead ReLUs are still redirected.
    owner
        Whom that belongs to which no text stands for, such as a guide; others' dreams do not use their steps.
    steps
        In each octave.
    """

    def __init__(
        self,
        resolved: Resolved,
        ascent: Ascent,
        plain: Callable[[Tensor, AuxInputs], Advancing],
        redirection: Redirection,
        owner: object,
        steps: int,
    ) -> None:
        self._resolved, self._ascent, self._plain = resolved, ascent, plain
        self._redirection, self._owner, self._steps = redirection, owner, steps
        self._before: StaticClimb | None = None

    def begin(self, image: Tensor, aux_inputs: AuxInputs) -> Advancing:
        """Begin an octave with pictures, (N, C, H, W), and those beside them."""
        if self._before is not None:
            self._before.rewind()
        with torch.inference_mode(False):
            self._before = self._static(image, aux_inputs)
            return self._before or self._plain(image, aux_inputs)

    def _static(self, image: Tensor, aux_inputs: AuxInputs) -> StaticClimb | None:
        model = self._resolved.model
        kind = step_kind(image.device)
        if kind == "plain":
            return None
        held = model.capture_key()
        reason = self._eager_reason() if held is not None else "hooks on the network, or its kind"
        if reason is not None:
            self._say(reason)
            return None
        shapes = tuple((key, tuple(each.shape)) for key, each in aux_inputs.items())
        key = (kind, held, self._facts(), tuple(image.shape), image.dtype, image.device, shapes)
        climb = model.idle_steps.take(key)
        try:
            if climb is None:
                climb = self._made(image, aux_inputs, captured=kind == "captured")
            released = partial(model.idle_steps.put, key, climb, climb.size)
            climb.restart(image, aux_inputs, self._ascent.rng, self._redirection, self._steps, released)
        except UnforeseenError as error:
            self._say(str(error))
            return None
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            model.idle_steps.clear()
            return None
        return climb

    def _made(self, image: Tensor, aux_inputs: AuxInputs, *, captured: bool) -> StaticClimb:
        before = used_memory(image.device)
        climb = StaticClimb(self._ascent, image, aux_inputs)
        if captured:
            try:
                climb.capture(image, aux_inputs)
            except NotCapturedError as error:
                self._say(str(error))
        climb.size = max(0, used_memory(image.device) - before)
        return climb

    def _eager_reason(self) -> str | None:
        """Return what keeps steps from being the same work each time, in words."""
        if has_mark(self._resolved.recipe.objective):
            return "an objective that is a function"
        return unforeseen(self._ascent)

    def _facts(self) -> Hashable:
        """Return what a step depends on beside its shapes and the network's weights."""
        resolved, recipe = self._resolved, self._resolved.recipe
        own = recipe.guide is not None or bool(resolved.objective.files)
        text = recipe.model_dump_json(exclude=_WITHOUT)
        return text, str(resolved.objective), resolved.model.precision, self._owner if own else None

    def _say(self, reason: str) -> None:
        """Say once for a network why its steps are not captured."""
        said = self._resolved.model.said
        if reason not in said:
            said.add(reason)
            log.info("steps are started piece by piece, which is slower: %s", reason)
