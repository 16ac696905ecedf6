"""What programs read from files may do: PyTorch's operations that compute a tensor, and arithmetic of sizes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.batch_norm import ATEN as NORMS
from batcountry.errors import ModelError

_MOST_ITEMS = 10_000  # of a list

_NAMES = """
    conv1d conv2d conv3d convolution _convolution conv_transpose1d conv_transpose2d conv_transpose3d
    linear addmm addmv addbmm baddbmm matmul mm bmm mv dot outer einsum bilinear
    layer_norm native_layer_norm group_norm native_group_norm rms_norm _fused_rms_norm
    linalg_vector_norm linalg_norm linalg_matrix_norm norm frobenius_norm norm_except_dim cosine_similarity pairwise_distance
    cdist _cdist_forward _euclidean_dist _weight_norm _weight_norm_interface
    fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn
    fft_fftshift fft_ifftshift _fft_r2c _fft_c2r _fft_c2c complex polar real imag angle conj _conj resolve_conj resolve_neg
    view_as_real view_as_complex

    prelu _prelu_kernel leaky_relu leaky_relu_ elu elu_ selu selu_ celu celu_ gelu silu silu_ mish mish_ softplus glu
    sigmoid sigmoid_ log_sigmoid log_sigmoid_forward tanh tanh_ hardswish hardswish_ hardsigmoid hardsigmoid_
    hardshrink softshrink threshold threshold_ softmax _softmax log_softmax _log_softmax

    max_pool1d max_pool2d max_pool2d_with_indices max_pool3d avg_pool1d avg_pool2d avg_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    max_unpool2d im2col col2im grid_sampler grid_sampler_2d affine_grid_generator
    upsample_nearest1d upsample_nearest2d upsample_linear1d upsample_bilinear2d upsample_bicubic2d _upsample_nearest_exact2d
    _upsample_bilinear2d_aa _upsample_bicubic2d_aa pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    pad constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d _pad_circular
    scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_flash_attention_for_cpu

    embedding lstm gru rnn_tanh rnn_relu vdot mH matrix_exp linalg_matrix_exp linalg_inv linalg_solve
    mean sum prod amax amin aminmax max min median var std var_mean std_mean cumsum cumprod logsumexp logcumsumexp all any
    argmax argmin argsort sort topk kthvalue count_nonzero
    add add_ sub sub_ rsub mul mul_ div div_ neg neg_ abs abs_ pow pow_ float_power fmod addcmul addcmul_ addcdiv addcdiv_ lerp
    true_divide divide multiply subtract negative absolute square square_ sqrt sqrt_ rsqrt rsqrt_ reciprocal reciprocal_
    exp exp_ exp2 expm1 log log_ log2 log10 log1p sin sin_ cos cos_ tan sinh cosh asin acos atan asinh acosh atanh atan2 sinc
    erf erfc erfinv sign sgn logit frac trunc fix nan_to_num deg2rad rad2deg xlogy hypot
    clamp clamp_ clamp_min clamp_min_ clamp_max clamp_max_ clip clip_ minimum maximum fmax fmin floor floor_ ceil ceil_
    round round_
    where eq ne lt le gt ge isnan isinf isfinite isclose logical_and logical_or logical_not logical_xor
    bitwise_not bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift __and__ __or__ __xor__
    floor_divide remainder bucketize searchsorted kron

    cat concat stack hstack vstack dstack column_stack split split_with_sizes chunk tensor_split unsafe_split unsafe_chunk unbind
    slice select narrow flatten unflatten view view_as _unsafe_view _reshape_alias reshape reshape_as ravel
    permute transpose t swapaxes swapdims movedim moveaxis adjoint mT squeeze squeeze_ unsqueeze unsqueeze_
    expand expand_as broadcast_to broadcast_tensors repeat tile repeat_interleave roll flip fliplr flipud rot90 unfold
    index index_select index_add index_copy index_fill index_put gather scatter scatter_add scatter_reduce take take_along_dim
    slice_scatter select_scatter diagonal_scatter masked_fill masked_fill_ masked_scatter tril triu diag diagonal
    diag_embed meshgrid one_hot
    view_copy permute_copy expand_copy copy_ fill fill_ zero_
    contiguous clone alias detach detach_ lift_fresh lift_fresh_copy dropout dropout_ feature_dropout alpha_dropout
    feature_alpha_dropout
    native_dropout to type_as _to_copy
    zeros zeros_like ones ones_like full full_like new_zeros new_ones new_full scalar_tensor arange linspace eye
"""


def _number_or(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation of tensors that is also one of sizes."""
    tensors = getattr(torch.ops.aten, name)

    def run(*given: Any, **named: Any) -> Any:
        if not named and all(isinstance(each, (int, float, list)) for each in given):
            return _small(plain(*given))
        return tensors(*given, **named)

    return run


def _small(value: Any) -> Any:
    """Return a number of at most 64 bits or a list that is not long; Python's may have any size, and take any time."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise ModelError("a number of the program has more than 64 bits, which no size has")
    if isinstance(value, list) and len(value) > _MOST_ITEMS:
        raise ModelError(f"a list of the program has more than {_MOST_ITEMS:,} items")
    return value


def _product(x: Any, y: Any) -> Any:
    """Return a product of numbers, or a list so many times."""
    items, times = (x, y) if isinstance(x, list) else (y, x)
    if isinstance(items, list) and isinstance(times, int) and len(items) * times > _MOST_ITEMS:
        raise ModelError(f"a list of the program has more than {_MOST_ITEMS:,} items")
    return x * y


def _power(x: Any, y: Any) -> Any:
    if isinstance(x, int) and isinstance(y, int) and abs(x) > 1 and x.bit_length() * y > 128:
        raise ModelError("a number of the program has more than 64 bits, which no size has")
    return x**y


def _list(*items: Any) -> list[Any]:
    """Return a list; one of lists of lists, which may be endless to look through, is none of PyTorch's."""
    inner = [each for item in items if isinstance(item, (list, tuple)) for each in item]
    if any(isinstance(each, (list, tuple)) for each in inner):
        raise ModelError("the program has lists in lists in lists, which no operation of PyTorch takes")
    return list(items)


def _size(x: Tensor, axis: int | None = None) -> Any:
    return list(x.shape) if axis is None else x.shape[axis]


def _slice(x: Any, *given: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return list(x)[slice(*given)]
    return torch.ops.aten.slice(x, *given)


def _pieces(x: Tensor, cuts: Any, *axis: int) -> Any:
    if isinstance(cuts, int) and cuts > _MOST_ITEMS:
        raise ModelError(
            f"the program cuts a tensor into {cuts:,} pieces, and at most {_MOST_ITEMS:,} are taken"
        )
    return torch.tensor_split(x, cuts, *axis)


def _rrelu(x: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, *_: Any) -> Tensor:
    """Return what `rrelu` gives in evaluation."""
    return F.leaky_relu(x, (lower + upper) / 2)


def _copied(x: Tensor, source: Tensor, *_: Any) -> Tensor:
    return source.to(x.dtype).expand_as(x).clone()


def _cast(dtype: torch.dtype) -> Callable[..., Any]:
    return lambda x, *_: x.to(dtype)


_SIZES: dict[str, Callable[..., Any]] = {
    **{name: _number_or(name, getattr(operator, name)) for name in ("add", "sub", "neg", "eq", "ne")},
    "mul": _number_or("mul", _product),
    "pow": _number_or("pow", _power),
    **{name: _number_or(name, getattr(operator, name)) for name in ("lt", "le", "gt", "ge")},
    "div": _number_or("div", operator.truediv),
    "floor_divide": _number_or("floor_divide", operator.floordiv),
    "remainder": _number_or("remainder", operator.mod),
    "ceil": _number_or("ceil", math.ceil),
    "floor": _number_or("floor", math.floor),
    "sqrt": _number_or("sqrt", math.sqrt),
    "rsub": _number_or("rsub", lambda x, other, alpha=1: other - alpha * x),
    "max": _number_or("max", max),
    "min": _number_or("min", min),
    "slice": _slice,
    "__not__": operator.not_,
    "__is__": operator.is_,
    "__isnot__": operator.is_not,
    "Bool": bool,
    "floordiv": lambda x, y: _small(x // y),
    "truediv": operator.truediv,
    "mod": operator.mod,
    "and_": operator.and_,
    "or_": operator.or_,
    "size": _size,
    "sym_size": _size,
    "numel": lambda x: x.numel(),
    "sym_numel": lambda x: x.numel(),
    "dim": lambda x: x.dim(),
    "len": len,
    "getitem": operator.getitem,
    "Int": int,
    "Float": float,
    "same": lambda x: x,
    "list": _list,
    "dict": lambda *items: dict(zip(items[::2], items[1::2], strict=True)),
    "dtype": lambda x: x.dtype,
    "device": lambda x: x.device,
    "is_floating_point": lambda x: x.is_floating_point(),
}

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch.ops.aten, name) for name in _NAMES.split() if hasattr(torch.ops.aten, name)},
    **NORMS,
    # In the words of torch, so that what changes those for a while changes these.
    "relu": torch.relu,
    "relu_": torch.relu_,
    "relu6": F.relu6,
    "copy": _copied,  # PyTorch's has no gradient
    "rrelu": _rrelu,
    "tensor_split": _pieces,
    # What has no numbers yet has zeros here, so that nothing depends on what was in the memory.
    "empty": torch.ops.aten.zeros,
    "empty_like": torch.ops.aten.zeros_like,
    "new_empty": torch.ops.aten.new_zeros,
    "relu6_": lambda x: F.relu6(x, inplace=True),
    "hardtanh": F.hardtanh,
    "hardtanh_": F.hardtanh_,
    "float": _cast(torch.float32),
    "double": _cast(torch.float64),
    "half": _cast(torch.float16),
    "bfloat16": _cast(torch.bfloat16),
    "long": _cast(torch.int64),
    "int": _cast(torch.int32),
    "bool": _cast(torch.bool),
    **_SIZES,
}
"""What a program may do, by name: PyTorch's operations that compute a tensor, and arithmetic of sizes."""
