"""What share of a processor's peak the dream's gradient reaches, in float32 on one thread.

The peak is measured: products added up in registers, as many at once as there are, and beside it a large product of matrices by
PyTorch. A gradient's work is counted as its convolutions and matrix products would take it one multiplication after the other,
forward and, as often, back to the picture; Winograd's tiles take fewer, so that a share could pass 100 %. It is the
processor's time that counts, and the peak is measured in turn with the gradients, so that what else runs disturbs
little. With `--each` the convolutions of one gradient follow, those that lose most first. Needs the BVLC GoogLeNet in
$BATCOUNTRY_MODELS or ../shared/models.

    make bench-peak
    make bench-peak ARGS="--avx2"          # with code for AVX2, on this processor
    make bench-peak ARGS="--avx2 --each"
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from kernels import AVX2, MODEL, ONE_THREAD, restart_with
from torch.utils.flop_counter import FlopCounterMode

from batcountry import open_model
from batcountry.backend.kernels.loops.arguments import FLOATS, arrays
from batcountry.backend.kernels.loops.gemm_tile import COLUMNS, ROWS, add_products, no_sums, put_sums
from batcountry.backend.kernels.loops.threads import loops_of, turn
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.models.model import Model

SIZES = ((575, 1024), (411, 731), (293, 522), (210, 373))
LAYERS = {"GoogLeNet": "inception_4c/output", "EfficientNet-Lite0": "blocks.10"}
TIMES, TURNS = 4096, 200


def _sums(a: Any) -> None:
    left, right, out = arrays(a)
    row = turn(a)
    while row >= 0:
        block = no_sums()
        for _ in range(TIMES):
            block = add_products(block, left, 0, 1, right, 0)
        put_sums(out, 0, COLUMNS, block)
        row = turn(a)


SUMS = loops_of(_sums, FLOATS, FLOATS, FLOATS)["float32"]


def given_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--avx2", action="store_true", help="have PyTorch, Numba and oneDNN use AVX2 at most")
    parser.add_argument("--each", action="store_true", help="list the convolutions")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def seconds(function: Callable[[], object]) -> float:
    """Return the processor's time that something takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def peak() -> float:
    """Return how many operations a second there are at most; a product and its sum are two."""
    left, right, out = torch.zeros(64), torch.zeros(64), torch.zeros(ROWS * COLUMNS)
    return (
        2
        * ROWS
        * COLUMNS
        * TIMES
        * TURNS
        / seconds(lambda: SUMS(TURNS, left.data_ptr(), right.data_ptr(), out.data_ptr()))
    )


def matrices(side: int = 1536) -> float:
    """Return how many a large product of matrices makes a second."""
    a, b = torch.rand(side, side), torch.rand(side, side)
    return 2 * side**3 / seconds(lambda: a @ b)


def gradient(model: Model, layer: str, picture: torch.Tensor) -> torch.Tensor:
    leaf = picture.clone().requires_grad_()
    values = model.activations(leaf, [layer])[layer]
    return torch.autograd.grad(values, leaf, values.detach())[0]


def work(model: Model, layer: str, picture: torch.Tensor) -> int:
    """Return how many operations a gradient's products take: as many back as forward, since weights need none."""
    model.activations(picture, [layer])  # whatever has to be found out about a size
    with (
        FlopCounterMode(display=False) as counter,
        patch("batcountry.models.loaders.caffe_network.has_filters", return_value=False),
        patch("batcountry.models.loaders.efficientnet_blocks.has_filters", return_value=False),
        torch.no_grad(),
    ):
        model.activations(picture, [layer])
    return 2 * counter.get_total_flops()


def pictures() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return [255 * torch.rand(1, 3, *size, generator=random) for size in SIZES]


def convolutions(run: Callable[[], object], most: float) -> list[str]:
    """Return what each kind of convolution takes of a gradient, and its share of the peak, those that lose most first."""
    taken: Counter[tuple[Any, ...]] = Counter()
    done: Counter[tuple[Any, ...]] = Counter()
    plain = Filter.forward

    def forward(self: Filter, x: torch.Tensor) -> torch.Tensor:
        start = time.process_time()
        y = plain(self, x)
        key = (*self.weight.shape, self.stride, self.groups, *x.shape[2:])
        taken[key] += time.process_time() - start
        done[key] += 2 * y.numel() * self.weight[0].numel()
        return y

    with patch.object(Filter, "forward", forward):
        for _ in range(3):
            run()
    rows = []
    for key in sorted(taken, key=lambda key: done[key] / most - taken[key]):
        out, inside, down, right, stride, groups, height, width = key
        share = done[key] / taken[key] / most
        ms = taken[key] / 3e-3
        rows.append(
            f"| {out}×{inside}×{down}×{right} | {stride} | {groups} | {width}×{height} | {ms:.2f} | {share:.0%} |"
        )
    head = [
        "| weights | stride | groups | pixels | ms | share of the peak |",
        "| --- | ---: | ---: | --- | ---: | ---: |",
    ]
    return [*head, *rows]


def main() -> None:
    given = given_arguments()
    restart_with({**ONE_THREAD, **(AVX2 if given.avx2 else {})})
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    models = {"GoogLeNet": open_model(MODEL), "EfficientNet-Lite0": open_model()}
    octaves = pictures()
    works = {name: sum(work(model, LAYERS[name], each) for each in octaves) for name, model in models.items()}
    peaks: list[float] = []
    products: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(given.repeats + 1):
        peaks.append(peak())
        products.append(matrices())
        for name, model in models.items():
            times[name].append(sum(seconds(partial(gradient, model, LAYERS[name], each)) for each in octaves))
    most, product = (statistics.median(each[1:]) for each in (peaks, products))  # at first loops are compiled
    print(
        "Code for AVX2" if given.avx2 else torch.backends.cpu.get_cpu_capability(),
        end=", one thread, float32\n\n",
    )
    print("| what | GFLOP | s | GFLOP/s | share of the peak |\n| --- | ---: | ---: | ---: | ---: |")
    print(f"| products added up in registers | | | {most / 1e9:.0f} | 100% |")
    print(f"| a product of matrices by PyTorch | | | {product / 1e9:.0f} | {product / most:.0%} |")
    for name, taken in times.items():
        share = statistics.median(
            works[name] / one / other for one, other in zip(taken[1:], peaks[1:], strict=True)
        )
        middle, count = statistics.median(taken[1:]), works[name] / 1e9
        what = f"gradients of {name}, exact, one in each of four octaves"
        print(f"| {what} | {count:.1f} | {middle:.3f} | {count / middle:.0f} | {share:.0%} |")
    for name, model in models.items() if given.each else ():
        print(f"\n{name}, {SIZES[0][1]}×{SIZES[0][0]}:\n")
        print("\n".join(convolutions(partial(gradient, model, LAYERS[name], octaves[0]), most)))


if __name__ == "__main__":
    main()
