"""Functions of tensors as transforms."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from batcountry.errors import RecipeError
from batcountry.optim.transforms.base import OfChannels, Rng, Transform
from batcountry.recipe.marks import name_of

_COLORS = 3


def own_transform(function: Callable[..., Tensor]) -> Transform:
    """Return the transform that a caller's function is.

    Parameters
    ----------
    function
        From pictures, (N, C, H, W) in gray levels, to pictures of any height and width, differentiably: a function, or
        a module such as torchvision's. If it needs two arguments the second is the `Rng`, from which it draws so
        that the dream can be repeated. The pictures beside the one dreamed on, if an objective reads any, are
        further channels.
    """
    if isinstance(function, OfChannels):
        return function  # one of ours, which knows what is beside the picture
    return _Own(function)


class _Own:
    def __init__(self, function: Callable[..., Tensor], channels: int = _COLORS) -> None:
        self._function, self._channels = function, channels
        self.__qualname__ = name_of(function)
        self._draws = _needs_two(function)

    def of_channels(self, channels: int) -> Transform:
        return _Own(self._function, channels)

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        if pictures.is_meta:
            return self._sized(pictures, rng)
        transformed = self._run(pictures, rng)
        if pictures.requires_grad and not transformed.requires_grad:
            raise RecipeError(
                f"no gradient leads through the transform {name_of(self._function)}; write it with PyTorch's operations"
            )
        return transformed

    def _run(self, pictures: Tensor, rng: Rng) -> Tensor:
        transformed: Any = self._function(pictures, rng) if self._draws else self._function(pictures)
        shape = getattr(transformed, "shape", ())
        if not isinstance(transformed, Tensor) or len(shape) != 4 or shape[:2] != pictures.shape[:2]:
            kind = (
                f"a tensor of shape {tuple(shape)}"
                if isinstance(transformed, Tensor)
                else type(transformed).__name__
            )
            raise RecipeError(
                f"the transform {name_of(self._function)} makes {kind} of pictures of shape {tuple(pictures.shape)}; it "
                "may only change height and width"
            )
        return transformed

    def _sized(self, pictures: Tensor, rng: Rng) -> Tensor:
        """Return a tensor without contents, of the size that pictures come to.

        Not every function runs on such tensors, or with random numbers that are always the same; then it is tried for real.
        """
        shape = (1, self._channels, *pictures.shape[-2:])
        try:
            transformed = self._run(torch.empty(shape, device="meta"), rng)
        except RecipeError:
            raise
        except Exception:
            transformed = self._run(torch.zeros(shape), np.random.RandomState(0))
        return torch.empty(*pictures.shape[:2], *transformed.shape[-2:], device="meta")


def _needs_two(function: Callable[..., Tensor]) -> bool:
    """Whether a function cannot be called with one argument, but with two."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):  # one that is not written in Python
        return False
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) == 2
