"""Kill jobs of all kinds at random moments, go on with each, and compare the end with that of one that was left alone.

    python tools/kill_test.py --moments 15 --kinds dream,bulk --seed 3

A kind is a function below that writes what it needs into a folder and returns the spec; add yours to `CASES`. Each kind gets its
share of the moments, one after the other, each between the first event of a process and the time at which the undisturbed
job was done. Leaves with 1 if a result differs.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from PIL import Image

from batcountry.jobs import InputFile, JobSpec, OutputPlace
from batcountry.jobs.spec import Machine

CHILD = """
import shutil, sys
from pathlib import Path
from batcountry import jobs
from batcountry.backend.policy import OPEN
from batcountry.jobs.folder import JOB

work = Path("work")
if (work / JOB).exists():
    state = jobs.JobFolder(work).state()
    events = iter(()) if state is not None and state.finished else jobs.resume(work, policy=OPEN)
else:
    shutil.rmtree(work, ignore_errors=True)
    events = jobs.run(jobs.JobSpec.read(Path("spec.json").read_text()), folder=work)
for event in events:
    print(event.line(), end="", flush=True)
"""

DATED = "vips-properties.xml"
"""What libvips writes beside a pyramid, with the time in it."""

DREAM = {"layer": "blocks.5", "precision": "exact"}


def dream(folder: Path) -> JobSpec:
    """Return a dream in memory, stored ten times a second."""
    _picture(folder / "photo.png", (233, 311))
    return JobSpec(
        kind="dream",
        recipe={**DREAM, "octaves": 4, "iterations": 12, "optimizer": "adam", "transforms": "noise(2, 9)"},
        inputs={"picture": InputFile(path="photo.png")},
        outputs={"picture": OutputPlace(path="dream.png")},
        machine=Machine(save_seconds=0.1),
    )


def dream_on_disk(folder: Path) -> JobSpec:
    """Return a dream on disk, in tiles, with a pyramid."""
    _picture(folder / "photo.png", (233, 311))
    return JobSpec(
        kind="dream-on-disk",
        recipe={**DREAM, "octaves": 3, "iterations": 5, "tile": 128},
        inputs={"picture": InputFile(path="photo.png")},
        outputs={"picture": OutputPlace(path="dream.tif"), "deepzoom": OutputPlace(path="zoom")},
    )


def bulk(folder: Path) -> JobSpec:
    """Return three pictures with two layers."""
    (folder / "in").mkdir()
    for number in range(3):
        _picture(folder / f"in/{number}.png", (97 + 10 * number, 131))
    return JobSpec(
        kind="bulk",
        recipe={"dream": {**DREAM, "octaves": 2, "iterations": 5}, "layers": ["blocks.2", "blocks.5"]},
        inputs={"folder": InputFile(path="in")},
        outputs={"folder": OutputPlace(path="out")},
        machine=Machine(save_seconds=0.1),
    )


def zoom(folder: Path) -> JobSpec:
    """Return a zoom whose frames fill more than one part of the video."""
    _picture(folder / "photo.png", (90, 120))
    return JobSpec(
        kind="zoom",
        recipe={"dream": {**DREAM, "octaves": 2, "iterations": 4}, "frames": 60, "rotate": "1", "loop": True},
        inputs={"picture": InputFile(path="photo.png")},
        outputs={"film": OutputPlace(path="film.mp4")},
    )


def video(folder: Path) -> JobSpec:
    """Return a dreamed video whose frames fill more than one part."""
    _clip(folder / "clip.mp4", (90, 120), 60)
    return JobSpec(
        kind="video",
        recipe={"dream": {**DREAM, "octaves": 2, "iterations": 4}, "coherence": 0.8},
        inputs={"video": InputFile(path="clip.mp4")},
        outputs={"film": OutputPlace(path="film.mkv")},
    )


def atlas(folder: Path) -> JobSpec:  # noqa: ARG001 - it needs no file
    """Return an atlas of two layers."""
    thumbnail = {
        "param": "soft-fourier",
        "optimizer": "adam",
        "step_size": 0.05,
        "start": "pink",
        "octaves": 1,
    }
    return JobSpec(
        kind="atlas",
        recipe={
            "dream": {**thumbnail, "precision": "exact", "canvas": "32x48", "iterations": 6},
            "layers": ["stem", "blocks.1"],
            "batch": 5,
        },
        outputs={"atlas": OutputPlace(path="atlas")},
    )


def visualize(folder: Path) -> JobSpec:  # noqa: ARG001 - it needs no file
    """Return a picture that is begun with noise, with plots and the pictures between."""
    objective = 'channel("blocks.5", 3) - 0.01 * tv(2.0)'
    dream = {"objective": objective, "start": "noise", "canvas": "112x96", "octaves": 2, "iterations": 60}
    names = {"picture": "out.png", "plot": "plot.png", "plot_pixels": "pixels.png", "steps": "steps"}
    return JobSpec(
        kind="visualize",
        recipe={
            "dream": {**dream, "precision": "exact", "optimizer": "rmsprop", "smoothing": 0.9},
            "every": 7,
        },
        outputs={name: OutputPlace(path=path) for name, path in names.items()},
        machine=Machine(save_seconds=0.1),
    )


CASES: dict[str, Callable[[Path], JobSpec]] = {
    "dream": dream,
    "dream-on-disk": dream_on_disk,
    "bulk": bulk,
    "zoom": zoom,
    "video": video,
    "atlas": atlas,
    "visualize": visualize,
}


def _clip(path: Path, size: tuple[int, int], frames: int) -> None:
    """Write a video in which noise moves to the left."""
    rng = np.random.RandomState(size[0])
    wide = Image.fromarray(rng.uniform(0, 255, (size[0] // 9, size[1] // 4, 3)).astype(np.uint8))
    pixels = np.asarray(wide.resize((2 * size[1], size[0]), Image.Resampling.BICUBIC))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = size[1], size[0], "yuv420p"
        for index in range(frames):
            shown = np.ascontiguousarray(pixels[:, index : index + size[1]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())


def _picture(path: Path, size: tuple[int, int]) -> None:
    rng = np.random.RandomState(size[0])
    noise = rng.uniform(0, 255, (size[0] // 9, size[1] // 9, 3)).astype(np.uint8)
    Image.fromarray(noise).resize(size[::-1], Image.Resampling.BICUBIC).save(path)


@contextmanager
def process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the job in a folder, begun or gone on with; the block begins at its first event, and ends it."""
    with subprocess.Popen([sys.executable, "-c", CHILD], cwd=folder, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child
        finally:
            child.kill()


def finished(folder: Path) -> dict[str, bytes]:
    """Let the job in a folder end, and return what it wrote."""
    with process(folder) as child:
        child.communicate()
        if child.returncode:
            raise SystemExit(f"error: the job in {folder} failed")
    outputs = JobSpec.read((folder / "spec.json").read_text()).outputs.values()
    roots = [folder / each.path for each in outputs]
    files = [file for root in roots for file in ([root] if root.is_file() else sorted(root.rglob("*")))]
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in files
        if each.is_file() and each.name != DATED
    }


def place(root: Path, kind: str, name: str) -> Path:
    """Make a folder with all that a job of a kind needs."""
    folder = root / kind / name
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(CASES[kind](folder).model_dump_json())
    return folder


def killed(folder: Path, seconds: float) -> bool:
    """Run the job in a folder, kill it after so many seconds, and return whether it was still at work."""
    with process(folder) as child:
        try:
            child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return True
    return False


def check(root: Path, kind: str, moments: int, rng: random.Random) -> bool:
    """Kill jobs of a kind at so many moments, say what came of it, and return whether all ended as they should."""
    whole = place(root, kind, "whole")
    begun = time.monotonic()
    wanted = finished(whole)
    length = time.monotonic() - begun
    done, runs, good = 0, 0, True
    while done < moments:
        folder = place(root, kind, str(runs))
        # Two kills a job, so that one that was gone on with is killed, too.
        for _ in range(min(2, moments - done)):
            done += killed(folder, rng.uniform(0, 0.6 * length))
        found = finished(folder)
        runs += 1
        if found != wanted:
            differ = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
            print(f"{kind}: {folder} differs in {', '.join(differ)}")
            good = False
    said = "all identical" if good else "NOT identical"
    print(
        f"{kind}: killed {done} times in {runs} jobs of {length:.1f} s; {len(wanted)} files, {said}",
        flush=True,
    )
    return good


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=50, help="how many kills in all (50)")
    parser.add_argument("--kinds", default=",".join(CASES), help="which, with commas between (all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - set(CASES):
        raise SystemExit(f"error: there is no case for {sorted(unknown)[0]}; there are {', '.join(CASES)}")
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as root:
        shares = [
            options.moments // len(kinds) + (n < options.moments % len(kinds)) for n in range(len(kinds))
        ]
        results = [check(Path(root), kind, share, rng) for kind, share in zip(kinds, shares, strict=True)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
