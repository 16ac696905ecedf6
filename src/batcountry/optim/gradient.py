"""The gradient of an objective on an image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back
from batcountry.backend.determinism import same_each_time
from batcountry.backend.devices import is_out_of_memory as is_out_of_memory
from batcountry.backend.devices import widened
from batcountry.backend.float32 import full_float32
from batcountry.backend.graphs import let_go, step_kind
from batcountry.backend.memory_limit import MemoryLimit
from batcountry.errors import ModelError, RecipeError, first_line
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.models.model import Model
from batcountry.objectives.base import Objective
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs
from batcountry.optim.finite import check_step
from batcountry.optim.redirection import Redirection
from batcountry.optim.tile_batches import TileBatches
from batcountry.optim.tiles import TileScorer

log = logging.getLogger("batcountry")


class Gradient(Protocol):
    """From pictures, (N, 3, H, W), RGB in gray levels, to their score, a tensor without axes, and its gradient of that shape.

    The score is a tensor so that nobody waits for it who does not read it.
    """

    def __call__(self, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS, /) -> tuple[Tensor, Tensor]:
        """Return score and gradient; `aux_inputs` has the pictures that the objective reads too, of that size."""
        ...


def whole_gradient(model: Model, objective: Objective) -> Gradient:
    """Return the function that gives the score and gradient of a whole picture at once.

    Terms of the image itself are left out, as they need no network. The network runs no further than
    the last layer the objective reads. Works also when the caller is inside `torch.no_grad()` or
    `torch.inference_mode()`.
    """
    objective = objective.resolved(model).of_layers
    scorer, layers = objective.bind(model), objective.layers

    def gradient(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(False), torch.enable_grad(), full_float32(), same_each_time(image.device):
            leaf = (image.clone() if image.is_inference() else image).detach().requires_grad_()
            score = scorer({**model.activations(leaf, layers), **aux_inputs})
            on_image = _gradient_of(score, leaf)
        return score.detach(), on_image

    return gradient


def _gradient_of(score: Tensor, leaf: Tensor) -> Tensor:
    """Return a score's gradient; raises `ModelError` if the network wrote over what that needs."""
    try:
        return torch.autograd.grad(score, leaf)[0]
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise ModelError(
            "the network has no gradient there, as it writes over numbers that the gradient needs "
            f"({first_line(error)[:200]}); have it write to new ones, such as x * 2 for x.mul_(2), or take a layer before that"
        ) from error


def finite_gradient(model: Model, objective: Objective, gradient: Gradient | None = None) -> Gradient:
    """Return a gradient, or `whole_gradient`, that ends in a sentence where it is not finite.

    Raises
    ------
    ModelError, RecipeError
        The function itself; see `batcountry.optim.finite.culprit`.
    """
    whole = gradient or whole_gradient(model, objective)

    def checked(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        scored = whole(image, aux_inputs)
        check_step(model, objective, image, aux_inputs, scored)
        return scored

    return checked


def limited_gradient(gradient: Gradient, limit: MemoryLimit | None) -> Gradient:
    """Return a gradient that keeps to an amount of memory; with no limit it is the same."""
    if limit is None:
        return gradient

    def limited(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        with limit.over(image.shape[0] * image.shape[-2] * image.shape[-1]):
            score_and_gradient = gradient(image, aux_inputs)
        limit.make_room(limit.after)
        return score_and_gradient

    return limited


def redirecting_gradient(
    gradient: Gradient, redirection: Redirection, pictures: int | None = None
) -> Gradient:
    """Return a gradient that redirects dead ReLUs in its first steps; see `batcountry.backend.redirected_relu`.

    Parameters
    ----------
    pictures
        Of each step, which may come in several batches; None for a step with each call.
    """

    def redirected(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        with redirection.step(Fraction(len(image), pictures or len(image))):
            return gradient(image, aux_inputs)

    return redirected


class SparingGradient:
    """The function that gives an image's score and gradient, by `whole` or in tiles of `side`.

    If memory runs out, it goes on once with tiles of half the side.

    Parameters
    ----------
    limit
        See `TileScorer`.
    together
        See `batcountry.optim.tile_batches.TileBatches`.

    Attributes
    ----------
    halved
        Side of the tiles since memory ran out, in pixels; None if it has not.

    Raises
    ------
    RecipeError
        As `tiled_gradient`. The function itself, if memory runs out again.
    """

    def __init__(
        self,
        whole: Gradient,
        model: Model,
        objective: Objective,
        side: int | None = None,
        wrap: Wrap = NO_WRAP,
        *,
        limit: MemoryLimit | None = None,
        together: int | None = None,
    ) -> None:
        self._side, self._model = side, model
        self._tiled: Callable[[int | None], Gradient] = lambda side: tiled_gradient(
            model, objective, side, wrap, limit=limit, together=together
        )
        is_cut = side is not None or any(wrap)
        self._current = self._tiled(side) if is_cut else limited_gradient(whole, limit)
        self.halved: int | None = None

    def halve(self, side: int) -> None:
        """Go on with tiles of a side, in pixels, as after memory ran out."""
        self.halved = side
        self._current = self._tiled(side)

    def __call__(self, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        """Return score and gradient; see `Gradient`."""
        idle, side = self._model.idle_steps, None
        while True:
            try:
                if side is not None:
                    self.halve(side)
                return self._current(image, aux_inputs)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.halved is not None and not len(idle):
                    raise _out_of_memory(image) from error
            if len(idle):  # what other dreams may use again has as much, perhaps
                idle.clear()
                let_go(image.device)
            else:
                side = (self._side or max(image.shape[-2:])) // 2
                log.warning("memory ran out; going on in tiles of %d pixels", side)


def _out_of_memory(image: Tensor) -> RecipeError:
    height, width = image.shape[-2:]
    return RecipeError(
        f"memory ran out on a picture of {width}×{height} pixels; allow less with max_memory, "
        "or make the picture smaller with size"
    )


def tiled_gradient(
    model: Model,
    objective: Objective,
    side: int | None = None,
    wrap: Wrap = NO_WRAP,
    *,
    limit: MemoryLimit | None = None,
    together: int | None = None,
) -> Gradient:
    """Return the function that gives what `whole_gradient` does, tile by tile.

    Parameters
    ----------
    side
        Of a tile's core in pixels; see `Halo.tiles`. With none there is one tile.
    wrap
        Whether the network sees the picture go on at its other side, along y and along x.
    limit
        See `TileScorer`.
    together
        See `batcountry.optim.tile_batches.TileBatches`; steps that are run plainly take one tile after the other.

    Raises
    ------
    RecipeError
        If the objective is not local, or its layers see the whole picture.
    """
    scorer = TileScorer(model, objective, limit=limit)
    batches = TileBatches(scorer, together)
    units: dict[tuple[int, int], dict[str, int]] = {}

    def gradient(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        height, width = image.shape[-2:]
        tiles = scorer.halo.tiles((height, width), side, wrap)
        if (height, width) not in units:
            units[height, width] = scorer.units(tiles, image.dtype)
        if image.shape[0] == 1 and step_kind(image.device) != "plain":
            return batches(image, tiles, units[height, width], aux_inputs)
        if len(tiles) > 1:
            give_back()  # what the update's tensors leave is cut into pieces that fit no window's
        total, score = torch.zeros_like(image), widened(scorer.constant, image)
        for tile in tiles:
            windows = {key: tile.read(picture) for key, picture in aux_inputs.items()}
            share, part = scorer(tile.read(image), tile, units[height, width], windows)
            tile.add(part, total)
            score = score + share
        if len(tiles) > 1:
            give_back()  # the update's tensors are as large as the picture, and fit into none of a tile's
        return score, total

    return gradient
