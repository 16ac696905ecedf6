"""Choosing where to run, and how much memory there is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
import torch
from torch import Tensor

from batcountry.backend.allocator import resident_memory
from batcountry.backend.kernels.onednn_conv import has_onednn
from batcountry.backend.threads import CGROUPS
from batcountry.errors import RecipeError

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


def used_memory(device: torch.device) -> int:
    """Return the bytes in use: of this process, or by tensors on a graphics card."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return resident_memory()


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be taken without pushing anything out, as far as the system or its container says."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit = int((CGROUPS / "memory.max").read_text())
        free = min(free, limit - int((CGROUPS / "memory.current").read_text()))
    return max(free, 0)


def spare_memory(device: torch.device) -> int:
    """Return the bytes that a graphics card has for more work, with a tenth left, and what PyTorch holds unused; else 0."""
    if device.type != "cuda":
        return 0
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free_memory(device) * 9 // 10 + held


def peak_of(work: Callable[[], object], device: torch.device) -> int:
    """Do some work, and return the bytes that it took on a graphics card at most, beside what was there; else 0."""
    if device.type != "cuda":
        work()
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return max(0, torch.cuda.max_memory_allocated(device) - before)


def widened(number: Tensor | float, like: Tensor) -> Tensor:
    """Return a number as a tensor without axes in float64, or float32 where the device of `like` has nothing wider."""
    dtype = torch.float32 if like.device.type == "mps" else torch.float64
    return torch.as_tensor(number, dtype=dtype, device=like.device).detach()


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the CPU on a device; nobody waits until it is there."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


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
    cuda = device.type == "cuda"
    before = used_memory(device)
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    work()
    if cuda:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - begun
    peak = torch.cuda.max_memory_allocated(device) if cuda else used_memory(device)
    return peak - before, seconds


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32: AMX, AVX512-BF16, or NVIDIA's from Ampere on."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _uses_avx512() and bool(_cpu_flags() & {"amx_bf16", "avx512_bf16"})


def _uses_avx512() -> bool:
    """Whether PyTorch and its oneDNN use AVX-512: `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` may keep them from it."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and has_onednn(torch.bfloat16)


@cache
def _cpu_flags() -> frozenset[str]:
    """Return what Linux says the processor can do; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))
