"""What a dream's score and penalties were, step by step: to print, and to plot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from batcountry.dreams.steps import Step
from batcountry.errors import MissingExtra
from batcountry.image.files import encode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Lines = Mapping[str, Sequence[float]]
"""Values by name, one for each step, counted from 1. Values that are not finite leave gaps."""

_POSITIONS = {"¼ ¼": (0.25, 0.25), "¾ ¾": (0.75, 0.75), "¼ ¾": (0.25, 0.75), "¾ ¼": (0.75, 0.25)}
_PLANES = {"red": "#c0392b", "green": "#27864b", "blue": "#2457b5", "alpha": "#6f6f6f"}
_COLORS = ("#2457b5", "#d9822b")  # of lines that are no planes
_WIDTH, _HEIGHT, _PADDING, _DPI = 9.0, 2.4, 0.12, 150  # of a panel, in inches; dots per inch
_FEW = 60  # steps up to which each has its dot

_TOGETHER = {"step": ("mean step", "median step"), "picture": ("mean", "std")}
"""Numbers that share a plot, by its title."""

_MOST_NAMES = 200


class History:
    """Remembers numbers of each step."""

    def __init__(self) -> None:
        self._image: Tensor | None = None
        self.octaves: list[int] = []
        """The first step of each octave, counted from 1."""
        self.numbers: dict[str, list[float]] = {}
        """By name: the score, each penalty by its text, how far colors were moved, their mean and standard deviation."""
        self.pixels: dict[str, list[float]] = {}
        """Gray levels at four positions in the picture, by color plane and position (down, across)."""

    @property
    def is_whole(self) -> bool:
        """Whether it has what `add` writes: as many numbers of each name as there were steps, and no names without end."""
        lengths = {len(each) for each in (*self.numbers.values(), *self.pixels.values())}
        usual = {"score", *(name for names in _TOGETHER.values() for name in names)}
        if (
            len(lengths) != 1
            or not usual <= set(self.numbers)
            or len(self.numbers) + len(self.pixels) > _MOST_NAMES
        ):
            return False
        return lengths.pop() > 0 and all(each >= 1 for each in self.octaves)

    def add(self, step: Step) -> None:
        """Take note of a step."""
        if step.iteration == 0:
            self.octaves.append(len(self.numbers.get("score", ())) + 1)
        same = self._image is not None and self._image.shape == step.image.shape
        change = (step.image - self._image).abs().flatten() if same and self._image is not None else None
        self._image = step.image
        numbers = {
            "score": step.score,
            **step.terms,
            "mean step": math.nan if change is None else float(change.mean()),
            "median step": math.nan if change is None else float(change.median()),
            "mean": float(step.image.mean()),
            "std": float(step.image.std()),
        }
        for name, value in numbers.items():
            self.numbers.setdefault(name, []).append(value)
        height, width = step.size
        for position, (down, across) in _POSITIONS.items():
            values = step.image[0, :, int(down * height), int(across * width)]
            for plane, value in zip(_PLANES, torch.as_tensor(values).tolist(), strict=False):
                self.pixels.setdefault(f"{plane} {position}", []).append(value)

    def go_on(self, step: Step) -> None:
        """Take a step that was added before, as a dream that is gone on with begins with it."""
        self._image = step.image

    def line(self) -> str:
        """Return the last step's numbers as text."""
        last = {name: values[-1] for name, values in self.numbers.items() if math.isfinite(values[-1])}
        return ", ".join(f"{name} {value:.4g}" for name, value in last.items())

    def save_plot(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the numbers as line plots, a picture with a panel for each.

        Raises
        ------
        OutputExists
            If something is there and not `overwrite`.
        MissingExtra
            If Matplotlib is not installed.
        """
        _save(dict(self._panels()), self.octaves, path, overwrite=overwrite)

    def save_pixels(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the pixels' gray levels as line plots, with a panel for each position; see `save_plot`."""
        panels = {}
        for position in _POSITIONS:
            down, across = position.split()
            panels[f"pixel {down} down, {across} across: gray levels"] = {
                plane: self.pixels[f"{plane} {position}"]
                for plane in _PLANES
                if f"{plane} {position}" in self.pixels
            }
        _save(panels, self.octaves, path, overwrite=overwrite)

    def _panels(self) -> Iterator[tuple[str, Lines]]:
        grouped = {name for names in _TOGETHER.values() for name in names}
        for name, values in self.numbers.items():
            if name not in grouped:
                yield name, {name: values}
        for title, names in _TOGETHER.items():
            yield f"{title}, gray levels", {name: self.numbers[name] for name in names}


def check_plots() -> None:
    """Raise `MissingExtra` if Matplotlib is not installed, before there is anything to plot."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtra("a plot", "matplotlib", "plots") from None


def line_plots(panels: Mapping[str, Lines], octaves: Sequence[int] = ()) -> Image.Image:
    """Return a picture of line plots, one below the other.

    Parameters
    ----------
    panels
        What each shows, by its title.
    octaves
        The first step of each octave.

    Raises
    ------
    MissingExtra
        If Matplotlib is not installed.
    """
    check_plots()
    # Without pyplot, which keeps figures, and a backend, for the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((_WIDTH, _HEIGHT * len(panels)), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=_PADDING, h_pad=_PADDING)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        _style(ax, shorten(title, 110, placeholder=" …"), octaves)
        _draw(ax, lines)
    axes[-1].set_xlabel("step", color="#505050")
    canvas.draw()
    return Image.frombytes("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")


def _style(ax: Axes, title: str, octaves: Sequence[int]) -> None:
    ax.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color="#202020", parse_math=False)
    ax.set_facecolor("white")
    ax.grid(visible=True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors="#505050", labelsize=9, length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color("#b0b0b0")
    ax.locator_params(axis="x", integer=True)
    for first in octaves[1:]:
        ax.axvline(first - 0.5, color="#9a9a9a", linewidth=1, linestyle=(0, (3, 3)), zorder=1)


def _draw(ax: Axes, lines: Lines) -> None:
    steps = max([len(values) for values in lines.values()], default=0)
    for index, (name, values) in enumerate(lines.items()):
        ax.plot(
            range(1, len(values) + 1),
            [value if math.isfinite(value) else math.nan for value in values],
            color=_PLANES.get(name, _COLORS[index % len(_COLORS)]),
            linewidth=1.6,
            marker="o" if steps <= _FEW else "",
            markersize=3.2,
            label=name,
        )
    ax.set_xlim(0.5, max(steps, 1) + 0.5)
    if len(lines) > 1:
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1, 0.98),
            ncols=len(lines),
            frameon=False,
            fontsize=9,
            labelcolor="#303030",
        )


def _save(panels: Mapping[str, Lines], octaves: Sequence[int], path: Path, *, overwrite: bool) -> None:
    encode(line_plots(panels, octaves), path, note=None, icc=None, quality=95, overwrite=overwrite)
