"""How long an atlas takes: all 112 channels of the embedded model's `blocks.10`, in batches and one by one.

    make bench-atlas

One by one is `dream` for a sample of the channels, with an opened model: with the atlas's own recipe, and with
the preset `channel`, which is what one would use for a single one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

import batcountry
from batcountry.atlas import building
from batcountry.models import open_model

RESULTS = Path(__file__).parent / "results" / "atlas.md"
LAYER = "blocks.10"


def one_by_one(model, preset: str, channels: range) -> float:
    start = time.perf_counter()
    for each in channels:
        batcountry.dream(None, preset=preset, model=model, objective=f'channel("{LAYER}", {each})')
    return (time.perf_counter() - start) / len(channels)


def atlas(model, batch: int, out: str | None) -> float:
    with tempfile.TemporaryDirectory() as temporary:
        folder = out or temporary
        start = time.perf_counter()
        *_, last = building(folder, model, [LAYER], batch=batch)
        return (time.perf_counter() - start) / last.channels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=6, help="Channels that are drawn one by one.")
    parser.add_argument("--out", help="Keep the atlas in this new folder.")
    settings = parser.parse_args()
    sample = range(settings.sample)
    model = open_model()
    one_by_one(model, "thumbnail", range(1))
    times = {
        "`bat-country atlas`, batches of 16": atlas(model, 16, settings.out),
        "one by one, the same recipe (`thumbnail`: 96×96, 40 steps)": one_by_one(model, "thumbnail", sample),
        "one by one, `channel` (160×160, 100 steps)": one_by_one(
            model, "channel", sample[: len(sample) // 3]
        ),
    }
    count, first = model.layer(LAYER).channels, next(iter(times.values()))
    lines = ["# Atlas", "", (__doc__ or "").split("\n\n", 2)[2].strip(), ""]
    lines += [
        f"`make bench-atlas`, {torch.get_num_threads()} threads, PyTorch {torch.__version__.split('+')[0]}.",
        "",
    ]
    lines += [f"| way | s a channel | all {count} | against the atlas |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {each:.2f} | {each * count:.0f} s | {each / first:.1f} |" for name, each in times.items()
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
