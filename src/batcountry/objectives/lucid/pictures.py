"""Objectives of the picture itself, as lucid has them: black is 0, white 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.objectives.base import IMAGE, OPACITY, Activations, Objective, objective
from batcountry.objectives.lucid.norms import LEVELS, share
from batcountry.objectives.masks import mask_key
from batcountry.objectives.references import Reference, check_openable, files_of

_COLOR_WEIGHT = 0.8
"""What the distance from the border's color counts beside its roughness."""

_BLUR_OF_BORDER = 5
_LEAST_SQUARE = 1e-12


def blur_input_each_step() -> Objective:
    """Measure how far the picture is from its blur over 3×3 pixels: half the sum of the squared differences.

    Subtracted, with a weight of k, each step moves the picture a share of k toward that blur (Nguyen et al., 2015).
    """

    def score(activations: Activations) -> Tensor:
        return _roughness(activations[IMAGE] / LEVELS)

    return objective("blur_input_each_step", (), (), lambda _: score)


def blur_alpha_each_step() -> Objective:
    """Measure how far the opacity of a picture that grows with `alpha` is from its blur; see `blur_input_each_step`."""
    return objective(
        "blur_alpha_each_step",
        (),
        (),
        lambda _: lambda activations: _roughness(activations[OPACITY]),
        aux_inputs={OPACITY: None},
    )


def penalize_boundary_complexity(
    shp: list[int] | None = None,
    w: int = 20,
    mask: Any | None = None,
    C: float = 0.5,  # noqa: N803
) -> Objective:
    """Keep the picture's border smooth and of one gray: minus squared differences from its blur and from that gray.

    It is a score, to be added: lucid has the minus within.

    Parameters
    ----------
    shp
        What shape the picture has to have, (N, height, width, channels) or (height, width); any if not given.
    w
        Width of the border in pixels.
    mask
        Where to hold the picture back instead, bright on black: whatever `batcountry.read_picture` takes.
    C
        Gray, 0 to 1.
    """
    if w < 0:
        raise RecipeError("penalize_boundary_complexity has a border of 0 or more pixels")
    size = _size_of(shp)
    label, key, source = (None, "", None) if mask is None else mask_key(mask)

    def score(activations: Activations) -> Tensor:
        image = activations[IMAGE] / LEVELS
        height, width = image.shape[-2:]
        if size is not None and size != (height, width):
            raise RecipeError(
                f"penalize_boundary_complexity is for {size[1]}×{size[0]} pixels and the picture has {width}×{height}; "
                "leave shp out, or dream in one octave of that size"
            )
        away = (blurred(image, _BLUR_OF_BORDER) - image).square() + _COLOR_WEIGHT * (image - C).square()
        return -(away * (activations[key] if key else border(image, w))).flatten(1).sum(1)

    def bind(_: Any) -> Any:
        check_openable(source, str(label), "mask")
        return score

    return objective(
        "penalize_boundary_complexity",
        (shp, w, label, C),
        (),
        bind,
        aux_inputs={key: source} if key else {},
        files=files_of(source) if key else (),
    )


def input_diff(orig_img: Any = "start") -> Objective:
    """Measure how far the picture is from another: the root of the mean squared difference.

    Parameters
    ----------
    orig_img
        Whatever `batcountry.read_picture` takes, resized to the picture dreamed on; or the text `start`.
    """
    reference = Reference.of(orig_img)

    def score(activations: Activations) -> Tensor:
        image = activations[IMAGE]
        mean = ((image - activations[reference.key]) / LEVELS).square().mean()
        # The root has no slope at nothing, where a dream begins that is compared with its start.
        return share(
            torch.where(mean > _LEAST_SQUARE, mean, mean.detach() * 0 + _LEAST_SQUARE).sqrt(), len(image)
        )

    def bind(_: Any) -> Any:
        reference.check()
        return score

    return objective(
        "input_diff", (reference.label,), (), bind, aux_inputs=reference.aux_inputs, files=reference.files
    )


def blurred(images: Tensor, side: int) -> Tensor:
    """Return (N, C, H, W) blurred over squares of `side` pixels whose rim counts half, as far as they lie in the picture."""
    weights = images.new_full((side, side), 0.5)
    weights[1:-1, 1:-1] = 1
    planes = images.reshape(-1, 1, *images.shape[-2:])
    sums, counts = (
        F.conv2d(each, weights[None, None], padding=side // 2)
        for each in (planes, torch.ones_like(planes[:1]))
    )
    return (sums / counts).reshape(images.shape)


def border(image: Tensor, width: int) -> Tensor:
    """Return (1, 1, H, W): one within so many pixels of the picture's edges, else 0."""
    ones = image.new_ones(1, 1, *image.shape[-2:])
    ones[..., width : image.shape[-2] - width, width : image.shape[-1] - width] = 0
    return ones


def _roughness(images: Tensor) -> Tensor:
    return (images - blurred(images.detach(), 3)).square().flatten(1).sum(1) / 2


def _size_of(shape: list[int] | None) -> tuple[int, int] | None:
    """Return height and width of a picture of a shape."""
    if shape is None:
        return None
    if len(shape) not in (2, 4):
        raise RecipeError(
            "shp has two numbers, height and width, or four: pictures, height, width and channels"
        )
    height, width = (shape[0], shape[1]) if len(shape) == 2 else (shape[1], shape[2])
    return int(height), int(width)
