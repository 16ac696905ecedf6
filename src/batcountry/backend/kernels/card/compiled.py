"""Loops for NVIDIA's cards: compiled by NVRTC, which comes with PyTorch, and started by the card's driver.

NVRTC needs no compiler on the machine, and takes a fraction of a second for all of them, once in a process. They make no plan
for a shape, as cuDNN does for each convolution, so that pictures of a new size cost nothing.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger("batcountry")

NUMBERS = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2}
"""What `kernels.cu` knows types of numbers by."""

SOURCE = Path(__file__).with_name("kernels.cu")

DEVICES = {"cuda"}
"""Kinds of devices that these loops are for."""

_MOST = 1 << 31
_THREADS = 256
_PLACES, _FRACTIONS = 15, 4

CARD = """
#define DEVICE static __device__ __forceinline__
#define UNROLL _Pragma("unroll")
DEVICE float float_of(unsigned bits) { return __uint_as_float(bits); }
DEVICE unsigned bits_of(float x) { return __float_as_uint(x); }
DEVICE float inverse_root(float x) { return 1.0f / sqrtf(x); }
DEVICE float square_root(float x) { return sqrtf(x); }
DEVICE float wide_half(unsigned short x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x)); return y; }
DEVICE unsigned short narrow_half(float x) {
    unsigned short y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y;
}
"""
"""What the card's own language has for the few things that a processor's spells otherwise."""


class Numbers(ctypes.Structure):
    """The numbers that a loop takes; see `kernels.cu`."""

    _fields_ = (
        ("count", ctypes.c_uint),
        ("v", ctypes.c_int * _PLACES),
        ("f", ctypes.c_float * _FRACTIONS),
    )


def numbers(count: int, whole: Sequence[int], fractions: Sequence[float] = ()) -> Numbers:
    """Return the numbers for `count` threads; raises RuntimeError, as where memory runs out, if those are too many."""
    if count >= _MOST:
        raise RuntimeError(f"the card's loops cannot allocate memory for {count:,} numbers at once")
    return Numbers(count, (ctypes.c_int * _PLACES)(*whole), (ctypes.c_float * _FRACTIONS)(*fractions))


def source(dtype: torch.dtype, part: str) -> str:
    """Return a part of the loops, for a type of numbers."""
    return f"#define NUMBER {NUMBERS[dtype]}\n#define PART_{part}\n{CARD}\n{SOURCE.read_text('utf-8')}"


def part_of(name: str) -> str:
    """Return the part that a loop is in."""
    return next(part for part in ("windows", "pool", "depthwise", "lrn") if part in name)


def start(
    name: str, like: Tensor, read: Sequence[Tensor | None], written: Sequence[Tensor], given: Numbers
) -> None:
    """Start a loop of a name for the type of `like`, on its device and current stream, and do not wait for it.

    Parameters
    ----------
    read
        Up to three tensors.
    written
        One or two.
    """
    device = like.device
    addresses = [0 if each is None else each.data_ptr() for each in read]
    addresses += [0] * (3 - len(read)) + [each.data_ptr() for each in written] + [0] * (2 - len(written))
    arguments = [*map(ctypes.c_void_p, addresses), given]
    pointers = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(each) for each in arguments))
    stream = torch.cuda.current_stream(device).cuda_stream
    with torch.cuda.device(device):
        functions = _functions(part_of(name), like.dtype, device.index)
        function = functions[name]
        # The thread of gradients has none before PyTorch's first operation there.
        _driver().cuCtxSetCurrent(functions.context)
        blocks = -(-given.count // _THREADS)
        sizes = (blocks, 1, 1, _THREADS, 1, 1, 0)
        code = _driver().cuLaunchKernel(function, *sizes, ctypes.c_void_p(stream), pointers, None)
    if code:
        raise RuntimeError(f"the card's driver does not start {name} (CUDA error {code})")


@cache
def compiles(dtype: torch.dtype, device: int) -> bool:
    """Whether the loops run on a card; if they should and do not, that is said."""
    if dtype not in NUMBERS or torch.version.cuda is None:
        return False
    try:
        with torch.cuda.device(device):
            _functions("windows", dtype, device)
    except (OSError, RuntimeError, AttributeError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        log.warning(
            "this program's loops for the card cannot be compiled (%s), so PyTorch's slower ones run", reason
        )
        return False
    return True


class _Functions(dict[str, ctypes.c_void_p]):
    """The loops of a module by name, and the context that they belong to."""

    def __init__(self, module: ctypes.c_void_p, context: ctypes.c_void_p) -> None:
        self.module, self.context = module, context

    def __missing__(self, name: str) -> ctypes.c_void_p:
        self[name] = function = ctypes.c_void_p()
        _check(_driver().cuModuleGetFunction(ctypes.byref(function), self.module, name.encode()), name)
        return function


@cache
def _functions(part: str, dtype: torch.dtype, device: int) -> _Functions:
    torch.zeros(1, device=torch.device("cuda", device))  # which makes the card's context, if nothing has yet
    context = ctypes.c_void_p()
    _check(_driver().cuCtxGetCurrent(ctypes.byref(context)), "the card's context")
    major, minor = torch.cuda.get_device_capability(device)
    binary, module = compile_for(source(dtype, part), f"sm_{major}{minor}"), ctypes.c_void_p()
    _check(_driver().cuModuleLoadData(ctypes.byref(module), binary), "the loops")
    return _Functions(module, context)


def compile_for(text: str, architecture: str) -> bytes:
    """Return the machine code of loops for cards such as `sm_90`.

    Raises
    ------
    RuntimeError
        With what NVRTC says to the text.
    OSError
        If there is no NVRTC.
    """
    nvrtc, program = _nvrtc(), ctypes.c_void_p()
    _check(
        nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None), "NVRTC"
    )
    try:
        options = (f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
        code = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        if code:
            raise RuntimeError(f"NVRTC error {code}: {_text(nvrtc, program)}")
        size = ctypes.c_size_t()
        _check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)), "NVRTC")
        binary = ctypes.create_string_buffer(size.value)
        _check(nvrtc.nvrtcGetCUBIN(program, binary), "NVRTC")
        return binary.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(nvrtc: Any, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, text)
    return text.value.decode("utf-8", "replace").strip()


def _check(code: int, what: str) -> None:
    if code:
        raise RuntimeError(f"CUDA error {code} at {what}")


@cache
def _driver() -> Any:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


@cache
def _nvrtc() -> Any:
    """Return NVRTC of the version that PyTorch is for: as it is loaded already, or beside PyTorch's other libraries."""
    major = str(torch.version.cuda or "").split(".")[0]
    names = [f"nvrtc64_{major}0_0.dll"] if sys.platform == "win32" else [f"libnvrtc.so.{major}"]
    beside = Path(torch.__file__).parents[1] / "nvidia"
    names += map(str, sorted(beside.glob(f"**/lib*/libnvrtc.so.{major}*")))
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError(f"there is no {names[0]}")
