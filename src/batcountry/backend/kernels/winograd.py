"""Convolutions with windows of 3×3 and fixed weights in fewer multiplications, on processors with AVX2 or AVX-512.

Winograd's F(2×2, 3×3), after Lavin and Gray, 2016, takes 16 multiplications for what takes 36 elsewhere. In float32 its
rounding is that of any convolution; in bfloat16 it is about twice as much, since tiles are rounded once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.dispatch import compiles, float_bits, has_numba, kind, loops

Pair = tuple[int, int]

_LANES = 16  # of a vector; the loop takes channels so many at a time
_LARGEST = 5 << 20
"""Bytes of transformed weights, which are read once for each few tiles and should stay in the processor's cache."""

_TO_PLACES = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)


@cache
def multiplies(dtype: torch.dtype) -> bool:
    """Whether the processor multiplies numbers of a type so that this pays.

    It takes AVX2 or AVX-512, and for bfloat16 the latter's instruction for pairs; AMX makes the usual convolution quicker
    than that.
    """
    if not has_numba():
        return False
    has = loops("llvm").compiles_for
    wide = has("avx512f") or (has("avx2") and has("fma"))
    fits = {torch.float32: wide, torch.bfloat16: has("avx512bf16") and not has("amx-bf16")}
    return fits.get(dtype, False) and compiles("winograd", "convolve", dtype)


@dataclass(frozen=True, eq=False)
class Winograd:
    """A convolution with a stride of 1, of channels-last tensors on the CPU, and bounds for what it gives.

    Attributes
    ----------
    weight
        (O, C, 3, 3); O and C multiples of 16.
    bias
        (O,) in float32.
    pad
        Rows and columns of zeros.
    bounds
        The least and the largest result.
    """

    weight: Tensor
    bias: Tensor
    pad: Pair
    bounds: tuple[float, float]

    @staticmethod
    def suits(weight: Tensor) -> bool:
        """Whether weights for a stride of 1 are such that this is quicker than the usual way."""
        out, channels, *kernel = weight.shape
        if kernel != [3, 3] or out % _LANES or channels % _LANES:
            return False
        return weight.nbytes * 16 // 9 <= _LARGEST and multiplies(weight.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Return its result for a tensor (N, C, H, W) that `kind` knows; raises RuntimeError if that is too small."""
        images, channels, *size = x.shape
        rows, columns = (side + 2 * pad - 2 for side, pad in zip(size, self.pad, strict=True))
        if min(rows, columns) < 1:
            raise RuntimeError(f"a kernel of (3, 3) does not fit into {tuple(size)}")
        out = self.weight.shape[0]
        y = torch.empty((images, out, rows, columns), dtype=x.dtype, memory_format=torch.channels_last)
        compiled = loops("winograd")
        room = compiled.workspace(channels, x.itemsize)
        spaces = torch.empty((torch.get_num_threads(), room), dtype=torch.uint8)
        tiles = images * -(-rows // 2) * -(-columns // 2)
        tensors = x, self._transformed, self.bias, y, spaces
        together = 2 if x.dtype == torch.bfloat16 else 1
        compiled.convolve[kind(x)](
            -(-tiles // compiled.TILES),
            *(each.data_ptr() for each in tensors),
            room,
            *(images, *size, channels, rows, columns, out),
            *self.pad,
            *map(float_bits, self.bounds),
            together,
        )
        return y

    @cached_property
    def _transformed(self) -> Tensor:
        """The transformed weights in the order they are read: some results, place, channel, result."""
        out, channels = self.weight.shape[:2]
        columns, together = loops("winograd").COLUMNS, 2 if self.weight.dtype == torch.bfloat16 else 1
        places = torch.einsum("ai,bj,ocij->aboc", _TO_PLACES, _TO_PLACES, self.weight.double())
        padded = F.pad(places.reshape(16, out, channels), (0, 0, 0, -out % columns))
        grouped = padded.reshape(16, -1, columns, channels // together, together)
        return grouped.permute(1, 0, 3, 2, 4).to(self.weight.dtype).contiguous()
