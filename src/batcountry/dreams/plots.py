"""Line plots, drawn without a library of plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

_COLORS = ("#c03028", "#2a7e43", "#2456b4", "#b8860b", "#7b3fa0", "#0f8b8d", "#d1588a", "#5c5c5c")
_WIDTH, _HEIGHT = 900, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 88, 20, 34, 30


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes
    ----------
    title
        What is shown.
    lines
        Values by name, one for each step, counted from 1. Values that are not finite leave gaps.
    marks
        Steps before which something new begins: drawn as thin upright lines.
    """

    title: str
    lines: Mapping[str, Sequence[float]]
    marks: Sequence[int] = field(default=())


def plot(panels: Sequence[Panel]) -> Image.Image:
    """Return a picture of panels one below the other."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT * len(panels)), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13)
    for index, panel in enumerate(panels):
        _Axes(panel, index * _HEIGHT).draw(draw, font)
    return image


class _Axes:
    """Where a panel's values lie in the picture."""

    def __init__(self, panel: Panel, top: int) -> None:
        self.panel = panel
        self.top, self.bottom = top + _TOP, top + _HEIGHT - _BOTTOM
        finite = [value for line in panel.lines.values() for value in line if math.isfinite(value)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        self.low, self.high = low - room, high + room
        self.steps = max([len(line) for line in panel.lines.values()], default=1)

    def x(self, step: float) -> float:
        return _LEFT + (step - 1) / max(self.steps - 1, 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def draw(self, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        draw.text((_LEFT, self.top - 24), self.panel.title, "black", font)
        for value in ticks(self.low, self.high):
            draw.line([(_LEFT, self.y(value)), (_WIDTH - _RIGHT, self.y(value))], "#e4e4e4")
            draw.text((_LEFT - 8, self.y(value)), f"{value:.4g}", "#606060", font, anchor="rm")
        for step in ticks(1, self.steps):
            if step == int(step) >= 1:
                draw.text((self.x(step), self.bottom + 6), f"{int(step)}", "#606060", font, anchor="mt")
        for mark in self.panel.marks:
            draw.line([(self.x(mark), self.top), (self.x(mark), self.bottom)], "#b0b0b0")
        draw.rectangle([_LEFT, self.top, _WIDTH - _RIGHT, self.bottom], outline="#808080")
        self._lines(draw, font)

    def _lines(self, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        right = float(_WIDTH - _RIGHT)
        several = len(self.panel.lines) > 1
        for index, (name, line) in reversed(list(enumerate(self.panel.lines.items()))):
            color = _COLORS[index % len(_COLORS)]
            points = [(self.x(i + 1), self.y(v)) if math.isfinite(v) else None for i, v in enumerate(line)]
            for here, there in pairwise(points):
                if here is not None and there is not None:
                    draw.line([here, there], color, 2)
            if several:
                draw.text((right, self.top - 24), name, color, font, anchor="rt")
                right -= draw.textlength(name, font) + 14


def ticks(low: float, high: float) -> list[float]:
    """Return up to about six round numbers between two."""
    if not high > low:
        return [low]
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 5, 10) if size * each >= rough)
    first = math.ceil(low / step)
    return [round(index * step, 12) for index in range(first, math.floor(high / step) + 1)]
