"""Blobs: what flows between layers, as arrays that programs read and write."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class FrameSink:
    """One tensor of a blob that becomes a live NumPy view when somebody asks for it.

    Until then it may be in any memory format and be replaced; from then on it stays where it
    is, in rows, and is written over, so that every view ever handed out stays true.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.tensor: Tensor | None = None
        self.viewed = False
        self._seen: Tensor | None = None

    def view(self) -> NDArray[np.float32]:
        """Return the live view."""
        if not self.viewed:
            current = self.value()
            self.tensor = torch.empty(self.shape).copy_(current)
            self._seen = current
            self.viewed = True
        assert self.tensor is not None
        return self.tensor.numpy()

    def value(self) -> Tensor:
        """Return the tensor as it is, zeros at first."""
        if self.tensor is None:
            self.tensor = torch.zeros(self.shape)
        return self.tensor

    def read(self) -> Tensor:
        """Return the tensor for a computation: one that no program can write to."""
        if not self.viewed:
            return self.value()
        if self.touched or self._seen is None:
            self._seen = self.value().clone()
        return self._seen

    def write(self, value: Tensor) -> None:
        """Take a computation's result."""
        if self.viewed and tuple(value.shape) == self.shape:
            self.value().copy_(value)
            self._seen = value
        else:
            self.shape, self.tensor, self.viewed = tuple(value.shape), value, False

    @property
    def touched(self) -> bool:
        """Whether a program has written to the view since the net last read or wrote it."""
        return self.viewed and not (self._seen is not None and torch.equal(self.value(), self._seen))


class Blob:
    """A named array with its gradient.

    `data` and `diff` are live float32 NumPy views: what is written into them the net reads.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.stores = FrameSink(tuple(shape)), FrameSink(tuple(shape))
        self.written_in = -1

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.stores[0].shape

    @property
    def data(self) -> NDArray[np.float32]:
        """The values, a live view."""
        return self.stores[0].view()

    @property
    def diff(self) -> NDArray[np.float32]:
        """The gradient, a live view."""
        return self.stores[1].view()

    def reshape(self, *shape: int) -> None:
        """Give the blob another shape; its values are zeros then, unless the count stays the same."""
        if tuple(shape) == self.shape:
            return
        if len(shape) > 32 or any(int(size) < 0 for size in shape):
            raise ValueError(f"a blob cannot have the shape {shape}")
        old = self.stores
        self.stores = (
            FrameSink(tuple(int(each) for each in shape)),
            FrameSink(tuple(int(each) for each in shape)),
        )
        for before, after in zip(old, self.stores, strict=True):
            if before.tensor is not None and before.tensor.numel() == prod(shape):
                after.tensor = before.tensor.reshape(after.shape)

    @property
    def count(self) -> int:
        """How many values there are."""
        return prod(self.shape)

    def _legacy(self, axis: int) -> int:
        if len(self.shape) > 4:
            raise ValueError(f"num, channels, height and width are for up to four axes, not {self.shape}")
        return self.shape[axis] if axis < len(self.shape) else 1

    @property
    def num(self) -> int:
        """Length of axis 0, 1 if there is none."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """Length of axis 1, 1 if there is none."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """Length of axis 2, 1 if there is none."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """Length of axis 3, 1 if there is none."""
        return self._legacy(3)

    def __repr__(self) -> str:
        return f"Blob{self.shape}"


class ParameterBlob(Blob):
    """A blob whose data is a layer's own weight tensor.

    Gradients of weights cost time and few programs look at them, so `gradient` is asked for the
    last backward pass's when a program first reads `diff`; later passes add to it, as in Caffe.
    """

    def __init__(self, tensor: Tensor, gradient: Callable[[], Tensor | None]) -> None:
        super().__init__(tuple(tensor.shape))
        store: Any = self.stores[0]
        store.tensor, store.viewed = tensor, True
        self.tensor = tensor
        self._gradient = gradient

    @property
    def diff(self) -> NDArray[np.float32]:
        """The gradient, a live view."""
        if not self.has_diff and (found := self._gradient()) is not None:
            self.stores[1].write(found.clone(memory_format=torch.contiguous_format))
        return super().diff

    @property
    def has_diff(self) -> bool:
        """Whether a program has looked at the gradient."""
        return self.stores[1].viewed

    def add_to_diff(self, gradient: Tensor) -> None:
        """Add a backward pass's gradient."""
        self.stores[1].value().add_(gradient)

    def reshape(self, *shape: int) -> None:
        """Refuse: weights keep the shape that their layer needs."""
        if tuple(shape) != self.shape:
            raise ValueError(f"weights of shape {self.shape} cannot become {shape}")


class LayerBlob(ParameterBlob):
    """Weights of a Python layer, whose own code writes their gradient into `diff`."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor, lambda: None)

    @property
    def has_diff(self) -> bool:
        """False, as there is no gradient to be added to what the layer wrote."""
        return False


class LayerBlobs(list["Blob"]):
    """The weights of a Python layer, as its `blobs`."""

    def add_blob(self, *shape: int) -> None:
        """Add weights of a shape, zeros until they are written to or a file gives them; in `setup`, as in Caffe.

        Raises
        ------
        ValueError
            If there can be no such shape.
        """
        blob = Blob()
        blob.reshape(*shape)
        self.append(blob)
