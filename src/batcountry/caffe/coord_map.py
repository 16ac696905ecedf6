"""`caffe.coord_map`: where the coordinates of one blob lie in another, and the Crop layer that brings them together.

A map is (axis, scale, shift): along the axes after `axis`, the place x of the one blob is scale * x + shift in the other's.
An axis of None is for what leaves places as they are. Scale and shift are arrays with a number for each axis, or for all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from batcountry.caffe.net_spec import Function, Top, layers

Map = tuple["int | None", Any, Any]

PASS_THROUGH_LAYERS = [
    "AbsVal",
    "BNLL",
    "BatchNorm",
    "Bias",
    "Dropout",
    "ELU",
    "Eltwise",
    "Exp",
    "LRN",
    "Log",
    "MVN",
    "PReLU",
    "Power",
    "ReLU",
    "Scale",
    "Sigmoid",
    "Split",
    "TanH",
    "Threshold",
]
"""Types of layers that leave every place where it is."""

_IDENTITY: Map = (None, 1, 0)
_BY_SIDE = {f"{name}_{side}" for name in ("kernel", "stride", "pad") for side in "hw"}


class UndefinedMapException(Exception):
    """A layer of which no place is one of its bottom's."""


class AxisMismatchException(Exception):
    """Two maps that begin at different axes."""


def _window(function: Function) -> tuple[int, Any, Any, Any]:
    """Return axis, stride, reach (the window's width less one) and padding of a layer that slides a window."""
    fields = function.params.get("convolution_param", function.params)
    if _BY_SIDE & {*function.params, *fields}:
        raise AssertionError(
            "cropping does not support the fields kernel_h, stride_w and their like; give lists"
        )
    if "kernel_size" not in fields:
        raise UndefinedMapException(f"a {function.type_name} layer without a kernel_size has no map")
    width, stride, pad, dilation = (
        np.array(fields.get(name, usual), ndmin=1)
        for name, usual in (("kernel_size", 1), ("stride", 1), ("pad", 0), ("dilation", 1))
    )
    return fields.get("axis", 1), stride, (width - 1) * dilation, pad


def _of_convolution(function: Function) -> Map:
    axis, stride, reach, pad = _window(function)
    return axis, 1 / stride, (pad - reach / 2) / stride


def _of_deconvolution(function: Function) -> Map:
    axis, stride, reach, pad = _window(function)
    return axis, stride, reach / 2 - pad


def _of_crop(function: Function) -> Map:
    fields = function.params.get("crop_param", function.params)
    # A Crop says the first axis that it cuts, the others the last one that they do not slide along.
    return fields.get("axis", 2) - 1, 1, -np.array(fields.get("offset", 0), ndmin=1)


_MAPS: dict[str, Callable[[Function], Map]] = {
    **dict.fromkeys(("Convolution", "Pooling", "Im2col"), _of_convolution),
    "Deconvolution": _of_deconvolution,
    "Crop": _of_crop,
    **dict.fromkeys(PASS_THROUGH_LAYERS, lambda _: _IDENTITY),
}


def coord_map(fn: Function) -> Map:
    """Return the map from a layer's bottom to its top; raises `UndefinedMapException` if it has none."""
    if fn.type_name not in _MAPS:
        raise UndefinedMapException(f"a {fn.type_name} layer has no map from place to place")
    return _MAPS[fn.type_name](fn)


def compose(base_map: Map, next_map: Map) -> Map:
    """Return what two maps are together; raises `AxisMismatchException` if they begin at different axes."""
    (axis, scale, shift), (other, other_scale, other_shift) = base_map, next_map
    if None not in (axis, other) and axis != other:
        raise AxisMismatchException(f"a map from axis {axis} on does not go with one from axis {other} on")
    return other if axis is None else axis, scale * other_scale, scale * other_shift + shift


def inverse(coord_map: Map) -> Map:
    """Return the map that goes back."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def _path(last: Top) -> Iterator[tuple[Top, Map]]:
    """Yield the blobs that a blob is made of, nearest first, with the map from each to it; undefined layers end the path."""
    maps = {last: _IDENTITY}
    waiting = deque([last])
    while waiting:
        top = waiting.popleft()
        yield top, maps[top]
        # What a Crop reads second only says a size.
        bottoms = top.fn.inputs[:1] if top.fn.type_name == "Crop" else top.fn.inputs
        try:
            own = coord_map(top.fn) if bottoms else _IDENTITY
        except UndefinedMapException:
            continue
        for bottom in bottoms:
            if bottom not in maps:
                maps[bottom] = compose(maps[top], own)
                waiting.append(bottom)


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """Return the map from one blob to another, by the nearest blob that both are made of.

    Raises
    ------
    RuntimeError
        If layers that keep places connect them with none.
    AxisMismatchException
        If there are layers on the way that begin at different axes.
    """
    sources = dict(_path(top_from))
    for top, to_map in _path(top_to):
        if top in sources:
            return compose(to_map, inverse(sources[top]))
    raise RuntimeError("Could not compute map between tops; are they connected by spatial layers?")


def crop(top_from: Top, top_to: Top) -> Any:
    """Return the `Top` of a Crop layer that cuts a blob to where another's places are.

    Raises
    ------
    AssertionError
        If the two have different scales, or it would have to begin before the first place, or between two.
    RuntimeError, AxisMismatchException
        As `coord_map_from_to`.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    shift = np.array(shift, ndmin=1)
    for wrong, said in (
        (np.any(np.asarray(scale) != 1), f"scale mismatch on crop (a = {scale})"),
        (np.any(shift > 0), f"cannot crop negative width (b = {shift})"),
        (np.any(np.round(shift) != shift), f"cannot crop noninteger width (b = {shift})"),
    ):
        if wrong:
            raise AssertionError(said)
    offset = [int(-each) for each in np.round(shift)]
    return layers.Crop(
        top_from, top_to, crop_param={"axis": 2 if axis is None else axis + 1, "offset": offset}
    )
