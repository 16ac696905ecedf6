"""The measures, each in bounded time on any machine, with the numbers as somebody who dreams would meet them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.devices import pick_device
from batcountry.dreams.api import dream
from batcountry.dreams.keywords import ModelLike
from batcountry.dreams.prepare import prepare
from batcountry.dreams.visualize import visualizing
from batcountry.errors import BatCountryError
from batcountry.image.sky import sky
from batcountry.models import Model
from batcountry.motion.api import zoom
from batcountry.recipe.presets import PRESETS

_CLASSES = ("goldfish", "lion", "volcano", "daisy", "castle", "pizza", "zebra", "flamingo")
_LONG = 25.0  # seconds, of a dream that is not worth waiting for


@dataclass(frozen=True)
class Sizes:
    """How large what is measured is, and how long that may take.

    Attributes
    ----------
    picture, frame
        (width, height) in pixels, of the dream and of the film.
    seconds
        After which nothing is measured once more, in each measure.
    most
        How often a dream is measured.
    frames
        Of the film, at most.
    preset
        Of the pictures of classes.
    """

    picture: tuple[int, int] = (1024, 575)
    frame: tuple[int, int] = (640, 360)
    seconds: float = 8.0
    most: int = 3
    frames: int = 48
    preset: str = "class-small"

    @classmethod
    def quick(cls) -> Sizes:
        """Return the same sizes, measured once."""
        return cls(seconds=3.0, most=1, frames=16)


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes
    ----------
    name
        Of the measure.
    value
        The number, or None if there is none.
    unit
        What it is in.
    runs
        How many runs, frames or iterations it is of.
    note
        What else is to be said.
    """

    name: str
    value: float | None
    unit: str
    runs: int
    note: str = ""

    def __str__(self) -> str:
        return "not measured" if self.value is None else f"{self.value:.3g} {self.unit}"


@dataclass(frozen=True)
class Benchmark:
    """A measure that is ready to run.

    Attributes
    ----------
    name
        What it is of.
    run
        Measures; what cannot be measured is a result that says why.
    """

    name: str
    run: Callable[[], Result]


def benchmarks(
    model: ModelLike = "efficientnet-lite0", device: str = "auto", sizes: Sizes | None = None
) -> list[Benchmark]:
    """Return the measures in the order that they are to be run in, as the first is of a process that has not dreamed yet.

    Parameters
    ----------
    model, device
        As for `dream`.
    sizes
        How large things are.
    """
    bench = _Bench(model, device, sizes or Sizes())
    width, height = bench.sizes.picture
    across, down = bench.sizes.frame
    found = {
        f"first dream, {width}×{height}": bench.first,
        f"dream, {width}×{height}, exact": bench.exact,
        f"dream, {width}×{height}, fast": bench.fast,
        f"zoom, {across}×{down}": bench.film,
        "pictures of classes, from noise": bench.classes,
    }
    return [Benchmark(name, _said(name, run)) for name, run in found.items()]


def _said(name: str, run: Callable[[str], Result]) -> Callable[[], Result]:
    def measured() -> Result:
        try:
            return run(name)
        except BatCountryError as error:
            return Result(name, None, "", 0, str(error))

    return measured


class _Bench:
    """What the measures share: the network, once it is open, and what was measured so far."""

    def __init__(self, model: ModelLike, device: str, sizes: Sizes) -> None:
        self._asked, self._device, self.sizes = model, device, sizes
        self._opened: Model | None = None
        self._image: NDArray[np.uint8] = sky(*sizes.picture)
        self._exact = 0.0

    @property
    def _model(self) -> Model:
        if self._opened is None:
            self._opened = prepare(options={"model": self._asked, "device": self._device}).open_model()
        return self._opened

    def _options(self, **more: Any) -> dict[str, Any]:
        return {"model": self._model, "device": self._device, **more}

    def first(self, name: str) -> Result:
        """Measure the first dream of a process, with opening the network."""
        begun = time.perf_counter()
        dream(self._image, **self._options())
        return Result(name, time.perf_counter() - begun, "s", 1, "the network opened, and all made ready")

    def exact(self, name: str) -> Result:
        """Measure dreams after the first."""
        result = self._dreams(name, "exact")
        self._exact = result.value or 0.0
        return result

    def fast(self, name: str) -> Result:
        """Measure them in the other precision, unless that would take long."""
        times = self._trial("exact"), self._trial("fast")
        expected = self._exact * times[1] / times[0]
        if expected > _LONG:
            return Result(name, None, "", 0, f"it would take about {expected:.0f} s on this processor")
        return self._dreams(name, "fast")

    def _trial(self, precision: str) -> float:
        """Return the seconds of a few small steps."""
        small: Any = self._options(precision=precision, octaves=1, iterations=2, tile=0)
        image = self._image[: self.sizes.picture[1] // 4, : self.sizes.picture[0] // 4]
        dream(image, **small)
        begun = time.perf_counter()
        dream(image, **small)
        return time.perf_counter() - begun

    def _dreams(self, name: str, precision: str) -> Result:
        options = self._options(precision=precision)
        times: list[float] = []
        while not times or (len(times) < self.sizes.most and sum(times) < self.sizes.seconds):
            begun = time.perf_counter()
            dream(self._image, **options)
            times.append(time.perf_counter() - begun)
        return Result(name, statistics.median(times), "s", len(times))

    def film(self, name: str) -> Result:
        """Measure a zoom's frames after the first two."""
        options: Any = self._options(frames=self.sizes.frames + 2)
        frames = zoom(sky(*self.sizes.frame), **options)
        next(frames)
        next(frames)
        begun, count = time.perf_counter(), 0
        for _ in frames:
            count += 1
            if time.perf_counter() - begun > self.sizes.seconds:
                break
        return Result(name, count / (time.perf_counter() - begun), "frames/s", count)

    def classes(self, name: str) -> Result:
        """Measure the iterations of some pictures that grow at once, after the first two."""
        aims, note = self._aims()
        options: Any = self._options(preset=self.sizes.preset)
        moments = visualizing(aims, **options)
        first = next(moments).step
        next(moments)
        begun, count = time.perf_counter(), 0
        for _ in moments:
            count += 1
            if time.perf_counter() - begun > self.sizes.seconds:
                break
        seconds = (time.perf_counter() - begun) / max(1, count) * first.iterations * first.octaves
        together = len(first.image)
        note = f"{note}{together} at once, {first.iterations} iterations"
        return Result(name, seconds / together, "s a picture", count, note)

    def _aims(self) -> tuple[list[str], str]:
        """Return objectives, and a word on them if the network has no such classes."""
        count = len(_CLASSES) * (1 if pick_device(self._device).type == "cpu" else 3)
        names = [_CLASSES[at % len(_CLASSES)] for at in range(count)]
        aims = [f'logit("{each}")' for each in names]
        try:
            visualizing(aims[:1], **self._options(**{**PRESETS[self.sizes.preset], "iterations": 1}))
        except BatCountryError:
            layer = self._model.layer(self._model.default_layer)
            aims = [f'channel("{layer.name}", {at % layer.channels})' for at in range(count)]
            return aims, f"channels of {layer.name}, "
        return aims, ""
