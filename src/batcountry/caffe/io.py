"""`caffe.io`: pictures into blobs and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from batcountry.caffe.proto import caffe_pb2 as caffe_pb2  # programs reach the messages through here
from batcountry.image.reading import read_picture

_LUMA = np.array([0.2125, 0.7154, 0.0721], dtype=np.float32)

Array = NDArray[np.float32]


class Transformer:
    """How a picture becomes an input blob.

    Parameters
    ----------
    inputs
        Input blob name to its shape, (N, C, H, W).
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, tuple[int, ...]] = {}
        self.channel_swap: dict[str, tuple[int, ...]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, Array] = {}
        self.input_scale: dict[str, float] = {}

    def _check(self, name: str) -> None:
        if name not in self.inputs:
            raise ValueError(f"{name} is not one of the net inputs: {list(self.inputs)}")

    def set_transpose(self, name: str, order: Sequence[int]) -> None:
        """Set the order of a picture's axes in the blob, such as (2, 0, 1)."""
        self._check(name)
        if len(order) != len(self.inputs[name]) - 1:
            raise ValueError("Transpose order needs as many numbers as the input has axes, less the batch")
        self.transpose[name] = tuple(order)

    def set_channel_swap(self, name: str, order: Sequence[int]) -> None:
        """Set the order of channels, such as (2, 1, 0) from RGB to BGR."""
        self._check(name)
        if len(order) != self.inputs[name][1]:
            raise ValueError("Channel swap needs as many numbers as there are channels")
        self.channel_swap[name] = tuple(order)

    def set_raw_scale(self, name: str, scale: float) -> None:
        """Set the factor before the mean is taken off, such as 255."""
        self._check(name)
        self.raw_scale[name] = scale

    def set_mean(self, name: str, mean: NDArray[Any]) -> None:
        """Set the mean to take off: one number a channel, or a picture, resized to the input's size."""
        self._check(name)
        mean = np.asarray(mean, dtype=np.float32)
        channels, *size = self.inputs[name][1:]
        if mean.ndim == 1:
            if mean.shape[0] != channels:
                raise ValueError(f"Mean channels incompatible with input: {mean.shape[0]} for {channels}")
            mean = mean[:, None, None]
        elif mean.ndim == 3 and mean.shape[0] == channels:
            if mean.shape[1:] != tuple(size):
                mean = resize_image(mean.transpose(1, 2, 0), (size[0], size[1])).transpose(2, 0, 1)
        elif mean.shape != tuple(size):
            raise ValueError(f"Mean shape {mean.shape} incompatible with input shape {self.inputs[name]}")
        self.mean[name] = mean

    def set_input_scale(self, name: str, scale: float) -> None:
        """Set the factor after the mean is taken off."""
        self._check(name)
        self.input_scale[name] = scale

    def preprocess(self, name: str, picture: NDArray[Any]) -> Array:
        """Return a picture, H×W×C, resized to the input's size, as the values of a blob, C×H×W."""
        self._check(name)
        values: Any = np.asarray(picture, dtype=np.float32)
        height, width = self.inputs[name][2:]
        if values.shape[:2] != (height, width):
            values = resize_image(values, (height, width))
        if name in self.transpose:
            values = values.transpose(self.transpose[name])
        if name in self.channel_swap:
            values = values[list(self.channel_swap[name])]
        values = values * np.float32(self.raw_scale.get(name, 1))
        if name in self.mean:
            values = values - self.mean[name]
        return np.asarray(values * np.float32(self.input_scale.get(name, 1)), dtype=np.float32)

    def deprocess(self, name: str, values: NDArray[Any]) -> Array:
        """Return the picture that `preprocess` would make these values of."""
        self._check(name)
        picture: Any = np.asarray(values, dtype=np.float32).squeeze() / np.float32(
            self.input_scale.get(name, 1)
        )
        if name in self.mean:
            picture = picture + self.mean[name]
        picture = picture / np.float32(self.raw_scale.get(name, 1))
        if name in self.channel_swap:
            picture = picture[np.argsort(self.channel_swap[name])]
        if name in self.transpose:
            picture = picture.transpose(np.argsort(self.transpose[name]))
        return np.asarray(picture, dtype=np.float32)


def load_image(filename: str, color: bool = True) -> Array:
    """Return a picture file as H×W×3 float32 in 0–1, RGB, or H×W×1 if `color` is False."""
    pixels = read_picture(filename).pixels / np.float32(255)
    return pixels if color else (pixels @ _LUMA)[..., None]


def resize_image(im: NDArray[Any], new_dims: tuple[int, int], interp_order: int = 1) -> Array:
    """Return H×W×C resized to (height, width) with a spline of an order, 1 being linear."""
    factors = new_dims[0] / im.shape[0], new_dims[1] / im.shape[1], 1
    resized = ndimage.zoom(
        np.asarray(im, np.float32), factors, order=interp_order, mode="nearest", grid_mode=True
    )
    return np.asarray(resized, dtype=np.float32)


def oversample(images: Sequence[NDArray[Any]], crop_dims: Sequence[int]) -> Array:
    """Return ten crops of each H×W×C picture: four corners and the middle, and their mirror images."""
    height, width = int(crop_dims[0]), int(crop_dims[1])
    crops = []
    for image in images:
        down, right = image.shape[0] - height, image.shape[1] - width
        corners = [(y, x) for y in (0, down) for x in (0, right)]
        found = [image[y : y + height, x : x + width] for y, x in [*corners, (down // 2, right // 2)]]
        crops += found + [crop[:, ::-1] for crop in found]
    return np.asarray(crops, dtype=np.float32)


def blobproto_to_array(blob: Any, return_diff: bool = False) -> Array:
    """Return the array in a `BlobProto`, or its diff: of its shape, of its four numbers, or a single one without axes.

    Raises
    ------
    ValueError
        If its shape is of another number of values.
    """
    single, double = (blob.diff, blob.double_diff) if return_diff else (blob.data, blob.double_data)
    values = np.array(single or double, dtype=np.float32)
    old = ("num", "channels", "height", "width")
    return values.reshape(
        [getattr(blob, name) for name in old] if any(map(blob.HasField, old)) else list(blob.shape.dim)
    )


def array_to_blobproto(arr: NDArray[Any], diff: NDArray[Any] | None = None) -> Any:
    """Return a `BlobProto` of an array, and of its diff if one is given."""
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(arr.shape)
    blob.data.extend(np.asarray(arr, np.float32).ravel())
    if diff is not None:
        blob.diff.extend(np.asarray(diff, np.float32).ravel())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Sequence[NDArray[Any]]) -> bytes:
    """Return arrays as a serialized `BlobProtoVector`."""
    return caffe_pb2.BlobProtoVector(
        blobs=[array_to_blobproto(each) for each in arraylist]
    ).SerializeToString()


def blobprotovector_str_to_arraylist(text: bytes) -> list[Array]:
    """Return the arrays in a serialized `BlobProtoVector`."""
    return [blobproto_to_array(each) for each in caffe_pb2.BlobProtoVector.FromString(text).blobs]


def array_to_datum(arr: NDArray[Any], label: int | None = None) -> Any:
    """Return a `Datum` of a C×H×W array, as bytes if it is uint8."""
    if arr.ndim != 3:
        raise ValueError(f"a datum has three axes, not {arr.ndim}")
    datum = caffe_pb2.Datum(channels=arr.shape[0], height=arr.shape[1], width=arr.shape[2])
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).ravel())
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Any) -> NDArray[Any]:
    """Return the C×H×W array of a `Datum`."""
    shape = datum.channels, datum.height, datum.width
    if len(datum.data):
        return np.frombuffer(datum.data, np.uint8).reshape(shape)
    return np.array(datum.float_data).astype(float).reshape(shape)
