"""What machine this is: its processor, what of that PyTorch uses, and the device that dreams run on."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

import psutil
import torch

from batcountry.backend.processor import has_fast_bfloat16


def processor_name() -> str:
    """Return what the system calls its processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def instructions_used() -> str:
    """Return which of a processor's instructions for many numbers at once PyTorch uses here, such as `AVX512, bfloat16`."""
    widest = torch.backends.cpu.get_cpu_capability()
    return f"{widest}, bfloat16" if has_fast_bfloat16() else str(widest)


def device_name(device: torch.device) -> str:
    """Return what a device is called by who made it."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return processor_name()


def total_memory(device: torch.device) -> int:
    """Return the bytes of memory that a device has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "xpu":
        return int(torch.xpu.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().total)
