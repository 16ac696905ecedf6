"""What the processor and PyTorch's library for it can multiply."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch


@cache
def has_onednn(dtype: torch.dtype) -> bool:
    """Whether PyTorch was built with oneDNN and it computes in a type of numbers here."""
    ops = torch.ops.mkldnn
    built = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not built or not hasattr(ops, "_convolution_pointwise"):
        return False
    if dtype == torch.bfloat16:
        return bool(ops._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 faster than float32, as far as is known: with AMX or AVX512-BF16."""
    return uses_avx512() and bool(cpu_flags() & {"amx_bf16", "avx512_bf16"})


def has_bfloat16() -> bool:
    """Whether oneDNN has instructions for bfloat16 here; without, its code for it takes ten times as long as float32's."""
    if not has_onednn(torch.bfloat16):
        return False
    known_to_lack = "avx2" in cpu_flags() and not has_fast_bfloat16()
    return not known_to_lack


def uses_avx512() -> bool:
    """Whether PyTorch and its oneDNN use AVX-512: `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` may keep them from it."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and has_onednn(torch.bfloat16)


@cache
def cpu_flags() -> frozenset[str]:
    """Return what Linux says the processor can do; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))
