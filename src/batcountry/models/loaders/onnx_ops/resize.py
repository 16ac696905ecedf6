"""Operators that enlarge and reduce pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import ModelError
from batcountry.models.loaders.onnx_ops.registry import Node, bounded, numbers, operator

_SMOOTH = {
    ("linear", 1): "linear",
    ("linear", 2): "bilinear",
    ("linear", 3): "trilinear",
    ("cubic", 2): "bicubic",
}


@operator("Upsample")
def upsample(node: Node, x: Tensor, scales: Tensor | None = None) -> Tensor:
    """Enlarge by factors; before opset 9 they are an attribute."""
    factors = numbers(node("scales") if scales is None else scales)[2:]
    return _resized(node, x, factors, None, "asymmetric", "floor")


@operator("Resize")
def resize(node: Node, x: Tensor, *given: Tensor | None) -> Tensor:
    """Resize by factors or to sizes; in opset 10 there are factors alone."""
    if node.opset < 11:
        return _resized(node, x, numbers(given[0])[2:], None, "asymmetric", "floor")
    _, scales, sizes = (*given, None, None, None)[:3]
    along = [axis % x.ndim for axis in node("axes", range(x.ndim))]
    factors = _of_places(numbers(scales), along, [1.0] * x.ndim)
    lengths = _of_places(numbers(sizes), along, list(x.shape))
    if node("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise ModelError("Resize that keeps the picture's proportions is not supported")
    how, nearest = (
        node("coordinate_transformation_mode", "half_pixel"),
        node("nearest_mode", "round_prefer_floor"),
    )
    return _resized(node, x, factors, lengths, how, nearest)


def _of_places(values: Sequence[Any], along: Sequence[int], usual: list[Any]) -> list[Any] | None:
    """Return what is given for the axes of the picture."""
    if not values:
        return None
    for axis, value in zip(along, values, strict=True):
        usual[axis] = value
    return usual[2:]


def _resized(
    node: Node,
    x: Tensor,
    factors: Sequence[float] | None,
    lengths: Sequence[int] | None,
    how: str,
    nearest: str,
) -> Tensor:
    sides = x.shape[2:]
    if lengths is None:
        lengths = [int(side * factor) for side, factor in zip(sides, factors or (), strict=True)]
    if factors is None:
        factors = [length / side for length, side in zip(lengths, sides, strict=True)]
    bounded([*x.shape[:2], *lengths])
    mode, antialias = node("mode", "nearest"), bool(node("antialias", 0))
    whole = all(int(factor) == factor for factor in factors)
    if mode == "nearest" and whole and (how == "half_pixel" or (how, nearest) == ("asymmetric", "floor")):
        return F.interpolate(x, scale_factor=[float(factor) for factor in factors])
    kind = _SMOOTH.get((mode, len(sides)))
    if (
        kind
        and how in ("half_pixel", "pytorch_half_pixel", "align_corners")
        and node("cubic_coeff_a", -0.75) == -0.75
    ):
        return F.interpolate(
            x, list(lengths), mode=kind, align_corners=how == "align_corners", antialias=antialias
        )
    if mode == "cubic" or antialias:
        raise ModelError(f"Resize of the mode {mode} with {how} is not supported")
    for axis, (length, factor) in enumerate(zip(lengths, factors, strict=True), 2):
        x = _along(
            x, axis, _places(length, x.shape[axis], factor, how), nearest if mode == "nearest" else None
        )
    return x


def _places(length: int, before: int, factor: float, how: str) -> Tensor:
    """Return where each element along an axis lies in what is resized."""
    own = torch.arange(length, dtype=torch.float64)
    if how == "asymmetric":
        return own / factor
    if how == "align_corners":
        return own * (before - 1) / max(length - 1, 1)
    if how == "half_pixel_symmetric":
        middle = before / 2 * (1 - length / (factor * before))
        return middle + (own + 0.5) / factor - 0.5
    if how not in ("half_pixel", "pytorch_half_pixel"):
        raise ModelError(f"Resize with the coordinates {how} is not supported")
    return (
        torch.zeros(1, dtype=own.dtype)
        if how == "pytorch_half_pixel" and length == 1
        else (own + 0.5) / factor - 0.5
    )


def _along(x: Tensor, axis: int, places: Tensor, nearest: str | None) -> Tensor:
    """Read a tensor at places along an axis: the nearest element, or a mean of the two beside it."""
    last = x.shape[axis] - 1
    if nearest is not None:
        rounded = {
            "round_prefer_floor": (places - 0.5).ceil(),
            "round_prefer_ceil": (places + 0.5).floor(),
            "floor": places.floor(),
            "ceil": places.ceil(),
        }[nearest]
        return x.index_select(axis, rounded.long().clamp(0, last).to(x.device))
    below = places.floor()
    share = (places - below).to(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1)).to(x.device)
    one, other = (
        x.index_select(axis, each.long().clamp(0, last).to(x.device)) for each in (below, below + 1)
    )
    return one * (1 - share) + other * share
