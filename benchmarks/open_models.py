"""How long opening takes: a file of weights of VGG-16's size, and GoogLeNet as it is and converted.

Each is opened in a process of its own, in turn, after PyTorch and this package are imported. The
large file, 500 MB of random weights, is made in a temporary folder. Needs the BVLC GoogLeNet in
$BATCOUNTRY_MODELS or ../shared/models.

    make bench-open
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from batcountry import open_model
from batcountry.caffe.weights import write_weights
from batcountry.models.converted import save_converted

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
SIZES = [25088 * 4096, 4096 * 4096, 4096 * 1000]

MEASURE = """
import resource, sys, time
from pathlib import Path
import torch
from batcountry import open_model
{imports}
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, start = memory(), time.perf_counter()
kept = {call}
first = time.perf_counter() - start
grown = memory() - before
start = time.perf_counter()
kept = {call}
print(first, time.perf_counter() - start, grown)
"""
WEIGHTS = MEASURE.format(
    imports="from batcountry.caffe.weights import read_weights", call="read_weights(Path(sys.argv[1]))"
)
NET = MEASURE.format(imports="", call="open_model(sys.argv[1])")


def measured(program: str, path: Path) -> tuple[float, float, float]:
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    first, second, grown = map(float, done.stdout.split())
    return first, second, grown


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, converted = Path(folder, "large.caffemodel"), Path(folder, "converted")
        row = np.random.RandomState(0).normal(size=1 << 20).astype(np.float32)
        write_weights(
            large, [(f"fc{i}", "InnerProduct", [np.resize(row, size)]) for i, size in enumerate(SIZES)]
        )
        save_converted(open_model(MODEL), converted)
        jobs = {
            f"weights of {large.stat().st_size / 1e6:.0f} MB": (WEIGHTS, large),
            "GoogLeNet, Caffe's files": (NET, MODEL),
            "GoogLeNet, converted": (NET, converted),
        }
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in jobs}
        for _ in range(options.repeats):
            for name, job in jobs.items():
                found[name].append(measured(*job))
    print("| opened | first time in a process | again | memory added |\n| --- | --- | --- | --- |")
    for name, rows in found.items():
        first, second, grown = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {name} | {first * 1000:.0f} ms | {second * 1000:.1f} ms | {grown / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
