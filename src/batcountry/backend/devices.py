"""Choosing where to run, and how much memory there is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import torch
from torch import Tensor

from batcountry.backend.allocator import resident_memory
from batcountry.backend.processor import has_fast_bfloat16
from batcountry.backend.threads import CGROUPS
from batcountry.errors import RecipeError

_CARDS = ("cuda", "xpu")
"""Kinds of devices of which PyTorch says how much memory is in use."""

AUTO = "BATCOUNTRY_DEVICE"
"""The environment variable that names the device which `auto` is."""


def pick_device(name: str) -> torch.device:
    """Return the torch device of a name.

    `auto` is what the environment variable `BATCOUNTRY_DEVICE` names, or else the first there is of cuda, mps, xpu and cpu.

    Raises
    ------
    RecipeError
        If there is no such device here, or several are named.
    """
    named = os.environ.get(AUTO) if name == "auto" else None
    name, source = named or name, f", which {AUTO} names" if named else ""
    _check_one(name, source and f"{source},")
    if name == "auto":
        return torch.device(next((kind for kind in ("cuda", "mps", "xpu") if _available(kind)), "cpu"))
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        here = ", ".join(["auto", "cpu", *(kind for kind in ("cuda", "mps", "xpu") if _available(kind))])
        raise RecipeError(f"there is no device {name!r} here{source}; there are {here}") from error
    if device.type == "meta":
        raise RecipeError("the device 'meta' computes nothing; use auto or cpu")
    return device


def _check_one(name: str, source: str) -> None:
    """Raise `RecipeError` for a name of several devices, in any of the ways in which programs write that."""
    if re.search(r"[,;+&*|]|\s\S|\d-\d|\d:\d|\ball\b", name.strip()):
        raise RecipeError(
            f"{name!r}{source} is more than one device, and a dream runs on one: each step needs the whole gradient of the one "
            "before, so several would wait for each other; name one, and dream on other pictures on the others"
        )


def _available(kind: str) -> bool:
    backend = torch.backends.mps if kind == "mps" else getattr(torch, kind, None)
    return bool(backend and backend.is_available())


def has_own_memory(device: torch.device) -> bool:
    """Whether a device's tensors lie in memory of its own, of which PyTorch says how much is in use."""
    return device.type in _CARDS


def _module(device: torch.device) -> Any:
    """Return PyTorch's module of a kind of device, such as `torch.cuda`."""
    return getattr(torch, device.type)


def used_memory(device: torch.device) -> int:
    """Return the bytes in use: of this process, or by tensors on a graphics card."""
    if has_own_memory(device):
        return int(_module(device).memory_allocated(device))
    return resident_memory()


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be taken without pushing anything out, as far as the system or its container says."""
    if has_own_memory(device):
        card = _module(device)
        kept = card.memory_reserved(device) - card.memory_allocated(device)
        return int(card.mem_get_info(device)[0]) + kept
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit = int((CGROUPS / "memory.max").read_text())
        free = min(free, limit - int((CGROUPS / "memory.current").read_text()))
    return max(free, 0)


FAST_TYPES: dict[str, tuple[torch.dtype, torch.dtype]] = {
    "cpu": (torch.bfloat16, torch.bfloat16),
    "cuda": (torch.float16, torch.bfloat16),
    "mps": (torch.float16, torch.bfloat16),
    "xpu": (torch.float16, torch.bfloat16),
}
"""In which type a network runs fast on a kind of device: one whose numbers are known to stay small, and any other.

Both are as quick where both are; float16 is four times as precise and ends at 65,504. Processors have instructions for bfloat16.
"""


def widest_float(device: torch.device) -> torch.dtype:
    """Return the most precise type of fractions that a device has: Apple's have no float64, nor have all of Intel's."""
    return torch.float64 if device.type in ("cpu", "cuda") else torch.float32


def spare_memory(device: torch.device) -> int:
    """Return the bytes that a graphics card has for more work, with a tenth left; else 0."""
    return free_memory(device) * 9 // 10 if has_own_memory(device) else 0


def widened(number: Tensor | float, like: Tensor) -> Tensor:
    """Return a number as a tensor without axes in float64, or float32 where the device of `like` has nothing wider."""
    wide = widest_float(like.device)
    if isinstance(number, Tensor):
        return number.detach().to(like.device, wide)
    return torch.full((), number, dtype=wide, device=like.device)  # filled there: no number is brought up


CardFull = torch.cuda.OutOfMemoryError
"""What PyTorch raises where a graphics card's memory is full."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that memory ran out."""
    while error is not None:
        if isinstance(error, (MemoryError, CardFull)) or "allocate memory" in str(error):
            return True
        error = error.__cause__
    return False


def measured(work: Callable[[], object], device: torch.device) -> tuple[int, float]:
    """Do some work on a device, and return the bytes that it had in use at most beside what there was, and its seconds."""
    card = _module(device) if has_own_memory(device) else None
    before = used_memory(device)
    if card is not None:
        card.reset_peak_memory_stats(device)
        card.synchronize(device)
    begun = time.perf_counter()
    work()
    if card is not None:
        card.synchronize(device)
    seconds = time.perf_counter() - begun
    peak = used_memory(device) if card is None else card.max_memory_allocated(device)
    return peak - before, seconds


def fast_type(device: torch.device, *, small: bool) -> torch.dtype:
    """Return the type in which a network runs fast on a device; `small` says that its numbers stay far below 65,504."""
    return FAST_TYPES.get(device.type, FAST_TYPES["cpu"])[0 if small else 1]


def is_fast(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a device multiplies a type faster than float32.

    bfloat16: with AMX, AVX512-BF16, or NVIDIA's cards from Ampere on. float16: NVIDIA's from Volta on.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= ((7, 0) if dtype == torch.float16 else (8, 0))
    return device.type == "cpu" and dtype == torch.bfloat16 and has_fast_bfloat16()
