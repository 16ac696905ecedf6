"""What bfloat16 gains on a user's own PyTorch modules: one dream, exact and fast in turn.

A residual network as torchvision writes them, with in-place ReLUs, narrow and as wide as a ResNet, and
networks of timm's, all with random weights, which take the same time as trained ones. Says the median time of
each precision, and what `auto` takes.

    make bench-modules
    make bench-modules ARGS="resnet18 mobilenetv3_small_100 --runs 3"
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

import batcountry
from batcountry.image.sky import sky
from batcountry.models import Model

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import stand_in
from torch_nets import ResidualNet, seeded

SIZE = (512, 384)


def made(name: str) -> nn.Module:
    """Return a network with random weights: `small` is the one of the tests, all others are timm's."""
    if name == "small":
        net: nn.Module = seeded(ResidualNet)
        return net
    with stand_in.torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import timm

        torch.manual_seed(5)
        found: nn.Module = timm.create_model(name, pretrained=False).eval()
        return found


def seconds(picture: Any, model: Model, precision: str) -> float:
    """Return how long a dream takes."""
    start = time.perf_counter()
    batcountry.dream(picture, model=model, precision=precision)
    return time.perf_counter() - start


def main() -> None:
    """Time each network, and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument(
        "networks", nargs="*", default=["small", "resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_100"]
    )
    parser.add_argument("--runs", type=int, default=5, help="of each precision, in turn")
    arguments = parser.parse_args()
    picture = sky(*SIZE)
    print("| network | layer | exact | fast | `auto` takes |\n| --- | --- | --- | --- | --- |")
    for name in arguments.networks:
        model = batcountry.open_model(made(name))
        times: dict[str, list[float]] = {"exact": [], "fast": []}
        for precision in times:
            batcountry.dream(picture, model=model, precision=precision, iterations=1)
        for _ in range(arguments.runs):
            for precision, found in times.items():
                found.append(seconds(picture, model, precision))
        said = " | ".join(f"{statistics.median(each):.2f} s" for each in times.values())
        print(f"| {name} | {model.default_layer} | {said} | {model.at('auto').precision} |", flush=True)


if __name__ == "__main__":
    main()
