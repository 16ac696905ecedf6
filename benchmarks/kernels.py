"""What a whole dream loses without each kernel of our own.

The dream of 2015 at 1024×575, four octaves of six iterations, on one thread: GoogLeNet exact and fast, EfficientNet-Lite0
exact and fast. A dream with all kernels and one without a kernel go step by step in turn in one process, and what counts is the
processor's time that it took, so that what else runs on the machine disturbs little. A kernel is left out by replacing what
decides that it runs, so that the library needs no option for it. Needs the BVLC GoogLeNet in $BATCOUNTRY_MODELS or
../shared/models.

    make bench-kernels                                             # with what this processor has
    make bench-kernels ARGS="--avx2"                               # with code for AVX2, on this processor
    make bench-kernels ARGS="--kernels winograd lrn --repeats 5"
    make bench-kernels ARGS="--together depthwise lrn"             # what is lost without both
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry import open_model
from batcountry.backend.kernels import lrn, onednn_conv
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.pool import Windows
from batcountry.backend.kernels.winograd import Winograd, multiplies
from batcountry.backend.processor import has_onednn
from batcountry.caffe import fusion
from batcountry.caffe.layers import convolution as caffe_convolution
from batcountry.dreams.dreamer import Dreamer
from batcountry.image.sky import sky
from batcountry.models.loaders import caffe_network, efficientnet_blocks
from batcountry.objectives import layers

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"

# What PyTorch, Numba and oneDNN read when they are imported or first compute. oneDNN keeps 1024 compiled operations, which
# are too few for two dreams at once.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16384",
    "BATCOUNTRY_DEVICE": "cpu",
}
_HASWELL = "avx avx2 bmi bmi2 f16c fma lzcnt movbe popcnt sse4.2"
AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": ",".join(f"+{each}" for each in _HASWELL.split()),
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}

Replacement = tuple[object, str, object]
"""A module or class, the name of something in it, and what stands there instead."""


def _nothing(*_: object) -> None:
    return None


def _convolution_gradient(
    grad: Tensor, weight: Tensor, stride: int, pad: Sequence[int], shape: Sequence[int], groups: int = 1
) -> Tensor:
    """Return the gradient of a convolution's input as PyTorch works it out."""
    like = torch.empty(tuple(shape), dtype=grad.dtype, memory_format=torch.channels_last)
    settings = (stride,) * 2, tuple(pad), (1, 1), False, (0, 0), groups
    found = torch.ops.aten.convolution_backward(grad, like, weight, None, *settings, (True, False, False))
    return found[0]


def _input_gradient(filter_: Filter, grad: Tensor, shape: torch.Size, total: Tensor | None = None) -> Tensor:
    found = _convolution_gradient(grad, filter_.weight, filter_.stride, filter_.pad, shape, filter_.groups)
    return found if total is None else total.add_(found)


def _picture_gradient(
    grad: Tensor, weight: Tensor, stride: int, pad: Sequence[int], size: Sequence[int]
) -> Tensor:
    return _convolution_gradient(grad, weight, stride, pad, (grad.shape[0], weight.shape[1], *size))


def _plain_depthwise(plain: Callable[..., Tensor], self: Any, x: Tensor) -> Tensor:
    """Run a convolution of EfficientNet-Lite by PyTorch if it is of each channel by itself with a stride."""
    if self.stride == 1 or self.groups == 1:
        return plain(self, x)
    x = F.pad(x, (self.before, self.before + 1) * 2)
    x = F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)
    return F.relu6(x, inplace=True) if self.active else x


def _taking_no_pools(plain: Callable[..., Any], step: fusion.Step) -> Any:
    return None if step.windows else plain(step)


_LITE = efficientnet_blocks.Convolution
_PLAIN_CALL = _LITE.__call__

GOOGLENET, LITE = "GoogLeNet", "EfficientNet-Lite0"
ONLY = {
    "winograd": GOOGLENET,
    "depthwise": LITE,
    "joined-branches": GOOGLENET,
    "max-pool": GOOGLENET,
    "pool-above-zero": GOOGLENET,
    "lrn": GOOGLENET,
}
"""Kernels of which one of the networks has no use."""

KERNELS: Mapping[str, tuple[Replacement, ...]] = {
    "winograd": ((Winograd, "suits", staticmethod(_nothing)),),
    "depthwise": ((_LITE, "__call__", lambda self, x: _plain_depthwise(_PLAIN_CALL, self, x)),),
    "joined-branches": ((fusion, "_branched", tuple),),
    "turned-gradient": ((Filter, "input_gradient", _input_gradient),),
    "mean-square": ((layers, "mean_square", lambda x: x.square().mean(1)),),
    "packed-weights": ((Filter, "_packed", lambda self, _: self.weight),),
    "onednn-convolution": (
        (caffe_network, "has_filters", _nothing),
        (efficientnet_blocks, "has_filters", _nothing),
    ),
    "max-pool": ((Windows, "loops", False),),
    "pool-above-zero": (
        (fusion, "_above_zero", tuple),
        (fusion, "_taking_gradient", partial(_taking_no_pools, fusion._taking_gradient)),
    ),
    "lrn": ((lrn, "kind", _nothing),),
    "picture-gradient": (
        (caffe_convolution, "conv2d", F.conv2d),
        (efficientnet_blocks, "conv2d", F.conv2d),
        (onednn_conv, "picture_gradient", _picture_gradient),
    ),
}
"""What is done in the place of what decides that a kernel runs; `onednn-convolution` leaves out all that stands on it too."""

GOOGLENET, LITE = "GoogLeNet", "EfficientNet-Lite0"
ITERATIONS = 6
JOBS = ((GOOGLENET, "exact"), (GOOGLENET, "fast"), (LITE, "exact"), (LITE, "fast"))


@contextlib.contextmanager
def left_out(names: Sequence[str]) -> Iterator[None]:
    """Do without kernels within this block."""
    with contextlib.ExitStack() as stack:
        for name in names:
            for replacement in KERNELS[name]:
                stack.enter_context(patch.object(*replacement))
        yield


class Job:
    """A dream with some kernels left out, on a network opened without them.

    Parameters
    ----------
    network, precision
        One of `JOBS`.
    without
        Names of kernels.
    """

    def __init__(self, network: str, precision: str, without: Sequence[str]) -> None:
        self._without = without
        options: Any = {"preset": "classic", "precision": precision}
        options["layer"] = "inception_4c/output" if network == GOOGLENET else "blocks.10"
        with left_out(without):
            model = open_model(MODEL) if network == GOOGLENET else open_model()
            self._dreamers = [Dreamer(model=model, iterations=count, **options) for count in (1, ITERATIONS)]
        self._image = np.float32(sky(1024, 575))

    def steps(self, *, warm: bool = False) -> Iterator[tuple[int, float]]:
        """Dream, and yield each step's octave and the processor's time that it took; of a warm-up there are few."""
        with left_out(self._without):
            steps = self._dreamers[not warm].dreaming(self._image)
        while True:
            with left_out(self._without):
                start = time.process_time()
                step = next(steps, None)
                taken = time.process_time() - start
            if step is None:
                return
            yield step.octave, taken


def loss(with_all: Job, without: Job, repeats: int) -> float:
    """Return by which share a dream is longer without something.

    Of each octave's steps it is the median of the ratios, weighed by the octave's share of the time.
    """
    for job in (with_all, without):
        list(job.steps(warm=True))
    octaves: dict[int, list[tuple[float, float]]] = {}
    for _ in range(repeats):
        runs = with_all.steps(), without.steps()
        for turn in itertools.count():
            first, second = turn % 2, 1 - turn % 2
            steps = {first: next(runs[first], None), second: next(runs[second], None)}
            plain, other = steps[0], steps[1]
            if plain is None or other is None:
                break
            octaves.setdefault(plain[0], []).append((plain[1], other[1]))
    shares = [statistics.median(plain for plain, _ in pairs) for pairs in octaves.values()]
    ratios = [statistics.median(other / plain for plain, other in pairs) for pairs in octaves.values()]
    return sum(share * ratio for share, ratio in zip(shares, ratios, strict=True)) / sum(shares) - 1


def runs(names: Sequence[str], network: str, precision: str) -> bool:
    """Whether one of some kernels runs in a job on this processor."""
    dtype = torch.bfloat16 if precision == "fast" else torch.float32
    return any(
        ONLY.get(name, network) == network and (name != "winograd" or multiplies(dtype)) for name in names
    )


def restart_with(wanted: Mapping[str, str]) -> None:
    """Run this program anew in its place unless the environment has some variables already."""
    if wanted.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--avx2", action="store_true", help="have PyTorch, Numba and oneDNN use AVX2 at most")
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=list(KERNELS))
    parser.add_argument("--together", nargs="+", choices=KERNELS, help="leave these out at once")
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    restart_with({**ONE_THREAD, **(AVX2 if given.avx2 else {})})
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    groups = [given.together] if given.together else [[name] for name in given.kernels]
    jobs = [each for each in JOBS if each[1] == "exact" or has_onednn(torch.bfloat16)]
    print("Code for AVX2" if given.avx2 else torch.backends.cpu.get_cpu_capability(), end="\n\n")
    print("| without | " + " | ".join(f"{network}, {precision}" for network, precision in jobs) + " |")
    print("| --- |" + " ---: |" * len(jobs), flush=True)
    whole = {job: Job(*job, ()) for job in jobs}
    for names in groups:
        cells = [
            f"{loss(whole[job], Job(*job, names), given.repeats):+.1%}" if runs(names, *job) else "—"
            for job in jobs
        ]
        print(f"| {', '.join(names)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
