"""Exact float32: no TF32 and no bfloat16 inside products of float32 numbers, whatever the process is set to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch

from batcountry.backend.process_settings import Block, shared

_PLACES = [(backend, kind) for backend in ("cuda", "mkldnn") for kind in ("conv", "rnn", "matmul")]
"""Where PyTorch keeps how float32 may be multiplied: NVIDIA's and AMD's libraries, and oneDNN on processors and Intel's cards."""

_FULL = ("ieee", "none")


@contextmanager
def _full_float32() -> Iterator[None]:
    with ExitStack() as undo:
        # What the older names say is set by them where they can be read, or whoever reads them meanwhile gets an error.
        for read, write, full in _older_names():
            with suppress(RuntimeError):  # set by the newer names alone
                before = read()
                if before != full:
                    write(full)
                    undo.callback(write, before)
        for place in _PLACES if hasattr(torch._C, "_get_fp32_precision_getter") else ():  # since PyTorch 2.9
            before = torch._C._get_fp32_precision_getter(*place)
            if before not in _FULL:
                torch._C._set_fp32_precision_setter(*place, "ieee")
                undo.callback(_put_back, place, before)
        yield


def _older_names() -> list[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    """Return how TF32 is read and set by the names that all versions of PyTorch have, and what is without."""
    found: list[tuple[Callable[[], Any], Callable[[Any], Any], Any]] = [
        (torch._C._get_cudnn_allow_tf32, torch._C._set_cudnn_allow_tf32, False),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    ]
    if hasattr(torch._C, "_get_onednn_allow_tf32") and torch.xpu._is_compiled():
        found.append((torch._C._get_onednn_allow_tf32, torch._C._set_onednn_allow_tf32, False))
    return found


def _put_back(place: tuple[str, str], before: str) -> None:
    torch._C._set_fp32_precision_setter(*place, "none")
    if torch._C._get_fp32_precision_getter(*place) != before:  # else it is so for all kinds
        torch._C._set_fp32_precision_setter(*place, before)


full_float32: Block = shared(_full_float32)
"""Multiplies float32 as float32 while it is open: convolutions, matrix products and recurrent layers, on every device.

By itself PyTorch allows cuDNN TF32, which keeps 10 of the 23 bits. PyTorch's settings are the process's and not a
thread's, so while a block is open other threads multiply so too: what they compute is as right or more so, and slower on a
card. Any number of blocks may be open at once, in any threads; the first that is opened sets, the last that is closed puts
back. It has to be open for the gradient as well, whose thread is another, and while work is recorded for a graph: how a
graph's operations multiply is decided as it is recorded, not as it is run.
"""
