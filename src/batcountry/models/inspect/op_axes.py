"""What operations see that work place by place, or change along which axes the picture lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from math import prod
from typing import Any

from batcountry.backend.receptive_field import ReceptiveField
from batcountry.models.inspect.op_calls import Call, Seen


def pointwise(call: Call) -> Seen | None:
    """Join inputs whose places lie on each other; weights have to be the same at all places."""
    output, (first, *_) = call.output, (seen for _, seen in call.inputs)
    places = {(seen.rows - x.ndim, seen.columns - x.ndim, seen.merged) for x, seen in call.inputs}
    if len(places) > 1:
        return None
    ((rows, columns, merged),) = places
    axes = (-2,) if merged else (rows, columns)
    if any(-axis <= weight.ndim and weight.shape[axis] != 1 for weight in call.constants for axis in axes):
        return None
    if any(x.shape[axis] != output.shape[axis] for x, _ in call.inputs for axis in axes):
        return None
    field = reduce(ReceptiveField.joined, (seen.field for _, seen in call.inputs))
    if merged:
        return replace(first, field=field) if output.ndim == 2 else None
    return Seen(field, rows + output.ndim, columns + output.ndim)


def _axes(given: Any, count: int) -> set[int]:
    return {axis % count for axis in (given if isinstance(given, (list, tuple)) else [given])}


def _without(seen: Seen, gone: set[int]) -> Seen:
    """Return what is seen after some other axes have gone."""
    rows, columns = (axis - sum(each < axis for each in gone) for axis in (seen.rows, seen.columns))
    return replace(seen, rows=rows, columns=columns)


def along(call: Call) -> Seen | None:
    """Work along axes that are not the picture's."""
    given, only = call.args.get("dim"), call.only()
    if only is None or given is None or given == [] or only[1].merged:
        return None
    (x, seen), axes = only, _axes(given, only[0].ndim)
    if axes & {seen.rows, seen.columns}:
        return None
    return seen if call.output.ndim == x.ndim else _without(seen, axes)


def last_axes(call: Call) -> Seen | None:
    """Normalize along the last axes."""
    only, last = call.only(), len(call.args["normalized_shape"])
    if only is None:
        return None
    x, seen = only
    inside = last == 1 if seen.merged else max(seen.rows, seen.columns) < x.ndim - last
    return seen if inside else None


def batch_norm(call: Call) -> Seen | None:
    """Normalize channels by stored statistics."""
    only = call.only()
    if only is None or call.args.get("training", False):
        return None
    return only[1] if only[1].merged or min(only[1].rows, only[1].columns) > 1 else None


def matrix(call: Call) -> Seen | None:
    """Multiply the last axis by a matrix of weights."""
    only = call.only("mat1") if "mat1" in call.args else call.only()
    if only is None or any(weight.ndim > 1 for weight in call.constants if weight is call.args.get("self")):
        return None
    x, seen = only
    return seen if seen.merged or max(seen.rows, seen.columns) < x.ndim - 1 else None


def permuted(call: Call) -> Seen | None:
    """Change the order of axes."""
    ((x, seen), *_), args = call.inputs, call.args
    order = list(range(x.ndim))
    if "dims" in args:
        order = [axis % x.ndim for axis in args["dims"]]
    elif "dim0" in args:
        one, other = args["dim0"] % x.ndim, args["dim1"] % x.ndim
        order[one], order[other] = other, one
    else:  # t()
        order.reverse()
    if seen.merged:
        return None
    return replace(seen, rows=order.index(seen.rows), columns=order.index(seen.columns))


def viewed(call: Call) -> Seen | None:
    """Follow axes through another shape of the same numbers."""
    ((x, seen), *_), shape = call.inputs, tuple(call.output.shape)
    lead = seen.merged or tuple(x.shape[:-1])
    if shape[:-1] == lead and shape[-1] == x.shape[-1]:
        return replace(seen, merged=None)
    if seen.merged:
        return None
    if shape == (prod(lead), x.shape[-1]) and max(seen.rows, seen.columns) < x.ndim - 1:
        return replace(seen, merged=lead)
    rows, columns = (_axis_of(x.shape, axis, shape) for axis in (seen.rows, seen.columns))
    return None if rows is None or columns is None else replace(seen, rows=rows, columns=columns)


def _axis_of(before: Sequence[int], axis: int, after: Sequence[int]) -> int | None:
    """Return which axis of another shape of the same numbers is an axis of this one, if one is."""
    if before[axis] == 1:
        return None
    for other, length in enumerate(after):
        if length == before[axis] and prod(after[:other]) == prod(before[:axis]):
            return other
    return None


def expanded(call: Call) -> Seen | None:
    """Repeat axes of length 1."""
    (x, seen), *_ = call.inputs
    more = call.output.ndim - x.ndim
    if seen.merged or any(
        x.shape[axis] != call.output.shape[axis + more] for axis in (seen.rows, seen.columns)
    ):
        return None
    return replace(seen, rows=seen.rows + more, columns=seen.columns + more)


def apart(call: Call) -> Seen | None:
    """Take parts, or change the order, along axes that are not the picture's."""
    only, args = call.only(), call.args
    axes = args.get("dim", args.get("dims", 0))
    if only is None or only[1].merged or axes == []:
        return None
    (x, seen), gone = only, _axes(axes, only[0].ndim)
    if gone & {seen.rows, seen.columns}:
        # A slice may take all of it.
        return seen if "step" in args and call.output.shape == x.shape else None
    return _without(seen, gone) if call.output.ndim < x.ndim else seen


def unsqueezed(call: Call) -> Seen | None:
    """Put in an axis of length 1."""
    seen, axis = call.inputs[0][1], call.args["dim"] % call.output.ndim
    rows, columns = (each + (axis <= each) for each in (seen.rows, seen.columns))
    return None if seen.merged else replace(seen, rows=rows, columns=columns)


def joined(call: Call) -> Seen | None:
    """Lay tensors side by side along an axis that is not the picture's."""
    (x, first), *_ = call.inputs
    stacked = call.output.ndim > x.ndim
    axis = call.args.get("dim", 0) % call.output.ndim
    same = all(
        (seen.rows, seen.columns, seen.merged) == (first.rows, first.columns, None) for _, seen in call.inputs
    )
    if call.constants or not same or (not stacked and axis in (first.rows, first.columns)):
        return None
    field = reduce(ReceptiveField.joined, (seen.field for _, seen in call.inputs))
    rows, columns = (each + (stacked and axis <= each) for each in (first.rows, first.columns))
    return Seen(field, rows, columns)
