"""What a dream's score and penalties were, step by step: to print, and to plot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from batcountry.dreams.plots import Panel, plot
from batcountry.dreams.steps import Step
from batcountry.image.files import encode

_PLACES = {"¼ ¼": (0.25, 0.25), "¾ ¾": (0.75, 0.75), "¼ ¾": (0.25, 0.75), "¾ ¼": (0.75, 0.25)}
_PLANES = ("red", "green", "blue", "alpha")


class History:
    """Remembers numbers of each step."""

    def __init__(self) -> None:
        self._image: Tensor | None = None
        self.octaves: list[int] = []
        """Steps, counted from 1, with which a larger octave began."""
        self.numbers: dict[str, list[float]] = {}
        """By name: the score, each penalty by its text, how far colors were moved, their mean and spread."""
        self.pixels: dict[str, list[float]] = {}
        """Gray levels at four places of the picture, by color plane and place (down, across)."""

    def add(self, step: Step) -> None:
        """Take note of a step."""
        if step.iteration == 0 and step.octave:
            self.octaves.append(len(self.numbers["score"]) + 1)
        same = self._image is not None and self._image.shape == step.image.shape
        moved = (step.image - self._image).abs().flatten() if same and self._image is not None else None
        self._image = step.image
        found = {
            "score": step.score,
            **step.terms,
            "mean step": math.nan if moved is None else float(moved.mean()),
            "median step": math.nan if moved is None else float(moved.median()),
            "mean": float(step.image.mean()),
            "spread": float(step.image.std()),
        }
        for name, value in found.items():
            self.numbers.setdefault(name, []).append(value)
        height, width = step.size
        for place, (down, across) in _PLACES.items():
            values = step.image[0, :, int(down * height), int(across * width)]
            for plane, value in zip(_PLANES, torch.as_tensor(values).tolist(), strict=False):
                self.pixels.setdefault(f"{plane} {place}", []).append(value)

    def go_on(self, step: Step) -> None:
        """Take a step that was added before, as a dream that is gone on with begins with it."""
        self._image = step.image

    def line(self) -> str:
        """Return the last step's numbers as text."""
        known = {name: values[-1] for name, values in self.numbers.items() if math.isfinite(values[-1])}
        return ", ".join(f"{name} {value:.4g}" for name, value in known.items())

    def save_plot(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the numbers as line plots, a PNG; raises `OutputExists` if something is there and not `overwrite`."""
        _save(list(self._panels()), path, overwrite=overwrite)

    def save_pixels(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the pixels' gray levels as line plots, with a panel for each place; see `save_plot`."""
        panels = []
        for place in _PLACES:
            lines = {
                plane: self.pixels[f"{plane} {place}"]
                for plane in _PLANES
                if f"{plane} {place}" in self.pixels
            }
            down, across = place.split()
            panels.append(Panel(f"pixel {down} down, {across} across: gray levels", lines, self.octaves))
        _save(panels, path, overwrite=overwrite)

    def _panels(self) -> Iterator[Panel]:
        together = {"step": ("mean step", "median step"), "picture": ("mean", "spread")}
        taken = {name for names in together.values() for name in names}
        for name, values in self.numbers.items():
            if name not in taken:
                yield Panel(name, {name: values}, self.octaves)
        for title, names in together.items():
            lines = {name: self.numbers[name] for name in names}
            yield Panel(f"{title}, gray levels", lines, self.octaves)


def _save(panels: list[Panel], path: Path, *, overwrite: bool) -> None:
    encode(plot(panels), path, note=None, icc=None, quality=95, overwrite=overwrite)
