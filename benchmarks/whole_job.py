"""The default dream on a 1024×575 picture: this package, exact and fast, against a plain PyTorch loop.

The plain loop is the same algorithm written as most people would: PyTorch's own functions for
every layer, weights as tensors, NumPy and SciPy between the steps. Both run in turn in one
process, so that a noisy machine is noisy for both. Needs the BVLC GoogLeNet in
$BATCOUNTRY_MODELS or ../shared/models.

    make bench
    make bench ARGS="--repeats 7 --profile"
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import time
from pathlib import Path

import numpy as np
import scipy
import torch
from scipy import ndimage
from torch.nn import functional as F

from batcountry import BatCountry, dream, open_model
from batcountry.caffe import TEST
from batcountry.caffe.prototxt import read_net
from batcountry.caffe.weights import read_weights
from batcountry.sky import sky

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
END = "inception_4c/output"
MEAN = np.float32([104, 116, 122]).reshape(3, 1, 1)


class PlainGoogLeNet:
    """GoogLeNet up to a layer with nothing but PyTorch's functions, in rows, out of place."""

    def __init__(self) -> None:
        self.layers = read_net(MODEL / "deploy.prototxt", phase=TEST).layer
        blobs = read_weights(MODEL / "bvlc_googlenet.caffemodel")
        self.weights = {
            name: [torch.from_numpy(a) for a in arrays] for name, arrays in blobs.items() if arrays
        }

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        blobs = {"data": x}
        for layer in self.layers[1:]:
            bottoms = [blobs[name] for name in layer.bottom]
            blobs[layer.top[0]] = self.run(layer, bottoms)
            if layer.name == END:
                break
        return blobs[END]

    def run(self, layer, bottoms: list[torch.Tensor]) -> torch.Tensor:
        x = bottoms[0]
        if layer.type == "Convolution":
            p = layer.convolution_param
            stride, pad = (p.stride or [1])[0], (p.pad or [0])[0]
            return F.conv2d(x, *self.weights[layer.name], stride=stride, padding=pad)
        if layer.type == "ReLU":
            return F.relu(x)
        if layer.type == "Pooling":
            p = layer.pooling_param
            return F.max_pool2d(x, p.kernel_size, p.stride, p.pad, ceil_mode=True)
        if layer.type == "LRN":
            p = layer.lrn_param
            return F.local_response_norm(x, p.local_size, p.alpha, p.beta, p.k)
        return torch.cat(bottoms, 1)


def plain_dream(net: PlainGoogLeNet, image: np.ndarray) -> np.ndarray:
    base = np.float32(image)[:, :, ::-1].transpose(2, 0, 1) - MEAN
    octaves = [base]
    for _ in range(3):
        octaves.append(ndimage.zoom(octaves[-1], (1, 1 / 1.4, 1 / 1.4), order=1))
    detail = np.zeros_like(octaves[-1])
    for octave_base in octaves[::-1]:
        height, width = octave_base.shape[1:]
        detail = ndimage.zoom(detail, (1, height / detail.shape[1], width / detail.shape[2]), order=1)
        picture = octave_base + detail
        for _ in range(10):
            ox, oy = np.random.randint(-32, 33, 2)
            x = torch.from_numpy(np.roll(picture, (oy, ox), (1, 2))[None].copy()).requires_grad_()
            out = net(x)
            out.backward(out.detach())
            gradient = np.roll(x.grad[0].numpy(), (-oy, -ox), (1, 2))
            picture = picture + 1.5 / np.abs(gradient).mean() * gradient
            picture = np.clip(picture, -MEAN, 255 - MEAN)
        detail = picture - octave_base
    return (picture + MEAN)[::-1].transpose(1, 2, 0)


def timed(function) -> float:
    np.random.seed(0)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def profiled(function) -> str:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        function()
    rows = sorted(profile.key_averages(), key=lambda each: -each.self_cpu_time_total)
    total = sum(each.self_cpu_time_total for each in rows)
    lines = [f"| {each.key} | {each.self_cpu_time_total / total:.1%} |" for each in rows[:12]]
    return "\n".join(["| operation | share of the time |", "| --- | ---: |", *lines])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--profile", action="store_true", help="also say where this package's time goes")
    given = arguments.parse_args()
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    image = np.float32(sky(1024, 575))
    bc, model, plain = BatCountry(MODEL), open_model(MODEL), PlainGoogLeNet()
    jobs = {
        "`BatCountry.dream`": lambda: bc.dream(image, verbose=False),
        "`dream`, exact": lambda: dream(image, model=model, layer=END, precision="exact"),
        "`dream`, fast": lambda: dream(image, model=model, layer=END, precision="fast"),
        "plain PyTorch loop": lambda: plain_dream(plain, image),
    }
    peaks = {}
    for name, job in jobs.items():
        job()
        peaks[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(given.repeats):
        for name, job in jobs.items():
            times[name].append(timed(job))
    medians = {name: statistics.median(each) for name, each in times.items()}
    text = [
        "# The default dream, 1024×575, GoogLeNet, 4 octaves × 10 iterations",
        "",
        f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads "
        f"({torch.backends.cpu.get_cpu_capability()}), "
        f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}, SciPy {scipy.__version__}",
        "",
        f"| job | median of {given.repeats}, s | times as fast as the plain loop | all, s |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {n} | {medians[n]:.2f} | {medians['plain PyTorch loop'] / medians[n]:.2f} "
            f"| {', '.join(f'{t:.2f}' for t in times[n])} |"
            for n in jobs
        ),
        "",
        f"Peak memory of the process after the first job: {peaks['`BatCountry.dream`']:.0f} MB.",
    ]
    if given.profile:
        for name in ("`dream`, exact", "`dream`, fast"):
            text += ["", f"{name}:", "", profiled(jobs[name])]
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "whole_job.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
