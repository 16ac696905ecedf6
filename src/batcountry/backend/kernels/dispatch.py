"""Whether loops of our own may run in place of PyTorch's operations.

They are compiled by Numba when they are first needed, which takes half a second each, once on a
machine: Numba keeps them beside the package, or in the user's own cache where it cannot write there.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.kernels.card import compiled
from batcountry.backend.redirected_relu import is_redirecting

log = logging.getLogger("batcountry")

_DTYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


@cache
def loops(name: str) -> Any:
    """Return a module of `batcountry.backend.kernels.loops`."""
    return import_module(f"batcountry.backend.kernels.loops.{name}")


def kind(*tensors: Tensor) -> str | None:
    """Return the name of the type of numbers that loops know tensors by, or None if PyTorch has to do it.

    Loops work on the CPU, in float32 or bfloat16, and on channels-last (N, C, H, W); not while ReLUs are
    redirected, since theirs are not.
    """
    first = tensors[0]
    fits = all(
        each.device.type == "cpu"
        and each.dtype == first.dtype
        and each.ndim == 4
        and each.is_contiguous(memory_format=torch.channels_last)
        for each in tensors
    )
    name = _DTYPES.get(first.dtype) if fits and first.numel() else None
    return name if name and not is_redirecting() and has_numba() else None


def on_card(x: Tensor) -> bool:
    """Whether loops for graphics cards run on a tensor, of a type that they know; else as `kind` has it."""
    return (
        is_card(x)
        and x.ndim == 4
        and x.numel() > 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and not is_redirecting()
        and compiled.compiles(x.dtype, x.device.index)
    )


def is_card(x: Tensor) -> bool:
    """Whether a tensor lies where loops for graphics cards are the only ones there are."""
    return x.device.type in compiled.DEVICES


def compiled_loops() -> int:
    """Return how many loops this process has compiled so far; each takes some memory, once on a machine."""
    team = sys.modules.get(
        "batcountry.backend.kernels.loops.threads"
    )  # Numba takes a second to import, and may not be needed
    return 0 if team is None else int(team.Loop.compiled)


def float_bits(value: float) -> int:
    """Return the bits of a float64 as a whole number, which is what loops take."""
    return int(np.float64(value).view(np.int64))


def channels_last(tensor: Tensor) -> Tensor:
    """Return a tensor laid out channels-last, itself if it is."""
    return tensor.contiguous(memory_format=torch.channels_last)


@cache
def has_numba() -> bool:
    """Whether Numba is here and compiles these loops; some processors and Pythons have none."""
    return compiles("lrn", "forward", torch.float32)


def compiles(module: str, name: str, dtype: torch.dtype) -> bool:
    """Whether Numba is here and compiles a loop for a type of numbers; if it is here and does not, that is said."""
    try:
        getattr(loops(module), name)[_DTYPES[dtype]].compile()
    except ImportError:
        return False
    except Exception as error:  # another Numba or LLVM than these were written for: a dream goes on without
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        log.warning("Numba does not compile this program's loops (%s), so PyTorch's slower ones run", reason)
        return False
    return True
