"""Colors as people see them: OKLab, and giving a dream the colors of its picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from batcountry.backend.constants import constant
from batcountry.recipe.registry import Registry

_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_DARKEST = 1e-5
"""Least light of a cone, so that black has a gradient."""


def to_oklab(image: Tensor) -> Tensor:
    """Return lightness, 0 to 1, and the two chroma planes of OKLab (Ottosson, 2020), (N, 3, H, W), for gray levels."""
    share = image / 255
    light = torch.where(share <= 0.04045, share / 12.92, ((share.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    return _mixed(_TO_LAB, _mixed(_TO_LMS, light).clamp(min=_DARKEST) ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """Return RGB in gray levels; those that no screen has are below 0 or above 255."""
    light = _mixed(_inverse(_TO_LMS), _mixed(_inverse(_TO_LAB), lab) ** 3)
    share = torch.where(
        light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )
    return share * 255


def keep(dream: Tensor, original: Tensor) -> Tensor:
    """Return a dream's light and shade in the original's colors, pixel by pixel; (N, 3, H, W), gray levels."""
    return in_gamut(torch.cat([to_oklab(dream)[:, :1], to_oklab(original)[:, 1:]], 1))


def match(dream: Tensor, original: Tensor) -> Tensor:
    """Return a dream whose colors have the original's mean and spread; (N, 3, H, W), gray levels.

    Each plane of OKLab is shifted and stretched (Reinhard et al., 2001, in their own color space).
    """
    (mean, std), (target_mean, target_std) = (statistics(to_oklab(image)) for image in (dream, original))
    return in_gamut((to_oklab(dream) - mean) * (target_std / std.clamp(min=1e-4)) + target_mean)


COLOR_MODES: Registry[Callable[[Tensor, Tensor], Tensor]] = Registry(
    "color mode",
    "batcountry.color_modes",
    {"free": lambda dream, _: dream, "keep": keep, "match": match},
)
"""What a dream's colors become, by name: functions of the dream and its picture; `register` your own to extend it."""


def statistics(lab: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each plane, (N, 3, 1, 1)."""
    return lab.mean((2, 3), keepdim=True), lab.std((2, 3), keepdim=True, correction=0)


def in_gamut(lab: Tensor) -> Tensor:
    """Return RGB in gray levels, 0 to 255: colors that no screen has are made paler, not darker or lighter."""
    lightness = lab[:, :1].clamp(0, 1)
    low, high = torch.zeros_like(lightness), torch.ones_like(lightness)
    for _ in range(8):
        middle = (low + high) / 2
        rgb = from_oklab(torch.cat([lightness, lab[:, 1:] * middle], 1))
        fits = ((rgb >= -0.5) & (rgb <= 255.5)).all(1, keepdim=True)
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    whole = from_oklab(torch.cat([lightness, lab[:, 1:]], 1))
    fits = ((whole >= -0.5) & (whole <= 255.5)).all(1, keepdim=True)
    paler = from_oklab(torch.cat([lightness, lab[:, 1:] * low], 1))
    return torch.where(fits, whole, paler).clamp(0, 255)


def _mixed(matrix: tuple[tuple[float, ...], ...] | Tensor, planes: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", _on(planes, matrix), planes)


def _on(planes: Tensor, matrix: tuple[tuple[float, ...], ...] | Tensor) -> Tensor:
    if isinstance(matrix, Tensor):
        return matrix.to(planes)
    return constant(matrix, planes.device).to(planes.dtype)


def _inverse(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.linalg.inv(torch.tensor(matrix, dtype=torch.float64))
