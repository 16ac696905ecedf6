"""What PyTorch's own operations see of their inputs: which windows, and along which axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

from torch import Tensor

from batcountry.backend.receptive_field import ReceptiveField, Window


@dataclass(frozen=True)
class Seen:
    """What the units of a tensor see of the picture.

    Attributes
    ----------
    field
        Their receptive field.
    rows, columns
        The tensor's axes along which the picture's rows and columns lie.
    trail
        A hash of all operations, with their numbers, that led here.
    merged
        The lengths of all axes but the last before those were laid out as one, if they were; `rows` and `columns` are of then.
    """

    field: ReceptiveField
    rows: int
    columns: int
    trail: int = 0
    merged: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the picture."""

    trail: int


State = Seen | Constant | None
"""Of one tensor; None if it depends on the picture in a way that is not known."""


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes
    ----------
    args
        Its arguments by name, with defaults.
    inputs
        Those that depend on the picture, at least one, and what they see.
    constants
        Those tensors that do not.
    output
        The first tensor that it gives.
    """

    args: Mapping[str, Any]
    inputs: Sequence[tuple[Tensor, Seen]]
    constants: Sequence[Tensor]
    output: Tensor

    def only(self, *names: str) -> tuple[Tensor, Seen] | None:
        """Return the one input that depends on the picture, if it is the argument with one of these names."""
        ((x, seen), *more) = self.inputs
        named = names or ("input", "self")
        return None if more or all(x is not self.args.get(name) for name in named) else (x, seen)


Rule = Callable[[Call], "Seen | None"]
"""From a call to what its outputs see; None if that is unknown."""

_POINTWISE = """
    add sub rsub mul div neg abs square pow sqrt rsqrt reciprocal exp expm1 log log1p log2 sin cos tan tanh sinh cosh asin acos atan
    asinh acosh atanh erf sigmoid logit relu relu6 leaky_relu elu celu selu gelu silu mish softplus hardtanh hardswish hardsigmoid
    hardshrink softshrink threshold log_sigmoid_forward _prelu_kernel clamp clamp_min clamp_max minimum maximum where lerp addcmul
    addcdiv masked_fill floor ceil round trunc frac sign eq ne lt le gt ge logical_and logical_or logical_not bitwise_and bitwise_or
    bitwise_not clone alias detach contiguous lift_fresh lift_fresh_copy _to_copy to type_as dropout native_dropout fill zero copy
    zeros_like ones_like full_like empty_like remainder fmod atan2 nan_to_num isnan isfinite
"""

_ALONG = """
    mean sum amax amin max min var std var_mean prod linalg_vector_norm norm logsumexp all any argmax argmin _softmax _log_softmax softmax
    log_softmax cumsum cumprod sort topk
"""

_SIZES = frozenset(
    ("size", "output_size", "input_size", "dtype", "layout", "device", "pin_memory", "memory_format")
)
"""Names of arguments that may depend on the picture's size, or are no numbers."""


def rule_of(name: str) -> Rule | None:
    """Return the rule of an operation of `torch.ops.aten`, or None if there is none."""
    return RULES.get(name) or RULES.get(name.removesuffix("_"))


def numbers_of(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that are no tensors and must not depend on the picture's size, as text."""
    return tuple(
        f"{name}={value}"
        for name, value in args.items()
        if name not in _SIZES and not isinstance(value, Tensor) and not _has_tensors(value)
    )


def _has_tensors(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(each, Tensor) for each in value)


def _pointwise(call: Call) -> Seen | None:
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


def _along(call: Call) -> Seen | None:
    """Work along axes that are not the picture's."""
    given, only = call.args.get("dim"), call.only()
    if only is None or given is None or given == [] or only[1].merged:
        return None
    (x, seen), axes = only, _axes(given, only[0].ndim)
    if axes & {seen.rows, seen.columns}:
        return None
    return seen if call.output.ndim == x.ndim else _without(seen, axes)


def _last_axes(call: Call) -> Seen | None:
    """Normalize along the last axes."""
    only, last = call.only(), len(call.args["normalized_shape"])
    if only is None:
        return None
    x, seen = only
    inside = last == 1 if seen.merged else max(seen.rows, seen.columns) < x.ndim - last
    return seen if inside else None


def _batch_norm(call: Call) -> Seen | None:
    only = call.only()
    if only is None or call.args.get("training", False):
        return None
    return only[1] if only[1].merged or min(only[1].rows, only[1].columns) > 1 else None


def _matrix(call: Call) -> Seen | None:
    """Multiply the last axis by a matrix of weights."""
    only = call.only("mat1") if "mat1" in call.args else call.only()
    if only is None or any(weight.ndim > 1 for weight in call.constants if weight is call.args.get("self")):
        return None
    x, seen = only
    return seen if seen.merged or max(seen.rows, seen.columns) < x.ndim - 1 else None


def _sliding(find: Callable[[Call, Tensor], Window | None]) -> Rule:
    """Return the rule of an operation that slides a window over the last two of four axes."""

    def rule(call: Call) -> Seen | None:
        only = call.only()
        if (
            only is None
            or only[0].ndim != 4
            or (only[1].rows, only[1].columns, only[1].merged) != (2, 3, None)
        ):
            return None
        window = find(call, only[0])
        return window and replace(only[1], field=only[1].field.through(window))

    return rule


def _convolution(call: Call, x: Tensor) -> Window | None:  # noqa: ARG001
    args = call.args
    window = sliding(tuple(args["weight"].shape[2:]), args["stride"], args["padding"], args["dilation"])
    if window and args["transposed"]:  # seen from its output the window is the other way round
        return Window(window.after, window.before, upscale=window.stride)
    return window


def _pool(call: Call, x: Tensor) -> Window | None:  # noqa: ARG001
    args, kernel = call.args, call.args["kernel_size"]
    return sliding(kernel, args["stride"] or kernel, args["padding"], args.get("dilation", 1))


def sliding(kernel: Any, stride: Any, padding: Any, dilation: Any) -> Window | None:
    """Return the window of a convolution or a pool, wide enough for both axes; None if its strides differ."""
    pairs = [
        (each, each) if isinstance(each, int) else tuple(each) for each in (kernel, stride, padding, dilation)
    ]
    kernels, strides, paddings, dilations = (each * 2 if len(each) == 1 else each for each in pairs)
    if strides[0] != strides[1]:
        return None
    after = [d * (k - 1) - p for k, p, d in zip(kernels, paddings, dilations, strict=True)]
    return Window(max(paddings), max(after), strides[0])


def _constant_padding(call: Call, x: Tensor) -> Window:  # noqa: ARG001
    left, _, top, _ = [*call.args["pad"], 0, 0][:4]
    return Window(max(left, top), -min(left, top))


def _repeated_padding(mirrored: int) -> Callable[[Call, Tensor], Window]:
    """Return the window of padding that repeats the picture's border (0), or mirrors what is beside it (1)."""

    def window(call: Call, x: Tensor) -> Window:  # noqa: ARG001
        left, right, top, bottom = call.args["padding"]
        return Window(max(left, top) + (1 + mirrored) * max(right, bottom), mirrored * max(left, top))

    return window


def _upsampled(before: int, after: int) -> Callable[[Call, Tensor], Window | None]:
    """Return the window of a picture enlarged a whole number of times, by so many units of its input before and after."""

    def window(call: Call, x: Tensor) -> Window | None:
        args, output = call.args, call.output
        times, rest = divmod(output.shape[2], x.shape[2])
        scales = [args.get("scales_h"), args.get("scales_w"), *(args.get("scale_factors") or [])]
        if rest or output.shape[3] != times * x.shape[3] or args.get("align_corners"):
            return None
        if any(scale is not None and scale != times for scale in scales):
            return None
        return Window(before * times or times - 1, after * times, upscale=times)

    return window


def _pixels(call: Call, x: Tensor) -> Window:
    if "upscale_factor" in call.args:
        return Window(call.args["upscale_factor"] - 1, 0, upscale=call.args["upscale_factor"])
    times = x.shape[2] // call.output.shape[2]
    return Window(0, times - 1, times)


def _permuted(call: Call) -> Seen | None:
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


def _viewed(call: Call) -> Seen | None:
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


def _expanded(call: Call) -> Seen | None:
    (x, seen), *_ = call.inputs
    more = call.output.ndim - x.ndim
    if seen.merged or any(
        x.shape[axis] != call.output.shape[axis + more] for axis in (seen.rows, seen.columns)
    ):
        return None
    return replace(seen, rows=seen.rows + more, columns=seen.columns + more)


def _apart(call: Call) -> Seen | None:
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


def _unsqueezed(call: Call) -> Seen | None:
    seen, axis = call.inputs[0][1], call.args["dim"] % call.output.ndim
    rows, columns = (each + (axis <= each) for each in (seen.rows, seen.columns))
    return None if seen.merged else replace(seen, rows=rows, columns=columns)


def _joined(call: Call) -> Seen | None:
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


RULES: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE.split(), _pointwise),
    **dict.fromkeys(_ALONG.split(), _along),
    **dict.fromkeys(("native_layer_norm", "_fused_rms_norm", "rms_norm", "layer_norm"), _last_axes),
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit", "batch_norm"), _batch_norm),
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "cudnn_batch_norm"), _batch_norm),
    **dict.fromkeys(("mm", "addmm", "linear"), _matrix),
    **dict.fromkeys(("convolution", "_convolution"), _sliding(_convolution)),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"), _sliding(_pool)),
    "constant_pad_nd": _sliding(_constant_padding),
    "replication_pad2d": _sliding(_repeated_padding(0)),
    "reflection_pad2d": _sliding(_repeated_padding(1)),
    "upsample_nearest2d": _sliding(_upsampled(0, 0)),
    "upsample_bilinear2d": _sliding(_upsampled(2, 1)),
    "upsample_bicubic2d": _sliding(_upsampled(3, 2)),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _sliding(_pixels)),
    **dict.fromkeys(("permute", "transpose", "t"), _permuted),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze"), _viewed),
    "expand": _expanded,
    "unsqueeze": _unsqueezed,
    **dict.fromkeys(
        ("slice", "select", "split", "split_with_sizes", "chunk", "unbind", "roll", "flip"), _apart
    ),
    "index_select": _apart,
    **dict.fromkeys(("cat", "stack"), _joined),
}
"""How to follow PyTorch's operations, by name; what else there is sees the whole picture as far as anybody can tell."""
