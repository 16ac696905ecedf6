"""Memory: what is said before work begins, what is taken, and the ratio of the two.

Each run is a process of its own, of the command line as anybody calls it, whose peak the system tells. Needs the BVLC
GoogLeNet in $BATCOUNTRY_MODELS or ../shared/models.

    make bench-memory                                           # up to 2048×2048
    make bench-memory ARGS="--sides 4096 --only exact"          # minutes, and as much memory as there is
    make bench-memory ARGS="--sides 8192 --only fast"
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
RESULTS = ROOT / "benchmarks" / "results" / "memory.md"
NETWORKS = {"EfficientNet": "efficientnet-lite0", "GoogLeNet": str(MODEL)}
ONE_STEP = ("--octaves", "1", "--iterations", "1")
LIMITS = {4096: "4GB", 8192: "2GB"}
"""What large pictures are dreamed on with too, by their side."""

UNITS = {"MB": 1e6, "GB": 1e9}

# Side, network, precision, and further options: the ways of working that sides and networks alone do not lead to.
WAYS = (
    (1024, "EfficientNet", "exact", ()),
    (1024, "GoogLeNet", "exact", ("--iterations", "3")),
    (1024, "EfficientNet", "fast", ("--preset", "classic", "--iterations", "3")),
    (1024, "EfficientNet", "fast", (*ONE_STEP, "--color", "keep")),
    (1024, "EfficientNet", "fast", ("--optimizer", "adam", "--octaves", "2", "--iterations", "2")),
    (1024, "EfficientNet", "fast", ("--mask", "mask.png", "--octaves", "2", "--iterations", "2")),
    (1024, "EfficientNet", "fast", ("--guide", "512.png", "--octaves", "2", "--iterations", "2")),
    (1024, "EfficientNet", "fast", ("--alpha", "--octaves", "2", "--iterations", "2")),
    (2048, "EfficientNet", "exact", (*ONE_STEP, "--max-memory", "2GB")),
    (2048, "GoogLeNet", "exact", (*ONE_STEP, "--max-memory", "1.6GB")),
    (2048, "EfficientNet", "fast", (*ONE_STEP, "--max-memory", "1GB")),
    (2048, "GoogLeNet", "fast", (*ONE_STEP, "--max-memory", "1GB")),
    (2048, "GoogLeNet", "fast", ("--octaves", "2", "--iterations", "2", "--max-memory", "1GB")),
)


class Taken(NamedTuple):
    """What a run said before, and took at most, in bytes; and how it was worked out."""

    said: float
    peak: int
    way: str


def taken(folder: Path, options: list[str]) -> Taken:
    """Dream from the command line in a process of its own."""
    command = [sys.executable, "-c", "from batcountry.cli import main; main()", "dream", *options]
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, cwd=folder, stderr=said, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        said.seek(0)
        text = " ".join(said.read().split())
    if status:
        raise SystemExit(f"error: {text}")
    amount, unit = re.search(r"about ([\d.]+) (MB|GB) of memory", text).groups()
    tiles = re.search(r"in \d+×\d+ tiles", text)
    way = f"{tiles[0] if tiles else 'whole'}{', on disk' if 'of disk' in text else ''}"
    scale = 1 if sys.platform == "darwin" else 1024
    return Taken(float(amount) * UNITS[unit], usage.ru_maxrss * scale, way)


def runs(sides: list[int], only: str | None) -> Iterator[tuple[int, str, str, tuple[str, ...]]]:
    """Yield what is measured: all sides, networks and precisions, and further ways."""
    precisions = [only] if only else ["exact", "fast"]
    for side in sides:
        yield from ((side, network, each, ONE_STEP) for network in NETWORKS for each in precisions)
        if side in LIMITS:
            limited = (*ONE_STEP, "--max-memory", LIMITS[side])
            yield from ((side, network, each, limited) for network in NETWORKS for each in precisions)
    if not only:
        yield from WAYS


def machine() -> str:
    """Return what the figures were measured on, and with."""
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return (
        f"{cpu}, {torch.get_num_threads()} threads, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def draw(folder: Path, sides: set[int]) -> None:
    """Write a picture of each side, and a mask."""
    from batcountry.image.sky import sky

    picture = Image.fromarray(sky(1024, 1024, 3))
    for side in sides:
        picture.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{side}.png", compress_level=1)
    Image.linear_gradient("L").save(folder / "mask.png")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048])
    arguments.add_argument("--only", choices=["exact", "fast"], help="one precision, and no further ways")
    given = arguments.parse_args()
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    todo = list(runs(given.sides, given.only))
    text = [
        "# What is said before work begins, and what is taken",
        "",
        f"`make bench-memory{' ARGS=' + repr(' '.join(sys.argv[1:])) if sys.argv[1:] else ''}` on",
        f"{machine()}",
        "",
        "| picture | network | precision | options | worked out | said, MB | taken, MB | ratio |",
        "| --- | --- | --- | --- | --- | ---: | ---: | ---: |",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, {512, *(side for side, *_ in todo)})
        for side, network, precision, options in todo:
            chosen = ["--model", NETWORKS[network], "--precision", precision, *options]
            said, peak, way = taken(folder, [f"{side}.png", "-o", "out.png", "--overwrite", *chosen])
            text.append(
                f"| {side}×{side} | {network} | {precision} | `{' '.join(options)}` | {way} | {said / 1e6:.0f} "
                f"| {peak / 1e6:.0f} | {said / peak:.3f} |"
            )
            print(text[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
