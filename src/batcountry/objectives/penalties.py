"""Penalties on the image itself, to be subtracted: what keeps a picture natural, or near to another.

Each measures, at each pixel, how far a picture is from what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from batcountry.backend.constants import constant
from batcountry.errors import RecipeError
from batcountry.image.blur import gaussian_blur
from batcountry.objectives.base import IMAGE, OPACITY, START, Activations, Objective, Scorer, objective

if TYPE_CHECKING:
    from batcountry.models.model import Model

_LEAST = 1e-3
"""Least squared gradient that total variation tells from none, as in cnn-vis."""

Differences = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From pictures to their differences along x and along y, both of one shape."""


def tv(
    beta: float = 2.0, operator: Literal["naive", "sobel", "sobel_squish"] = "naive", scale: float = 1.0
) -> Objective:
    """Measure total variation: how much neighboring pixels differ.

    The length of the gradient of gray levels, divided by `scale`, to the power of `beta`, summed over colors
    (Mahendran and Vedaldi, 2015).

    Parameters
    ----------
    beta
        1 leaves sharp edges alone, 2 and more are hard on them.
    operator
        How the gradient is taken: from two neighbors, or with one of cnn-vis's two Sobel filters.
    scale
        Gray levels.
    """
    if not 0 < beta <= 8 or scale <= 0:
        raise RecipeError("tv has a beta of more than 0, up to 8, and a scale of more than 0")
    differences = operators[operator]

    def score(activations: Activations) -> Tensor:
        along_x, along_y = differences(activations[IMAGE] / scale)
        squared = along_x.square() + along_y.square()
        # Where a picture is flat its gradient counts as the least one, and pulls as that does.
        raised = squared + (squared.clamp(min=_LEAST) - squared).detach()
        return (raised ** (beta / 2)).sum(1)

    return objective("tv", (beta, operator, scale), (), lambda _: score, local=True)


def _naive(x: Tensor) -> tuple[Tensor, Tensor]:
    here = x[..., :-1, :-1]
    return here - x[..., :-1, 1:], here - x[..., 1:, :-1]


def _sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    down = x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]
    across = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
    return down[..., 2:] - down[..., :-2], across[..., 2:, :] - across[..., :-2, :]


def _sobel_squish(x: Tensor) -> tuple[Tensor, Tensor]:
    down = x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]
    across = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
    return down[..., 1:-1] - down[..., :-2], across[..., 1:-1, :] - across[..., :-2, :]


operators: dict[str, Differences] = {"naive": _naive, "sobel": _sobel, "sobel_squish": _sobel_squish}
"""Ways to take an image's gradient, by name; those of cnn-vis."""


def pnorm(p: float = 6.0, scale: float = 1.0, to: Literal["zero", "start"] = "zero") -> Objective:
    """Measure how far colors are from the middle, or from the start: differences over `scale` to the power of `p`.

    Summed over colors. A high power leaves small differences alone and holds back large ones (Mahendran and Vedaldi,
    2015; cnn-vis).

    Parameters
    ----------
    scale
        Gray levels.
    to
        `zero`: the network's mean color. `start`: the picture that the dream began with.
    """
    if not 1 <= p <= 12 or scale <= 0:
        raise RecipeError("pnorm has a p of 1 to 12 and a scale of more than 0")

    def bind(model: Model) -> Scorer:
        def score(activations: Activations) -> Tensor:
            image = activations[IMAGE]
            middle = _mean_of(model, image) if to == "zero" else activations[START]
            return ((image - middle) / scale).abs().pow(p).sum(1)

        return score

    aux_inputs = {START: None} if to == "start" else {}
    return objective("pnorm", (p, scale, to), (), bind, local=True, aux_inputs=aux_inputs)


def _mean_of(model: Model, image: Tensor) -> Tensor:
    return constant(model.mean, image.device).to(image.dtype).reshape(1, -1, 1, 1)


def grain(width: float = 1.5) -> Objective:
    """Measure fine grain: half the squared difference of the picture and its own blur, summed over colors.

    Subtracted, each step moves the picture a little toward its blur, as programs do that blur in every step
    (Yosinski et al., 2015; lucid). `width` is the Gaussian's standard deviation in pixels.
    """
    if not 0 < width <= 100:
        raise RecipeError("grain has a width of more than 0, up to 100 pixels")

    def score(activations: Activations) -> Tensor:
        image = activations[IMAGE]
        blurred = gaussian_blur(image.detach(), width, truncate=3, edge="replicate")
        return (image - blurred).square().sum(1) / 2

    return objective("grain", (width,), (), lambda _: score, local=True)


def opacity() -> Objective:
    """Measure how opaque the picture is, 0 to 1 at each pixel, of one that grows with `alpha`.

    Subtracted, it makes the picture more transparent everywhere alike, beyond what `fade` does.
    """
    return objective(
        "opacity", (), (), lambda _: lambda seen: seen[OPACITY][:, 0], local=True, aux_inputs={OPACITY: None}
    )


def drift(layer: str | None = None) -> Objective:
    """Measure how far the picture went from where it began: the mean squared difference, of pixels or of features.

    With a layer, details may change while what the layer sees stays (feature accentuation: Hamblin et al., 2024).
    """
    if layer is not None:
        from batcountry.objectives.comparisons import strayed

        return strayed(layer)

    def score(activations: Activations) -> Tensor:
        return (activations[IMAGE] - activations[START]).square().mean(1)

    return objective("drift", (), (), lambda _: score, local=True, aux_inputs={START: None})
