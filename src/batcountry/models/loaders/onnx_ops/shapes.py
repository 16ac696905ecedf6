"""Operators that change shapes, and pick and place elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import ModelError
from batcountry.models.loaders.onnx_ops.registry import OPERATORS, Node, bounded, numbers, operator


@operator("Shape")
def shape_of(node: Node, x: Tensor) -> Tensor:
    """Return the lengths of some axes."""
    return torch.tensor(list(x.shape)[node("start", 0) : node("end")], dtype=torch.int64)


OPERATORS["Size"] = lambda node, x: torch.tensor(x.numel())  # noqa: ARG005
OPERATORS["Transpose"] = lambda node, x: x.permute(node("perm", list(reversed(range(x.ndim)))))
OPERATORS["Concat"] = lambda node, *inputs: torch.cat(inputs, node("axis"))


@operator("Expand")
def expand(node: Node, x: Tensor, to: Tensor) -> Tensor:  # noqa: ARG001
    """Repeat axes of length 1 as a shape says."""
    shape: Any = torch.broadcast_shapes(tuple(x.shape), tuple(numbers(to)))  # type: ignore[no-untyped-call]
    return x.expand(bounded(shape))


@operator("Tile")
def tile(node: Node, x: Tensor, times: Tensor) -> Tensor:  # noqa: ARG001
    """Repeat the whole along each axis."""
    counts = numbers(times)
    bounded([count * side for count, side in zip(counts, x.shape, strict=True)])
    return x.repeat(counts)


@operator("Reshape")
def reshape(node: Node, x: Tensor, to: Tensor | None = None) -> Tensor:
    """Lay the same elements out in another shape, in which 0 is the length that was there."""
    lengths = numbers(node("shape") if to is None else to)
    if not node("allowzero", 0):
        lengths = [x.shape[axis] if length == 0 else length for axis, length in enumerate(lengths)]
    return x.reshape(lengths)


@operator("Flatten")
def flatten(node: Node, x: Tensor) -> Tensor:
    """Make two axes of all that come before one and all from it on."""
    axis = node("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    lead = torch.Size(x.shape[:axis]).numel()
    return x.flatten(1) if axis == 1 else x.reshape(lead, -1)


@operator("Squeeze")
def squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Leave out axes of length 1."""
    given = numbers(node("axes") if axes is None else axes)
    for axis in sorted((axis % x.ndim for axis in given), reverse=True):
        x = x.squeeze(axis)
    return x if given else x.squeeze()


@operator("Unsqueeze")
def unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Put in axes of length 1."""
    given = numbers(node("axes") if axes is None else axes)
    for axis in sorted(axis % (x.ndim + len(given)) for axis in given):
        x = x.unsqueeze(axis)
    return x


@operator("Split")
def split(node: Node, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
    """Cut apart along an axis: in lengths, or in parts of which the last may be shorter."""
    given, axis = numbers(node("split") if lengths is None else lengths), node("axis", 0)
    if not given:
        part = -(-x.shape[axis] // node("num_outputs", node.outputs))
        return x.split(part, axis)  # type: ignore[no-untyped-call]
    return x.split(given, axis)  # type: ignore[no-untyped-call]


@operator("Slice")
def cut(
    node: Node,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """Cut out a part; before opset 10 its bounds are attributes."""
    first, last = (
        numbers(node(name) if given is None else given)
        for name, given in (("starts", starts), ("ends", ends))
    )
    along = numbers(node("axes") if axes is None else axes) or list(range(len(first)))
    by = numbers(steps) or [1] * len(first)
    for start, end, axis, step in zip(first, last, along, by, strict=True):
        if step > 0:
            x = torch.ops.aten.slice(x, axis, start, end, step)
        else:
            x = x.index_select(
                axis, torch.tensor(range(x.shape[axis])[slice(start, end, step)], device=x.device)
            )
    return x


@operator("Gather")
def gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """Pick along an axis; negative indices count from its end."""
    axis = node("axis", 0) % x.ndim
    bounded([indices.numel(), x.numel() // max(1, x.shape[axis])])
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    picked = x.index_select(axis, indices.reshape(-1).to(x.device))
    return picked.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


@operator("GatherElements")
def gather_elements(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """Pick one element for each index along an axis."""
    axis = node("axis", 0)
    return x.gather(axis, torch.where(indices < 0, indices + x.shape[axis], indices))


@operator("GatherND")
def gather_nd(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """Pick by whole positions."""
    if node("batch_dims", 0):
        raise ModelError("GatherND with batch_dims is not supported")
    return x[tuple(indices.unbind(-1))]


@operator("ScatterND")
def scatter_nd(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """Put values at whole positions."""
    if node("reduction", "none") not in ("none", "add"):
        raise ModelError(f"ScatterND with the reduction {node('reduction')} is not supported")
    return x.index_put(tuple(indices.unbind(-1)), updates, accumulate=node("reduction") == "add")


@operator("ScatterElements", "Scatter")
def scatter_elements(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """Put one value for each index along an axis."""
    axis = node("axis", 0)
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    how = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}[node("reduction", "none")]
    if how is None:
        return x.scatter(axis, indices, updates)
    return x.scatter_reduce(axis, indices, updates, how)


@operator("OneHot")
def one_hot(node: Node, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    """Mark one of so many places."""
    count = int(depth.item())
    bounded([indices.numel(), count])
    off, on = values
    marks = F.one_hot(indices.long() % count, count).movedim(-1, node("axis", -1))
    return torch.where(marks.bool(), on, off)


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operator("Pad")
def pad(
    node: Node,
    x: Tensor,
    sides: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Put something round a picture; before opset 11 how much is an attribute."""
    given = numbers(node("pads") if sides is None else sides)
    along = [axis % x.ndim for axis in numbers(axes)] or list(range(x.ndim))
    pairs = dict(zip(along, zip(given[: len(along)], given[len(along) :], strict=True), strict=True))
    torch_order = [side for axis in reversed(range(x.ndim)) for side in pairs.get(axis, (0, 0))]
    bounded([length + sum(pairs.get(axis, (0, 0))) for axis, length in enumerate(x.shape)])
    while torch_order and torch_order[-2:] == [0, 0]:
        del torch_order[-2:]
    mode = _PAD_MODES[node("mode", "constant")]
    if mode != "constant":
        torch_order += [0] * (2 * (x.ndim - 2) - len(torch_order))
        return F.pad(x, torch_order, mode=mode) if any(torch_order) else x
    return F.pad(x, torch_order, value=node("value", 0.0) if value is None else value.item())


@operator("ConstantOfShape")
def constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    """Return one value, 0 if none is stated, in a shape."""
    value = node("value")
    return (
        torch.zeros(bounded(numbers(shape)))
        if value is None
        else value.reshape(()).expand(bounded(numbers(shape)))
    )


@operator("Range")
def count_up(node: Node, start: Tensor, limit: Tensor, step: Tensor) -> Tensor:  # noqa: ARG001
    """Return numbers from one up to another."""
    first, last, by = (each.item() for each in (start, limit, step))
    bounded([max(0, int((last - first) / by))])
    return torch.arange(first, last, by, dtype=start.dtype)


@operator("EyeLike")
def eye_like(node: Node, x: Tensor) -> Tensor:
    """Return ones on a diagonal."""
    return torch.ones_like(x, dtype=torch.float32).triu(node("k", 0)).tril(node("k", 0))


@operator("Trilu")
def triangle(node: Node, x: Tensor, diagonal: Tensor | None = None) -> Tensor:
    """Keep what is above or below a diagonal."""
    run: Callable[..., Tensor] = torch.triu if node("upper", 1) else torch.tril
    return run(x, 0 if diagonal is None else int(diagonal.item()))


@operator("DepthToSpace")
def depth_to_space(node: Node, x: Tensor) -> Tensor:
    """Lay channels out as pixels."""
    size, (n, c, h, w) = node("blocksize"), x.shape
    if node("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, size)
    order = x.reshape(n, size * size, c // size**2, h, w).transpose(1, 2)
    return F.pixel_shuffle(order.reshape(n, c, h, w), size)


@operator("SpaceToDepth")
def space_to_depth(node: Node, x: Tensor) -> Tensor:
    """Lay pixels out as channels."""
    size, c = node("blocksize"), x.shape[1]
    y = F.pixel_unshuffle(x, size)
    return y.reshape(y.shape[0], c, size * size, *y.shape[2:]).transpose(1, 2).reshape(y.shape)


@operator("GridSample")
def grid_sample(node: Node, x: Tensor, grid: Tensor) -> Tensor:
    """Read a picture at places that are given."""
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(node("mode", "bilinear"), node("mode", "bilinear"))
    options: dict[str, Any] = {"padding_mode": node("padding_mode", "zeros")}
    return F.grid_sample(x, grid, mode, align_corners=bool(node("align_corners", 0)), **options)
