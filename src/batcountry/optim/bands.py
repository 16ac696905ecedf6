"""Gradients normalized band by band: each size of structure grows at a rate of its own.

A gradient's fine waves are far stronger than its coarse ones, so a step along it draws outlines and moiré. Here it is
split into bands an octave wide, as in a Laplacian pyramid, each is brought to one strength, and they are added up again
(Google's deepdream notebook of TensorFlow, 2015, calls it Laplacian pyramid gradient normalization). In photographs
all such bands are about equally strong (Field, 1987: amplitudes fall as 1/f), so what grows looks like one.

The pyramid is of means of 2×2 pixels, enlarged linearly. How strong a band is comes from the means alone: what a level
has more of the sum of squares than the next coarser one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.constants import constant
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.optim.finite import check_size

LEVELS = 6
"""How often a gradient is halved: the coarsest level is of means over 64×64 pixels."""

_SMALLEST = 4  # pixels along the shorter side below which nothing is halved any more
_EVEN = 3  # bands finer than this one, of waves shorter than 16 pixels, are weaker the finer they are
_FAINTEST = 1e-6  # of the whole gradient's energy: what is less is rounding
_LEAST = 0.25  # of a level's energy that its band is taken to have, so that a band with next to nothing in it stays so
_COARSEST = 0.6  # what all is brighter or darker by: photographs keep most of their light and shade


def normalize_bands(gradient: Tensor, wrap: Wrap = NO_WRAP) -> Tensor:
    """Return gradients, (N, C, H, W), with each band of each picture brought to its usual strength.

    The root mean square of a band over pixels and channels becomes 1, that of the finest ones 0.35, 0.5 and 0.7,
    and that of the coarsest level 0.6. A band that has less than a quarter of what it and all coarser ones have together
    is weaker in proportion; usual are three quarters.

    Parameters
    ----------
    wrap
        Axes along which pictures go on at their other side.

    Raises
    ------
    RecipeError
        If they are too large for that.
    """
    levels = build_levels(gradient)
    energies = torch.stack([level.flatten(1).square().mean(1) for level in levels])
    check_size(energies)
    factors = level_factors(energies).reshape(len(levels), -1, 1, 1, 1)
    merged = levels[-1] * factors[-1]
    for level, factor in reversed(list(zip(levels[:-1], factors[:-1], strict=True))):
        merged = double(merged, (level.shape[-2], level.shape[-1]), wrap).addcmul_(level, factor)
    return merged


def build_levels(gradient: Tensor) -> list[Tensor]:
    """Return (…, H, W) and its means of 2×2 pixels, of those, and so on: finest first."""
    levels = [gradient]
    for _ in range(level_count((gradient.shape[-2], gradient.shape[-1])) - 1):
        levels.append(halve(levels[-1]))
    return levels


def level_count(size: tuple[int, int]) -> int:
    """Return how many levels a gradient of (height, width) has, itself among them."""
    count, shorter = 1, min(size)
    while count <= LEVELS and shorter >= _SMALLEST:
        count, shorter = count + 1, -(-shorter // 2)
    return count


def level_factors(energies: Tensor) -> Tensor:
    """Return what each level is multiplied by when they are added up again, finest first: (levels, N).

    Level 0 is added as it is and every coarser one enlarged. A level holds its own band and all coarser ones, so its
    factor is its band's less that of the band before.

    Parameters
    ----------
    energies : (levels, N)
        The mean square of each level's values.
    """
    finer, coarser = energies, torch.cat([energies[1:], torch.zeros_like(energies[:1])])
    least = torch.maximum(_LEAST * energies, _FAINTEST * energies[:1])
    strength = torch.maximum(finer - coarser, least).sqrt()
    weights = constant(_band_weights(len(energies)), strength.device, strength.dtype)[:, None]
    rate = torch.where(strength > 0, weights / strength, torch.zeros_like(strength))
    return torch.cat([rate[:1], rate[1:] - rate[:-1]])


def _band_weights(count: int) -> tuple[float, ...]:
    return (*(min(1.0, 2 ** ((band - _EVEN) / 2)) for band in range(count - 1)), _COARSEST)


def halve(image: Tensor) -> Tensor:
    """Return the means of 2×2 pixels of (…, H, W), of as many as there are at an odd edge."""
    rows = _pair_sums(image, -2)
    return _pair_sums(rows, -1).mul_(0.25)


def _pair_sums(image: Tensor, axis: int) -> Tensor:
    length = image.shape[axis]
    if length % 2:
        image = torch.cat([image, image.narrow(axis, length - 1, 1)], axis)
    shape = list(image.shape)
    shape[axis : axis + 1 or None] = [image.shape[axis] // 2, 2]
    first, second = image.reshape(shape).unbind(axis)
    return first + second


def double(image: Tensor, size: tuple[int, int], wrap: Wrap = NO_WRAP) -> Tensor:
    """Return (N, C, h, w) enlarged linearly to twice its size, of which the first (height, width) pixels.

    A mean of 2×2 pixels stands for their middle, and beyond the edge the outermost ones go on, or, where the picture wraps,
    those of the other side.
    """
    height, width = size
    rows = _doubled_rows(image, wrap[0])[..., :height, :]
    padded = F.pad(rows, (1, 1, 0, 0), "circular" if wrap[1] else "replicate")
    doubled = rows.new_empty(*rows.shape, 2)
    torch.lerp(rows, padded[..., :-2], 0.25, out=doubled[..., 0])
    torch.lerp(rows, padded[..., 2:], 0.25, out=doubled[..., 1])
    return doubled.flatten(-2)[..., :width]


def _doubled_rows(image: Tensor, wrap: bool) -> Tensor:
    padded = F.pad(image, (0, 0, 1, 1), "circular" if wrap else "replicate")
    doubled = image.new_empty(*image.shape[:-1], 2, image.shape[-1])
    torch.lerp(image, padded[..., :-2, :], 0.25, out=doubled[..., 0, :])
    torch.lerp(image, padded[..., 2:, :], 0.25, out=doubled[..., 1, :])
    return doubled.flatten(-3, -2)
