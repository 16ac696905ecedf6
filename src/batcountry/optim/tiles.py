"""Tiles: a picture's gradient in pieces that are exact, in a bounded amount of memory.

A local objective is a sum over a layer's units. The picture is cut into cores, and each unit
belongs to the core that holds its place. What the units of one core see is the core's window: the
core and a halo around it, aligned to the network's stride. The gradient of one core's share of the
score, on its window, is thus the whole network's; added up over all cores it is that of the picture.

At the picture's own borders windows end, so that the network pads there as it does on a whole
picture. Along a wrapped axis there are no borders: windows go on at the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from math import isqrt, lcm
from typing import NamedTuple

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back
from batcountry.backend.determinism import same_each_time
from batcountry.backend.float32 import full_float32
from batcountry.backend.memory_limit import MemoryLimit
from batcountry.errors import RecipeError
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.image.sampling import add_round
from batcountry.models.model import Layer, Model
from batcountry.objectives.base import Objective
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs
from batcountry.optim.finite import check_step
from batcountry.optim.tile_axes import Axis, Span


@dataclass(frozen=True)
class Tile:
    """A piece of the picture: a span of rows and one of columns."""

    rows: Span
    columns: Span

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of its window in pixels."""
        return len(self.rows.pixels), len(self.columns.pixels)

    def core(self, activation: Tensor, layer: Layer) -> Tensor:
        """Return what belongs to the core of a layer's activation on the window."""
        return activation[..., self.rows.units(layer), self.columns.units(layer)]

    def read(self, image: Tensor) -> Tensor:
        """Return the window of (…, H, W), reading on at the other side beyond an edge."""
        return read_window(image, self.rows.pixels, self.columns.pixels)

    def add(self, part: Tensor, total: Tensor) -> None:
        """Add values on the window to (…, H, W), in place, going on at the other side beyond an edge."""
        height, width = total.shape[-2:]
        if _inside(self.rows.pixels, height) and _inside(self.columns.pixels, width):
            _read_axis(_read_axis(total, -2, self.rows.pixels), -1, self.columns.pixels).add_(part)
            return
        narrow = total.new_zeros(*part.shape[:-1], width)
        add_round(part, narrow, -1, self.columns.pixels)
        add_round(narrow, total, -2, self.rows.pixels)


def read_window(image: Tensor, rows: range, columns: range) -> Tensor:
    """Return a piece of (…, H, W); indices beyond an edge go on at the other side."""
    return _read_axis(_read_axis(image, -2, rows), -1, columns)


def _inside(pixels: range, length: int) -> bool:
    return pixels.start >= 0 and pixels.stop <= length


def _read_axis(image: Tensor, axis: int, pixels: range) -> Tensor:
    length = image.shape[axis]
    if _inside(pixels, length):
        return image.narrow(axis, pixels.start, len(pixels))
    return image.index_select(axis, _indices(pixels, image.device) % length)


def _indices(pixels: range, device: torch.device) -> Tensor:
    return torch.arange(pixels.start, pixels.stop, device=device)


@dataclass(frozen=True)
class Halo:
    """What windows have to add to cores for some layers: pixels before and after, and the network's grid."""

    before: int
    after: int
    grid: int

    @classmethod
    def of(cls, model: Model, objective: Objective) -> Halo:
        """Return the halo that an objective needs.

        Raises
        ------
        RecipeError
            If the objective is not local, or one of its layers sees the whole picture.
        LayerNotFound
            If the model lacks a layer.
        """
        for _, term in objective.of_layers.terms:
            if not term.local:
                raise RecipeError(
                    f"{term} depends on the whole picture at once, so it cannot be worked out in tiles, "
                    "nor with wrap; shrink the picture with size, or choose a local objective"
                )
        layers = [model.layer(name) for name in objective.layers]
        grid = 1
        for layer in layers:
            if layer.grid is None or layer.receptive_field is None:
                raise RecipeError(
                    f"units of the layer {layer.name!r} have no place of their own in the picture, so it cannot be "
                    "worked out in tiles, nor with wrap; shrink the picture with size, or choose an earlier layer"
                )
            grid = lcm(grid, layer.grid)
        after = max((layer.receptive_field or 1) - 1 - layer.before for layer in layers)
        return cls(max(0, *(layer.before for layer in layers)), max(0, after), grid)

    @property
    def lead(self) -> int:
        """Pixels that a window begins before its core, a multiple of the grid."""
        return -(-self.before // self.grid) * self.grid

    def largest(self, side: int) -> int:
        """Return how many pixels a window has at most, if cores inside the picture are `side` pixels wide and high."""
        return (max(side, self.grid) + self.lead + self.after + self.grid - 1) ** 2

    def side(self, pixels: float) -> int | None:
        """Return the side of a core whose window has at most so many pixels; None if there is none so small."""
        side = (isqrt(int(pixels)) - self.lead - self.after - self.grid + 1) // self.grid * self.grid
        return side if side > 0 else None

    def tiles(self, size: tuple[int, int], side: int | None, wrap: Wrap = NO_WRAP) -> list[Tile]:
        """Cut a picture of (height, width) into tiles whose windows have one shape.

        The windows have at most the pixels that a tile of `side` would have inside the picture; of
        the cuts into rows and columns that keep to that, it is the one in which the network sees the
        fewest pixels in all. With no side there is one tile. The last tile has the last row and the last column.
        """
        rows, columns = self._cut(size, side, wrap)
        return [Tile(row, column) for row in rows.spans() for column in columns.spans()]

    def seen(self, size: tuple[int, int], side: int | None, wrap: Wrap = NO_WRAP) -> Seen:
        """Return what the network sees of a picture that is cut into `tiles`."""
        rows, columns = self._cut(size, side, wrap)
        window = rows.window * columns.window
        return Seen(rows.count, columns.count, window, rows.count * columns.count * window)

    def _cut(self, size: tuple[int, int], side: int | None, wrap: Wrap) -> tuple[Axis, Axis]:
        if side is None:
            return self._axis(size[0], 1, wrap[0]), self._axis(size[1], 1, wrap[1])
        limit = self.largest(side)
        rows, columns = (list(self._axes(length, round_)) for length, round_ in zip(size, wrap, strict=True))
        fitting = []
        at = len(columns) - 1
        for row in rows:  # the more rows there are, the lower they are, and the fewer columns will do
            while at and row.window * columns[at - 1].window <= limit:
                at -= 1
            fitting.append((row, columns[at]))
        # No cut is finer than the grid, so that the finest is taken if none keeps to the limit.
        kept = [(row, column) for row, column in fitting if row.window * column.window <= limit]
        return min(kept or fitting[-1:], key=lambda cut: cut[0].seen * cut[1].seen)

    def _axes(self, length: int, wrap: bool) -> Iterator[Axis]:
        """Yield all cuts of an axis, from one core to as many as there can be."""
        last = 0
        for count in range(1, -(-length // self.grid) + 1):
            axis = self._axis(length, count, wrap)
            if axis.count > last:
                yield axis
            last = axis.count

    def _axis(self, length: int, count: int, wrap: bool) -> Axis:
        """Cut an axis into at most `count` cores whose windows are of one length."""
        margin = self.lead + self.after
        # The picture's ends need no margin of their own, so the first and the last core have it besides.
        inner = length if wrap else max(length - margin, 1)
        step = -(-inner // count // self.grid) * self.grid
        count = -(-inner // step)
        window = step + margin
        if not wrap:  # the last one, which ends where the picture does, starts on the grid too
            window = length if count == 1 else window + (length - window) % self.grid
        return Axis(length, count, step, window, self.lead, wrap)


class Seen(NamedTuple):
    """Rows and columns of tiles, pixels of one window, and of all."""

    rows: int
    columns: int
    window: int
    total: int


class TileScorer:
    """The gradient of one tile's share of the score that an objective gives to layers.

    Parameters
    ----------
    limit
        What memory the process is kept to while a tile is worked out; with none, what there is.

    Attributes
    ----------
    constant
        What the objective adds to the score of all tiles together.
    model, layers, terms
        The network, the layers that are read, by name, and (weight, term, scorer) of what is made of them.

    Raises
    ------
    RecipeError
        If the objective cannot be worked out in tiles.
    """

    def __init__(self, model: Model, objective: Objective, *, limit: MemoryLimit | None = None) -> None:
        self.halo = Halo.of(model, objective)
        self._limit = limit
        self._shape: torch.Size | None = None
        self.device = model.device
        self.model, self._objective = model, objective
        self.layers = {name: model.layer(name) for name in objective.layers}
        self.terms = objective.of_layers.scorers(model)
        self.constant = objective.constant

    def units(self, tiles: list[Tile], dtype: torch.dtype = torch.float32) -> dict[str, int]:
        """Return how many units each layer has in all tiles of a picture, which its mean is taken over."""
        last = tiles[-1]
        with torch.no_grad():
            blank = torch.zeros(1, self.model.channels, *last.window, dtype=dtype, device=self.model.device)
            activations = self.model.activations(blank, self.layers)
        return {
            name: last.rows.count(activations[name].shape[-2], layer)
            * last.columns.count(activations[name].shape[-1], layer)
            for name, layer in self.layers.items()
        }

    def __call__(
        self, window: Tensor, tile: Tile, units: Mapping[str, int], aux_inputs: AuxInputs = NO_AUX_INPUTS
    ) -> tuple[Tensor, Tensor]:
        """Return a tile's share of the score, and its gradient on the window, (N, 3, h, w).

        Parameters
        ----------
        window : (N, 3, h, w), RGB in gray levels
        units
            What `units` gave for all tiles of the picture.
        aux_inputs
            The window's part of the pictures that the objective reads too.

        Raises
        ------
        ModelError, RecipeError
            If either is not finite; see `batcountry.optim.finite.culprit`.
        """
        if window.shape != self._shape:
            give_back()
        self._shape = window.shape
        pixels = window.shape[0] * window.shape[-2] * window.shape[-1]
        limited = nullcontext() if self._limit is None else self._limit.over(pixels)
        device = window.device
        with (
            limited,
            torch.inference_mode(False),
            torch.enable_grad(),
            full_float32(),
            same_each_time(device),
        ):
            leaf = window.detach().clone().requires_grad_()
            activations = self.model.activations(leaf, self.layers)
            shares = list(self._shares({**activations, **aux_inputs}, tile, units))
            if not shares:  # a layer has no units where only a strip is left beyond its last
                return torch.zeros((), device=window.device), torch.zeros_like(window)
            score = sum(shares[1:], shares[0])
            (gradient,) = torch.autograd.grad(score, leaf)
        scored = score.detach(), gradient
        check_step(self.model, self._objective, window, aux_inputs, scored)
        return scored

    def _shares(
        self, activations: Mapping[str, Tensor], tile: Tile, units: Mapping[str, int]
    ) -> Iterator[Tensor]:
        for weight, term, scorer in self.terms:
            (name,) = term.layers
            core = tile.core(scorer(activations), self.layers[name])
            if core.numel():
                yield weight / units[name] * core.sum()
