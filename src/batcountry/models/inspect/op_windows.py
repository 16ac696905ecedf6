"""What PyTorch's own operations see of their inputs: which windows, and along which axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from batcountry.backend.receptive_field import Window
from batcountry.models.inspect.op_axes import (
    along,
    apart,
    batch_norm,
    expanded,
    joined,
    last_axes,
    matrix,
    permuted,
    pointwise,
    unsqueezed,
    viewed,
)
from batcountry.models.inspect.op_calls import Call, Rule, Seen

_POINTWISE = """
    add sub rsub mul div neg abs square pow sqrt rsqrt reciprocal exp expm1 log log1p log2 sin cos tan tanh sinh cosh asin acos
    atan asinh acosh atanh erf sigmoid logit relu relu6 leaky_relu elu celu selu gelu silu mish softplus hardtanh hardswish
    hardsigmoid hardshrink softshrink threshold log_sigmoid_forward _prelu_kernel clamp clamp_min clamp_max minimum maximum where
    lerp addcmul addcdiv masked_fill floor ceil round trunc frac sign eq ne lt le gt ge logical_and logical_or logical_not
    bitwise_and bitwise_or bitwise_not clone alias detach contiguous lift_fresh lift_fresh_copy _to_copy to type_as dropout
    native_dropout fill zero copy zeros_like ones_like full_like empty_like remainder fmod atan2 nan_to_num isnan isfinite
"""

_ALONG = """
    mean sum amax amin max min var std var_mean prod linalg_vector_norm norm logsumexp all any argmax argmin _softmax _log_softmax
    softmax log_softmax cumsum cumprod sort topk
"""


def rule_of(name: str) -> Rule | None:
    """Return the rule of an operation of `torch.ops.aten`, or None if there is none."""
    return RULES.get(name) or RULES.get(name.removesuffix("_"))


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
        return None if window is None else replace(only[1], field=only[1].field.through(window))

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


RULES: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE.split(), pointwise),
    **dict.fromkeys(_ALONG.split(), along),
    **dict.fromkeys(("native_layer_norm", "_fused_rms_norm", "rms_norm", "layer_norm"), last_axes),
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit", "batch_norm"), batch_norm),
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "cudnn_batch_norm"), batch_norm),
    **dict.fromkeys(("mm", "addmm", "linear"), matrix),
    **dict.fromkeys(("convolution", "_convolution"), _sliding(_convolution)),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"), _sliding(_pool)),
    "constant_pad_nd": _sliding(_constant_padding),
    "replication_pad2d": _sliding(_repeated_padding(0)),
    "reflection_pad2d": _sliding(_repeated_padding(1)),
    "upsample_nearest2d": _sliding(_upsampled(0, 0)),
    "upsample_bilinear2d": _sliding(_upsampled(2, 1)),
    "upsample_bicubic2d": _sliding(_upsampled(3, 2)),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _sliding(_pixels)),
    **dict.fromkeys(("permute", "transpose", "t"), permuted),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze"), viewed),
    "expand": expanded,
    "unsqueeze": unsqueezed,
    **dict.fromkeys(
        ("slice", "select", "split", "split_with_sizes", "chunk", "unbind", "roll", "flip"), apart
    ),
    "index_select": apart,
    **dict.fromkeys(("cat", "stack"), joined),
}
"""How to follow PyTorch's operations, by name; what else there is sees the whole picture as far as anybody can tell."""
