"""The registry of layer types.

A layer type is a plain function `run(layer, params, *bottoms)` from tensors to a tensor or a
tuple of them: differentiable, never in place, on any device and in any float type, keeping
the memory format of what it is given. It also runs on PyTorch's `meta` device, which is how
shapes are inferred, so none needs a shape rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from batcountry.backend.receptive_field import Window
from batcountry.errors import UnsupportedLayer, listed
from batcountry.recipe.registry import Registry

Run = Callable[..., "Tensor | tuple[Tensor, ...]"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Param:
    """A blob of weights that a layer has.

    Attributes
    ----------
    filler
        What it holds when no file gives it.
    values
        In place of a filler, the tensor that the layer itself made for it, which takes up what a file gives.
    """

    shape: Shape
    filler: Any = None
    values: Tensor | None = None


Params = Callable[[Any, Sequence[Shape]], "list[Param]"]


def _takes_none(params: Sequence[Tensor]) -> None:
    """Do nothing, as a layer that is a function is given its weights when it runs."""


@dataclass(frozen=True)
class LayerType:
    """What a layer runs with: see `caffe_layer`.

    `instance` is the user's object behind a Python layer, and `give_params` hands it the weights that it has.
    """

    run: Run
    params: Params
    window: Callable[[Any], Window | None]
    instance: Any = None
    give_params: Callable[[Sequence[Tensor]], None] = _takes_none


Bind = Callable[[Any], LayerType]
Lack = Callable[[Any], str]


def _lacks_nothing(layer: Any) -> str:  # noqa: ARG001
    return ""


@dataclass(frozen=True)
class BoundLayer:
    """A layer type whose every layer runs with something of its own.

    Attributes
    ----------
    bind
        Makes that, from the layer's message.
    lack
        Says in words what a layer lacks to run, or returns an empty text.
    """

    bind: Bind
    lack: Lack = _lacks_nothing


LAYER_TYPES: Registry[BoundLayer] = Registry(
    "Caffe layer type", "batcountry.layer_types", check=lambda value: isinstance(value, BoundLayer)
)
"""Layer types by name, as a prototxt has them; `caffe_layer` registers a function. An entry point may name such a function."""


def _no_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:  # noqa: ARG001
    return []


def _pointwise(layer: Any) -> Window:  # noqa: ARG001
    return Window()


def everything(layer: Any) -> None:
    """Say of a layer that each of its units sees all of its bottom, or that no place in it can be told."""


def along(axis: int) -> Window | None:
    """Return the window of a layer that works along one axis of (N, C, H, W): one place if that is the channels'."""
    return Window() if axis in (1, -3) else None


def caffe_layer(
    name: str, *, params: Params = _no_params, window: Callable[[Any], Window | None] = _pointwise
) -> Callable[[Run], Run]:
    """Register a function as the layer type `name`.

    Parameters
    ----------
    name
        The type as it stands in a prototxt.
    params
        From the layer's message and its bottoms' shapes to the blobs of weights it has.
    window
        From the layer's message to what one unit sees, None for everything; the default sees one position.

    Raises
    ------
    NameTaken
        If the name is taken; a `ValueError`, too.
    """

    def register(run: Run) -> Run:
        found = LayerType(run, params, window)
        LAYER_TYPES.register(name, BoundLayer(lambda layer: found))  # noqa: ARG005
        return run

    return register


def layer_type(layer: Any) -> LayerType:
    """Return what a layer runs with, by its message's type; raises `KeyError` if nothing is registered."""
    return LAYER_TYPES[layer.type].bind(layer)


def names() -> list[str]:
    """Return the registered types, sorted."""
    return sorted(LAYER_TYPES)


_DATA = (
    "Data",
    "ImageData",
    "HDF5Data",
    "WindowData",
    "MemoryData",
    "AnnotatedData",
    "VideoData",
    "DenseImageData",
)


def lack_of(layer: Any) -> str:
    """Return in words why a layer cannot run: its type if that is not registered, or what it lacks; empty if it can."""
    if layer.type not in LAYER_TYPES:
        kind = _printable(layer.type)
        reads = ", which reads pictures from files; a deploy.prototxt has an input in its place"
        return f"{kind}{reads}" if kind in _DATA else kind or "no type"
    return _printable(", ".join(layer.unknown_settings)) or LAYER_TYPES[layer.type].lack(layer)


def _printable(text: str) -> str:
    """Return a file's text as a terminal can be given it."""
    return text if text.isprintable() else ascii(text)


def unsupported(layers: Iterable[Any]) -> list[str]:
    """Return `'name' (type)` of every layer of a net that cannot run."""
    return [f"{layer.name!r} ({lack})" for layer in layers if (lack := lack_of(layer))]


def check_supported(layers: Iterable[Any], where: str) -> None:
    """Raise `UnsupportedLayer` that names the layers of a net that cannot run, the first of them if there are many."""
    if missing := unsupported(layers):
        raise UnsupportedLayer(f"{where}: there are layers of unsupported types: {listed(missing, room=230)}")
