"""Steps that are not finite end a dream: which term or layer is to blame is worked out once that has happened.

A sum has infinity or NaN in it if one of its numbers is such, so that looking takes one quick pass over a gradient.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.backend.checks import check
from batcountry.errors import BatCountryError, ModelError, RecipeError
from batcountry.models.model import Model
from batcountry.objectives.base import Objective, added_up
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs


def is_finite(*tensors: Tensor) -> bool:
    """Whether no number of tensors is infinite or NaN, nor their sum too large for their type."""
    return not bool(is_broken(*tensors))


def is_broken(*tensors: Tensor) -> Tensor:
    """Return whether tensors are not finite, as `is_finite` has it, as one truth value on their device."""
    first, *rest = (~torch.isfinite(each.detach().sum()) for each in tensors)
    return functools.reduce(torch.logical_or, rest, first)


def check_step(
    model: Model,
    objective: Objective,
    image: Tensor,
    aux_inputs: AuxInputs,
    scored: tuple[Tensor, Tensor],
) -> None:
    """Raise what `culprit` returns, see `batcountry.backend.checks.check`, if a score or its gradient on an image is not finite.

    Parameters
    ----------
    image, aux_inputs
        What the network saw, and what is beside it.
    scored
        Score and gradient.
    """

    def error(image: Tensor, *planes: Tensor) -> BatCountryError:
        return culprit(model, objective, image, dict(zip(aux_inputs, planes, strict=True)))

    check(is_broken(*scored), error, image, *aux_inputs.values())


def culprit(
    model: Model, objective: Objective, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS
) -> BatCountryError:
    """Return an error that says which layer, or which term of an objective's layers, is not finite on an image.

    The network runs a few times for it.
    """
    objective = objective.resolved(model).of_layers
    advice = "use the precision exact, as this one ends at 65,504; or " if model.is_narrow else ""
    if not is_finite(image):
        return RecipeError("what the network sees is not finite, as a transform makes it so; leave that out")
    with torch.inference_mode(False):
        image = image.detach().clone()
        layer = _broken_layer(model, objective.layers, image)
        if layer is not None:
            return ModelError(
                f"the layer {layer!r} of {model.name} gives numbers that are not finite; its weights, or those before it, "
                f"are damaged or too large, so {advice}take the network's file anew, or another layer"
            )
        for problem in _term_problems(model, objective, image, aux_inputs):
            return RecipeError(f"{problem}; or use the precision exact" if model.is_narrow else problem)
    return RecipeError(f"the gradient of {objective} is not finite; {advice}make its weights smaller")


def broken_picture(prior: str) -> RecipeError:
    """Return the error of a step whose gradient was finite, while the picture after it is not.

    Parameters
    ----------
    prior
        The terms of the image itself, or nothing.
    """
    reasons = [f"the gradient of {prior}"] if prior else []
    return RecipeError(
        f"the picture is not finite after a step: {', '.join([*reasons, 'a transform'])} or the step itself is too large, or no "
        "number; make step_size and the objective's weights smaller"
    )


def finite_size(values: NDArray[np.float32], layer: str) -> np.float32:
    """Return the mean size of a gradient or a picture; raises `RecipeError`, naming a Caffe net's layer, if it is no number."""
    size: np.float32 = np.abs(values).mean()
    if not math.isfinite(size):
        raise RecipeError(
            f"the dream from the layer {layer!r} is not finite; its weights, or those before it, are damaged or too large"
        )
    return size


def check_size(size: Tensor) -> None:
    """Raise `RecipeError` if what a gradient's size is given by is infinite, so that a step would be divided by that."""
    check(torch.isinf(size).any(), _too_large)


def _too_large() -> RecipeError:
    return RecipeError("the gradient is too large to be normalized; make the objective's weights smaller")


def _broken_layer(model: Model, layers: Sequence[str], image: Tensor) -> str | None:
    """Return the first layer whose values on an image are not finite, if one of `layers` is such."""

    @torch.no_grad()
    def is_broken(name: str) -> bool:
        return not bool(torch.isfinite(model.activations(image, [name])[name]).all())

    broken = next((model.layer(name).name for name in layers if is_broken(name)), None)
    if broken is None:
        return None
    names = [each.name for each in model.layers]
    names = names[: names.index(broken)]
    # What is not finite stays so in the layers after it, in nearly all networks.
    first = bisect_left(range(len(names)), True, key=lambda index: is_broken(names[index]))
    return [*names, broken][first]


def _term_problems(model: Model, objective: Objective, image: Tensor, aux_inputs: AuxInputs) -> Iterator[str]:
    for weight, term, scorer in objective.scorers(model):
        said = str(Objective(((weight, term),)))
        with torch.enable_grad():
            leaf = image.clone().requires_grad_()
            activations = model.activations(leaf, term.layers)
            share = added_up(scorer({**activations, **aux_inputs}))
            weighted = weight * share
            if not is_finite(share):
                sizes = [
                    f"{name!r} up to {float(each.detach().abs().max()):.3g}"
                    for name, each in activations.items()
                ]
                yield f"the term {said} of the objective is not finite; it reads the layer {', '.join(sizes)}; take another"
            elif not is_finite(weighted):
                yield f"the term {said} of the objective comes to {float(weighted.detach()):g}; make its weight smaller"
            (gradient,) = torch.autograd.grad(weighted, leaf)
        if not is_finite(gradient):
            yield f"the gradient of the term {said} of the objective is not finite; make its weight smaller, or leave it out"
