"""The camera of a zoom: zoom, turn and pan as one resampling from float to float."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.transfers import brought
from batcountry.image.blur import gaussian_blur

Matrix = NDArray[np.float64]
"""3×3, from a pixel (x, y, 1) of the new picture, counted from its center, to the old picture's."""

_SOFTEST = 4.0


def view(zoom: float, rotate: float, *, pan_x: float, pan_y: float, width: int) -> Matrix:
    """Return where each pixel of the next frame comes from.

    Parameters
    ----------
    zoom
        How many times larger things become; below 1 they become smaller.
    rotate
        Degrees by which the picture turns, clockwise.
    pan_x, pan_y
        How far the camera goes to the right and down, in percent of the width.
    width
        Of the picture in pixels.
    """
    angle = math.radians(rotate)
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    x, y = pan_x * width / 100, pan_y * width / 100
    return np.array([[cos, sin, x], [-sin, cos, y], [0, 0, 1]])


def looked_at(image: Tensor, matrix: Matrix) -> Tensor:
    """Return the picture (1, C, H, W) as the camera sees it, by bicubic interpolation.

    What lies outside is the picture mirrored at its edge. Where things become much smaller
    they are softened first, so that no fine pattern is aliased.
    """
    height, width = image.shape[-2:]
    image = _softened(image, float(np.linalg.norm(matrix[:2, 0])))
    # grid_sample counts from −1 to 1 between the outer edges, so pixels are scaled by half the size.
    to_pixels, to_grid = np.diag([width / 2, height / 2, 1]), np.diag([2 / width, 2 / height, 1])
    theta = brought(torch.from_numpy((to_grid @ matrix @ to_pixels)[:2][None]).to(image.dtype), image.device)
    grid = F.affine_grid(theta, [1, 1, height, width], align_corners=False)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def _softened(image: Tensor, step: float) -> Tensor:
    """Blur a picture that is read in steps of more than a pixel, as far as the steps ask for."""
    if step <= 1.05:
        return image
    sigma = min(0.5 * math.sqrt(step * step - 1), _SOFTEST)
    return gaussian_blur(image, sigma, truncate=3, edge="reflect")


def footprint(matrix: Matrix, size: tuple[int, int], feather: float) -> NDArray[Any]:
    """Return how much of another picture that the camera sees through `matrix` covers each pixel, 0 to 1.

    It is 1 within and falls to 0 at that picture's edge over `feather`, a share of its width; at a matrix of
    one it is 1 everywhere.
    """
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x + 0.5 - width / 2, y + 0.5 - height / 2
    there = np.stack([x, y, np.ones_like(x)])
    seen_x, seen_y = np.tensordot(matrix[:2], there, 1)
    inside = np.minimum(width / 2 - np.abs(seen_x), height / 2 - np.abs(seen_y))
    return np.clip(inside / (feather * width), 0, 1)
