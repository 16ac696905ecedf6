"""How long opening takes: VGG-16 with random weights, and GoogLeNet, as they are and converted.

Each is opened in a process of its own, in turn, after PyTorch and this package are imported. VGG-16,
528 MB, is made in a temporary folder. Needs the BVLC GoogLeNet in
$BATCOUNTRY_MODELS or ../shared/models, and Linux, for the peak of memory.

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
from batcountry.caffe.formats.weights import write_weights
from batcountry.models.loaders.converted import save_converted

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
VGG = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and number of each block's convolutions

MEASURE = """
import sys, time
from pathlib import Path
import torch
from batcountry import open_model
{imports}
def memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
before, start = memory(), time.perf_counter()
kept = {call}
first = time.perf_counter() - start
grown = memory() - before
start = time.perf_counter()
kept = {call}
print(first, time.perf_counter() - start, grown)
"""
CALLS = {
    "its weights alone": (
        "from batcountry.caffe.formats.weights import read_weights",
        "read_weights(Path(sys.argv[2]))",
    ),
    "caffe.Net": (
        "from batcountry.caffe import Net, TEST",
        "Net(sys.argv[1] + '/deploy.prototxt', sys.argv[2], TEST)",
    ),
    "open_model": ("", "open_model(sys.argv[1])"),
}


def write_vgg(folder: Path) -> None:
    """Write VGG-16's definition, and random weights."""
    text = 'input: "data" input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }\n'
    bottom, inside, weights = "data", 3, []
    row = np.random.RandomState(0).normal(0, 0.01, size=1 << 20).astype(np.float32)

    def add(name: str, kind: str, settings: str, *shapes: tuple[int, ...]) -> str:
        nonlocal text
        text += f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {settings} }}\n'
        weights.append((name, kind, [np.resize(row, shape) for shape in shapes]))
        return name

    for block, (channels, count) in enumerate(VGG, 1):
        for number in range(1, count + 1):
            settings = f"convolution_param {{ num_output: {channels} kernel_size: 3 pad: 1 }}"
            shapes = (channels, inside, 3, 3), (channels,)
            bottom = add(f"conv{block}_{number}", "Convolution", settings, *shapes)
            text += (
                f'layer {{ name: "relu{block}_{number}" type: "ReLU" bottom: "{bottom}" top: "{bottom}" }}\n'
            )
            inside = channels
        bottom = add(f"pool{block}", "Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
    for name, rows, columns in (("fc6", 4096, 25088), ("fc7", 4096, 4096), ("fc8", 1000, 4096)):
        bottom = add(
            name, "InnerProduct", f"inner_product_param {{ num_output: {rows} }}", (rows, columns), (rows,)
        )
    folder.mkdir()
    (folder / "deploy.prototxt").write_text(text)
    write_weights(folder / "vgg.caffemodel", weights)


def measured(call: str, model: Path) -> tuple[float, float, float]:
    imports, expression = CALLS[call]
    program = MEASURE.format(imports=imports, call=expression)
    weights = next(model.glob("*.caffemodel"), model)
    arguments = [sys.executable, "-c", program, str(model), str(weights)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
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
        vgg = Path(folder, "vgg")
        write_vgg(vgg)
        jobs: dict[str, tuple[str, Path]] = {f"VGG-16, {call}": (call, vgg) for call in CALLS}
        for name, model in (("VGG-16", vgg), ("GoogLeNet", MODEL)):
            converted = Path(folder, f"{name}-converted")
            save_converted(open_model(model), converted)
            jobs |= {
                f"{name}, open_model": ("open_model", model),
                f"{name}, converted": ("open_model", converted),
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
