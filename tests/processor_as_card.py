"""The loops for graphics cards on a processor: the same source, compiled by the C++ compiler that is here, a thread after the other."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from torch import Tensor

from batcountry.backend.kernels.card import compiled

COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")

_PROCESSOR = """
#include <cmath>
#include <cstring>
#define DEVICE static inline
#define UNROLL
#define __global__
struct Place { unsigned x; };
static Place threadIdx, blockIdx, blockDim = {1};
DEVICE float float_of(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
DEVICE unsigned bits_of(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }
DEVICE float inverse_root(float x) { return 1.0f / sqrtf(x); }
DEVICE float square_root(float x) { return sqrtf(x); }
DEVICE float wide_half(unsigned short bits) { _Float16 x; memcpy(&x, &bits, 2); return x; }
DEVICE unsigned short narrow_half(float x) {
    _Float16 y = x; unsigned short bits; memcpy(&bits, &y, 2); return bits;
}
"""

_RUN = """
typedef void (*Loop)(const void *, const void *, const void *, void *, void *, Numbers);
extern "C" void run(Loop loop, const void *a, const void *b, const void *c, void *y, void *z, Numbers n) {
    for (blockIdx.x = 0; blockIdx.x < n.count; blockIdx.x++) loop(a, b, c, y, z, n);
}
"""


@cache
def _library(part: str, dtype: torch.dtype) -> ctypes.CDLL:
    folder = Path(mkdtemp())
    text = compiled.source(dtype, part).replace(compiled.CARD, _PROCESSOR) + _RUN
    (folder / "kernels.cpp").write_text(text)
    command = [
        str(COMPILER),
        "-O1",
        "-w",
        "-std=c++17",
        "-shared",
        "-fPIC",
        "kernels.cpp",
        "-o",
        "kernels.so",
    ]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "kernels.so"))
    shutil.rmtree(folder)
    return library


def start(
    name: str,
    like: Tensor,
    read: Sequence[Tensor | None],
    written: Sequence[Tensor],
    given: compiled.Numbers,
) -> None:
    """Do what `compiled.start` does."""
    library = _library(compiled.part_of(name), like.dtype)
    addresses = [0 if each is None else each.data_ptr() for each in read] + [0] * (3 - len(read))
    addresses += [each.data_ptr() for each in written] + [0] * (2 - len(written))
    library.run(ctypes.cast(getattr(library, name), ctypes.c_void_p), *map(ctypes.c_void_p, addresses), given)


@pytest.fixture
def processor_as_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is for a card run on the processor."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler here to try the card's loops with")
    try:
        _library("windows", torch.float16)
    except subprocess.CalledProcessError:
        pytest.skip("the C++ compiler here is too old for the card's loops: it lacks float16")
    monkeypatch.setattr(compiled, "DEVICES", {"cpu"})
    monkeypatch.setattr(compiled, "compiles", lambda dtype, _: dtype in compiled.NUMBERS)
    monkeypatch.setattr(compiled, "start", start)
