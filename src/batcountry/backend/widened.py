"""bfloat16 on processors that have no instruction for it: rounded where bfloat16 is, multiplied as float32.

Each product's numbers are bfloat16 and so is its result, as with the instruction, whose sums are float32 too. So pictures
are the same to rounding, in little more than the time of float32.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from batcountry.backend.processor import has_bfloat16

log = logging.getLogger("batcountry")

_PRODUCTS: frozenset[Callable[..., Any]] = frozenset(
    {
        *(F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d),
        *(torch.conv1d, torch.conv2d, torch.conv3d, F.linear, F.bilinear, F.scaled_dot_product_attention),
        F.multi_head_attention_forward,  # whole: a mode is not asked for what a function written in Python calls
        *(torch.matmul, torch.mm, torch.bmm, torch.mv, torch.addmm, torch.baddbmm, torch.addbmm),
        *(torch.einsum, torch.tensordot, torch.inner),
        *(Tensor.matmul, Tensor.__matmul__, Tensor.__rmatmul__, Tensor.mm, Tensor.bmm, Tensor.mv),
        *(Tensor.addmm, Tensor.baddbmm, Tensor.addbmm),
    }
)


def is_widened(x: Tensor) -> bool:
    """Whether products of a tensor's numbers have to be made as float32."""
    return x.dtype == torch.bfloat16 and x.device.type == "cpu" and not has_bfloat16()


@contextmanager
def widened_products(device: torch.device) -> Iterator[None]:
    """Have convolutions and matrix products of bfloat16 that run in this block be made as float32, where that is needed.

    Works for PyTorch's functions, of tensors and under autocast; what TorchScript runs is left as it is. It is the forward
    pass that has to be in the block.
    """
    if device.type != "cpu" or has_bfloat16():
        yield
        return
    _say_so()
    with _Mode():
        yield


@cache
def _say_so() -> None:
    log.warning(
        "this processor has no instructions for bfloat16, so fast rounds to it and multiplies float32; exact is as quick here"
    )


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _PRODUCTS or not _is_narrow(*args, *kwargs.values()):
            return func(*args, **kwargs)
        with torch.autocast("cpu", enabled=False):
            result = func(*map(_wide, args), **{name: _wide(each) for name, each in kwargs.items()})
        return _narrow(result)


def _is_narrow(*arguments: Any) -> bool:
    """Whether a product would be one of bfloat16: some of its numbers are, or autocast makes them so."""
    if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16:
        return True
    return any(isinstance(each, Tensor) and each.dtype == torch.bfloat16 for each in arguments)


def _narrow(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_narrow, result))
    return result.to(torch.bfloat16) if isinstance(result, Tensor) else result


def _wide(argument: Any) -> Any:
    if isinstance(argument, (list, tuple)):
        return type(argument)(map(_wide, argument))
    if isinstance(argument, Tensor) and argument.dtype in (torch.float32, torch.bfloat16):
        return argument.to(torch.bfloat16).float()
    return argument
