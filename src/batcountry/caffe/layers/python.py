"""Python layers: a program's own classes, as Caffe's `type: "Python"` layers.

A prototxt names a module and a class. Nothing is imported for it, as model files are untrusted:
the class has to be registered by the program first, with `python_layer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from batcountry.caffe.blob import Blob, LayerBlob, LayerBlobs
from batcountry.caffe.layers.registry import LAYER_TYPES, BoundLayer, LayerType, Param, Shape, everything
from batcountry.errors import suggestion

_classes: dict[str, type] = {}


class Layer:
    """Base of Python layers, as `caffe.Layer`.

    A subclass has `setup(bottom, top)`, `reshape(bottom, top)`, `forward(bottom, top)` and
    `backward(top, propagate_down, bottom)`; each gets lists of `Blob`s.

    Attributes
    ----------
    param_str
        What the prototxt says in `python_param`.
    type
        `Python`, as `net.layers[…].type` of other layers says theirs.
    blobs
        The layer's own weights: `blobs.add_blob(3, 4)` in `setup` adds some, and `backward` adds to their `diff`. They
        are in the net's `params`, and are saved, loaded and shared as those of other layers.
    """

    def __init__(self) -> None:
        self.param_str = ""
        self.phase = 0
        self.blobs = LayerBlobs()

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Read `param_str` and check the number of blobs; called once."""

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Reshape the tops to what the bottoms' shapes ask for; called before each `forward`."""
        raise NotImplementedError(f"the class {type(self).__name__} has no reshape(self, bottom, top)")

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Write the tops' `data`."""
        raise NotImplementedError(f"the class {type(self).__name__} has no forward(self, bottom, top)")

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        """Write the bottoms' `diff` where `propagate_down` says so."""


Class = TypeVar("Class", bound=type)


def python_layer(cls: Class) -> Class:
    """Register a class for the Python layers that name it; a decorator.

    The class need not derive from `Layer`, so that one that was written against `caffe.Layer` in
    a program whose import was changed does, and any other with the same methods works too. A
    second class of one name takes the place of the first.
    """
    _classes[cls.__name__] = cls
    return cls


def _lack(layer: Any) -> str:
    p = layer.python_param
    if p.layer in _classes:
        return ""
    said = f"Python class {p.layer!r} of {p.module!r}, not registered with caffe.python_layer"
    return said + suggestion(p.layer, _classes)


def _bind(layer: Any) -> LayerType:
    instance = _classes[layer.python_param.layer]()
    instance.param_str, instance.phase = layer.python_param.param_str, layer.phase
    if not hasattr(instance, "blobs"):
        instance.blobs = LayerBlobs()
    if not hasattr(instance, "type"):
        instance.type = layer.type  # programs go through `net.layers` by their types
    runner = _Runner(instance)
    return LayerType(runner, runner.params, everything, instance, runner.give_params)


class _Runner:
    """Runs an instance as a layer function; sets it up at the first run."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.is_set_up = False

    def __call__(self, layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002
        tops = len(layer.top)
        if all(not each.is_meta for each in bottoms) and bottoms:
            return _Call.apply(self, tops, *bottoms)  # type: ignore[no-untyped-call]
        if not bottoms and self.is_set_up:
            return tuple(torch.from_numpy(each.data.copy()) for each in self.run([], tops))
        shapes = self.shaped([Blob(tuple(each.shape)) for each in bottoms], tops)
        return tuple(torch.empty(each.shape, device="meta") for each in shapes)

    def params(self, layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
        """Set the instance up for bottoms of some shapes, and return the weights that it has then."""
        self.set_up([Blob(shape) for shape in bottoms], [Blob() for _ in layer.top])
        return [Param(blob.shape, values=torch.from_numpy(blob.data)) for blob in self.instance.blobs]

    def give_params(self, params: Sequence[Tensor]) -> None:
        """Let the instance's blobs be weights that the net has for it."""
        self.instance.blobs[:] = map(LayerBlob, params)

    def set_up(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Have the instance read its parameters, once."""
        if not self.is_set_up:
            self.instance.setup(bottom, top)
            self.is_set_up = True

    def shaped(self, bottom: list[Blob], tops: int) -> list[Blob]:
        """Return the top blobs, of the shapes that the instance gives them."""
        top = [Blob() for _ in range(tops)]
        self.set_up(bottom, top)
        self.instance.reshape(bottom, top)
        return top

    def run(self, bottom: list[Blob], tops: int) -> list[Blob]:
        """Return the top blobs after the instance's forward pass."""
        top = self.shaped(bottom, tops)
        self.instance.forward(bottom, top)
        return top


class _Call(torch.autograd.Function):
    """An instance's forward and backward passes as one operation."""

    @staticmethod
    def forward(ctx: Any, runner: _Runner, tops: int, *bottoms: Tensor) -> tuple[Tensor, ...]:
        ctx.runner, ctx.bottom = runner, [_blob(each) for each in bottoms]
        ctx.top = runner.run(ctx.bottom, tops)
        return tuple(torch.from_numpy(each.data.copy()).to(bottoms[0]) for each in ctx.top)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        for blob, grad in zip(ctx.top, grads, strict=True):
            blob.diff[...] = grad.detach().cpu().numpy()
        for blob in ctx.bottom:
            blob.diff[...] = 0
        wanted = list(ctx.needs_input_grad[2:])
        ctx.runner.instance.backward(ctx.top, wanted, ctx.bottom)
        found = [torch.from_numpy(each.diff.copy()).to(grads[0]) for each in ctx.bottom]
        return None, None, *(grad if want else None for grad, want in zip(found, wanted, strict=True))


def _blob(values: Tensor) -> Blob:
    blob = Blob(tuple(values.shape))
    blob.data[...] = values.detach().cpu().numpy()
    return blob


LAYER_TYPES.register("Python", BoundLayer(_bind, _lack))
