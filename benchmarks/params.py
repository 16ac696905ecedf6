"""How far each parametrization comes: the objective's value after 50 steps and at the end.

    make bench-params

Four channels and four classes of the embedded model, all of one kind at once, from noise. The value is that of the
picture as it is, without the transforms that it grew under, and the mean of the four.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from batcountry.dreams.visualize import visualizing
from batcountry.models import open_model
from batcountry.objectives import channel
from batcountry.objectives.base import Objective, added_up
from batcountry.recipe import presets

RESULTS = Path(__file__).parent / "results" / "params.md"
CHANNELS = (3, 29, 58, 84)
CLASSES = (1, 291, 388, 980)
PARAMS = {
    "pixels, ascent": {"param": "pixels", "optimizer": "ascent", "step_size": None},
    "pixels, adam": {"param": "pixels", "optimizer": "adam", "step_size": None},
    "fourier, adam": {"param": "fourier", "step_size": 0.05},
    "soft-fourier, adam": {"param": "soft-fourier"},
    "maco, adam": {"param": "maco", "step_size": None, "start": "pink"},
}


def values(aims: list[Objective], model, options: dict, at: list[int]) -> list[float]:
    """Return the mean value of the objectives after so many steps."""
    scorers = [aim.bind(model) for aim in aims]

    def value(images: torch.Tensor) -> float:
        with torch.no_grad():
            found = model.activations(images, aims[0].layers)
            parts = [{name: each[i : i + 1] for name, each in found.items()} for i in range(len(aims))]
            scores = [added_up(score(part)) for score, part in zip(scorers, parts, strict=True)]
        return float(sum(scores)) / len(aims)

    results = []
    for moment in visualizing(aims, model=model, batch=len(aims), iterations=max(at), **options):
        if moment.step.iteration + 1 in at:
            results.append(value(moment.step.image))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    model = open_model()
    jobs = {
        "channels of `blocks.10`, 96×112, transforms of the preset `channel`": (
            [channel("blocks.10", each) for each in CHANNELS],
            {"preset": "channel", "canvas": "96x112"},
        ),
        "classes, preset `class-small`": (
            [channel("logits", each) for each in CLASSES],
            {"preset": "class-small"},
        ),
    }
    lines = ["# Parametrizations", "", (__doc__ or "").split("\n\n", 2)[2].strip(), ""]
    lines += [
        f"`make bench-params`, {torch.get_num_threads()} threads, PyTorch {torch.__version__.split('+')[0]}."
    ]
    for title, (aims, options) in jobs.items():
        lines += ["", f"## {title[:1].upper()}{title[1:]}", ""]
        lines += [
            f"| param, optimizer | 1 step | 50 steps | {steps} steps |",
            "| --- | ---: | ---: | ---: |",
        ]
        for name, more in PARAMS.items():
            found = values(aims, model, {**options, **more}, sorted({1, 50, steps}))
            lines.append(f"| {name} | {' | '.join(f'{each:.2f}' for each in found)} |")
            print(lines[-1], flush=True)
    lines += [
        "",
        f"Presets: {', '.join(presets.PRESETS)}; what differs from them is in `benchmarks/params.py`.",
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
