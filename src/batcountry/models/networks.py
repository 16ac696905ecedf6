"""What a network has to do to be dreamed with, and what it may do besides."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from batcountry.models.inspect.layouts import Size


@runtime_checkable
class Padding(Protocol):
    """A network that runs on some sizes of pictures only, and pads others to the next of those."""

    def padded_size(self, size: Size, layers: Collection[str]) -> Size:
        """Return the (height, width) that a picture is padded to within, to run as far as `layers`; most run as they are."""
        ...

    def size_rules(self, layers: Collection[str]) -> dict[str, str]:
        """Return, of some layers, those that not all sizes reach, with which do and what happens to the others."""
        ...


class Network(Protocol):
    """What runs: tensors in, named tensors out."""

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Run as far as the last of `layers` and return their activations.

        `x` is (N, 3, H, W), RGB in gray levels with the model's mean taken off, or has as many
        channels as that mean.
        """
        ...

    def to(self, device: torch.device) -> Network:
        """Return the network with its weights on `device`."""
        ...


@runtime_checkable
class Capturable(Protocol):
    """A network whose runs can be recorded and played again."""

    def capture_key(self) -> Hashable:
        """Return where its weights lie, as long as a run is nothing but work with them; None while there are hooks."""
        ...


@runtime_checkable
class Castable(Protocol):
    """A network that can run in another precision."""

    prefers_bf16: bool
    """Whether bfloat16 makes it faster on hardware that is made for it."""

    has_small_numbers: bool
    """Whether its activations are known to stay far below 65,504, so that it may run in float16 too."""

    def cast(self, dtype: torch.dtype) -> Network:
        """Return the network with its weights in another precision; this one stays as it is."""
        ...


@runtime_checkable
class Modular(Protocol):
    """A network that is a PyTorch module, or can be had as one."""

    @property
    def module(self) -> nn.Module:
        """The module, frozen and in evaluation mode."""
        ...

    def entered(self, x: Tensor) -> Tensor:
        """Return what the module takes, for pictures in gray levels with the model's mean taken off."""
        ...


def places_of(weights: Iterable[Tensor]) -> Hashable:
    """Return where tensors lie in memory; see `Capturable`."""
    return tuple(each.data_ptr() for each in weights)


def has_hooks(module: nn.Module | None) -> bool:
    """Whether a module, or a part of it, has a hook that a run would call."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return module is not None and any(getattr(part, kind) for part in module.modules() for kind in kinds)
