"""The same dream with other programs, in turn with this one: neural-dream and torch-lucent from PyPI.

They run in a virtual environment of their own, .make/peers-venv, with the same PyTorch. What had to be
changed for them to run stands at the head of neural_dream_job.py and lucent_job.py.

    make bench-peers
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from plain import PlainGoogLeNet, plain_dream
from whole_job import END, MODEL, RESULTS, ROOT, machine, timed

from batcountry import dream, open_model
from batcountry.caffe.formats.weights import read_weights
from batcountry.image.sky import sky

PYTHON = ROOT / ".make" / "peers-venv" / "bin" / "python"
NEURAL_DREAM, LUCENT = "neural-dream 0.0.4", "torch-lucent 0.1.8"


def converted(path: Path) -> Path:
    """Write GoogLeNet as the state dict that neural-dream loads: layers' names with underscores."""
    state = {}
    for name, blobs in read_weights(MODEL / "bvlc_googlenet.caffemodel").items():
        for kind, array in zip(("weight", "bias"), blobs, strict=False):
            state[f"{name.replace('/', '_')}.{kind}"] = torch.from_numpy(array.copy())
    torch.save(state, path)
    return path


def run(job: str, *arguments: object) -> float | str:
    """Run a peer's job and return its seconds, or what it said last if it failed."""
    command = [str(PYTHON), str(Path(__file__).with_name(job)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    return float(seconds[0]) if seconds else (done.stderr.strip().splitlines() or ["no word"])[-1]


def rounds(folder: Path, repeats: int) -> dict[str, list[float | str]]:
    """Run everything in turn, what runs in this process once before that."""
    weights = converted(folder / "bvlc_googlenet.pth")
    image = np.float32(sky(1024, 575))
    height, width = image.shape[:2]
    Image.fromarray(np.uint8(image)).save(folder / "sky.png")
    model, plain = open_model(MODEL), PlainGoogLeNet(MODEL, END)
    jobs = {
        "bat-country, exact": lambda: timed(
            lambda: dream(image, model=model, layer=END, precision="exact", preset="classic")
        ),
        "bat-country, fast": lambda: timed(
            lambda: dream(image, model=model, layer=END, precision="fast", preset="classic")
        ),
        "plain PyTorch loop": lambda: timed(lambda: plain_dream(plain, image)),
        NEURAL_DREAM: lambda: run("neural_dream_job.py", weights, folder / "sky.png", folder / "out.png"),
        LUCENT: lambda: run("lucent_job.py", weights, width, height),
    }
    times: dict[str, list[float | str]] = {name: [] for name in jobs}
    for job in list(jobs.values())[:3]:
        job()  # the others are processes of their own, and new each time
    for _ in range(repeats):
        for name, job in jobs.items():
            times[name].append(job())
    return times


def row(name: str, taken: list[float | str], ours: float) -> str:
    """Return a peer's line of the table."""
    good = [each for each in taken if isinstance(each, float)]
    if not good:
        return f"| {name} | failed | | {taken[-1]} |"
    median = statistics.median(good)
    return f"| {name} | {median:.2f} | {median / ours:.1f} | {', '.join(f'{t:.2f}' for t in good)} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    with tempfile.TemporaryDirectory() as folder:
        times = rounds(Path(folder), given.repeats)
    exact = statistics.median(times["bat-country, exact"])
    text = [
        "# Beside other programs",
        "",
        f"{machine()}; `make bench-peers`",
        "",
        "GoogLeNet, `inception_4c/output`, 1024×575, 4 octaves × 10 steps, in turn. Opening the model is not counted.",
        "",
        f"| program | median of {given.repeats}, s | times bat-country's exact time | all, s |",
        "| --- | ---: | ---: | --- |",
        *(row(name, taken, exact) for name, taken in times.items()),
        "",
        f"{NEURAL_DREAM}: its own program on the same picture, `-octave_scale 0.714`, its L2 loss and Adam, so its",
        "picture is another one. It runs one evaluation more an octave, and all of the network; where that fails after",
        "the dreamed layer, as on small octaves, the failure is passed over. torchvision cannot be imported beside this",
        "PyTorch, so six short functions stand in for its transforms. It runs with `-disable_check`, as its strict",
        "loading refuses a weight of the classifiers. Its time includes reading and writing the picture.",
        "",
        f"{LUCENT}: ten steps at each of the four sizes, from noise, since it has neither octaves nor a way to start",
        "from a picture; on neural-dream's GoogLeNet module, with hooks on each layer, as lucent does it.",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "peers.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
