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
from dataclasses import dataclass
from math import lcm

import torch
from torch import Tensor

from batcountry.beside import NOTHING, Beside
from batcountry.errors import RecipeError
from batcountry.models.model import Layer, Model
from batcountry.objectives.base import Objective
from batcountry.wrap import NO_WRAP, Wrap


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels: the core from `first` up to `last`, its window from `start` up to `stop`.

    A window may reach over the ends of a wrapped axis. `final` says that units beyond `last` belong to it too.
    """

    first: int
    last: int
    start: int
    stop: int
    final: bool

    @property
    def pixels(self) -> range:
        """The window's pixels."""
        return range(self.start, self.stop)

    def units(self, layer: Layer) -> slice:
        """Return which of the units that a layer makes of the window are the core's."""
        stride = layer.stride or 1
        end = None if self.final else -(-(self.last - self.start) // stride)
        return slice((self.first - self.start) // stride, end)

    def count(self, made: int, layer: Layer) -> int:
        """Return how many units a layer has along the axis, of the last span and what the layer makes of its window."""
        stride = layer.stride or 1
        return self.start // stride + made if self.final else -(-self.last // stride)


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
        return _taken(_taken(image, -2, self.rows.pixels), -1, self.columns.pixels)

    def add(self, part: Tensor, total: Tensor) -> None:
        """Add values on the window to (…, H, W), in place, going on at the other side beyond an edge."""
        height, width = total.shape[-2:]
        if _inside(self.rows.pixels, height) and _inside(self.columns.pixels, width):
            _taken(_taken(total, -2, self.rows.pixels), -1, self.columns.pixels).add_(part)
            return
        rows, columns = (
            torch.tensor(span.pixels, device=total.device) % size
            for span, size in ((self.rows, height), (self.columns, width))
        )
        narrow = total.new_zeros(*part.shape[:-1], width).index_add_(-1, columns, part)
        total.index_add_(-2, rows, narrow)


def _inside(pixels: range, length: int) -> bool:
    return pixels.start >= 0 and pixels.stop <= length


def _taken(image: Tensor, axis: int, pixels: range) -> Tensor:
    length = image.shape[axis]
    if _inside(pixels, length):
        return image.narrow(axis, pixels.start, len(pixels))
    return image.index_select(axis, torch.tensor(pixels, device=image.device) % length)


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
        for each in layers:
            if each.grid is None or each.receptive_field is None:
                raise RecipeError(
                    f"units of the layer {each.name!r} have no place of their own in the picture, so it cannot be "
                    "worked out in tiles, nor with wrap; shrink the picture with size, or choose an earlier layer"
                )
            grid = lcm(grid, each.grid)
        after = max((each.receptive_field or 1) - 1 - each.before for each in layers)
        return cls(max(0, *(each.before for each in layers)), max(0, after), grid)

    def side(self, wanted: int) -> int:
        """Return the largest side of a core that fits the grid and is at most `wanted`, but at least the grid."""
        return max(self.grid, wanted // self.grid * self.grid)

    def spans(self, length: int, side: int | None, wrap: bool) -> list[Span]:
        """Cut an axis of `length` pixels into even cores of at most `side` pixels; with no side, into one."""
        found = []
        count = -(-length // self.side(side)) if side else 1
        step = -(-length // count // self.grid) * self.grid
        for first in range(0, length, step):
            last = min(first + step, length)
            start, stop = (first - self.before) // self.grid * self.grid, last + self.after
            if not wrap:
                # What is left for the last core may be too narrow for the network to run on.
                least = (length - self.before - 1 - self.after) // self.grid * self.grid
                start, stop = max(min(start, least), 0), min(stop, length)
            final = last == length and not wrap
            found.append(Span(first, last, start, length if final else stop, final))
        return found

    def tiles(self, size: tuple[int, int], side: int | None, wrap: Wrap = NO_WRAP) -> list[Tile]:
        """Cut a picture of (height, width) into tiles with cores of at most `side` pixels; with no side, into one.

        The last one has the last row and the last column.
        """
        rows, columns = (self.spans(length, side, round_) for length, round_ in zip(size, wrap, strict=True))
        return [Tile(row, column) for row in rows for column in columns]


class TileScorer:
    """The gradient of one tile's share of the score that an objective gives to layers.

    Raises
    ------
    RecipeError
        If the objective cannot be worked out in tiles.
    """

    def __init__(self, model: Model, objective: Objective) -> None:
        self.halo = Halo.of(model, objective)
        self.device = model.device
        self._model = model
        self._layers = {name: model.layer(name) for name in objective.layers}
        self._terms = objective.of_layers.scorers(model)

    def units(self, tiles: list[Tile], dtype: torch.dtype = torch.float32) -> dict[str, int]:
        """Return how many units each layer has in all tiles of a picture, which its mean is taken over."""
        last = tiles[-1]
        with torch.no_grad():
            blank = torch.zeros(1, 3, *last.window, dtype=dtype, device=self._model.device)
            found = self._model.activations(blank, self._layers)
        return {
            name: last.rows.count(found[name].shape[-2], layer)
            * last.columns.count(found[name].shape[-1], layer)
            for name, layer in self._layers.items()
        }

    def __call__(
        self, window: Tensor, tile: Tile, units: Mapping[str, int], beside: Beside = NOTHING
    ) -> tuple[float, Tensor]:
        """Return a tile's share of the score, and its gradient on the window, (N, 3, h, w).

        Parameters
        ----------
        window : (N, 3, h, w), RGB in grey levels
        units
            What `units` gave for all tiles of the picture.
        beside
            The window's part of the pictures that the objective reads too.
        """
        with torch.inference_mode(False), torch.enable_grad():
            leaf = window.detach().clone().requires_grad_()
            activations = self._model.activations(leaf, self._layers)
            shares = list(self._shares({**activations, **beside}, tile, units))
            if not shares:  # a layer has no units where only a strip is left beyond its last
                return 0.0, torch.zeros_like(window)
            score = sum(shares[1:], shares[0])
            (found,) = torch.autograd.grad(score, leaf)
        return float(score.detach()), found

    def _shares(
        self, activations: Mapping[str, Tensor], tile: Tile, units: Mapping[str, int]
    ) -> Iterator[Tensor]:
        for weight, term, scorer in self._terms:
            (name,) = term.layers
            core = tile.core(scorer(activations), self._layers[name])
            if core.numel():
                yield weight / units[name] * core.sum()
