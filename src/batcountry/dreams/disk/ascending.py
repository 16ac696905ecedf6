"""The gradient of a picture on disk, tile by tile, and on a graphics card without waiting between tiles."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

import torch
from torch import Tensor

from batcountry.backend.checks import check
from batcountry.backend.graphs import step_kind
from batcountry.backend.side_by_side import ahead, behind
from batcountry.backend.transfers import Fetched, Sent, fetch, send
from batcountry.dreams.disk.canvas import Canvas, Workable
from batcountry.errors import BatCountryError, RecipeError
from batcountry.optim.finite import is_broken
from batcountry.optim.tile_axes import Span
from batcountry.optim.tile_batches import TileBatches
from batcountry.optim.tiles import Tile, TileScorer

_WINDOWS = 2
"""Batches of windows that wait for the network, and of their gradients that wait to be added."""


def ascend(
    image: Workable,
    gradient: Workable,
    scorer: TileScorer,
    tiles: list[Tile],
    units: dict[str, int],
    shift: tuple[int, int],
    together: int | None = None,
) -> float:
    """Add the gradient of a picture rolled by (y, x) up on a canvas, rolled back, and return the score.

    Parameters
    ----------
    together
        See `batcountry.optim.tile_batches.TileBatches`.

    Raises
    ------
    ModelError, RecipeError
        If it is not finite.
    """
    if step_kind(scorer.device) != "plain":
        return _Ascending(image, gradient, scorer, tiles, units, shift, TileBatches(scorer, together)).run()
    score = scorer.constant
    for tile in tiles:
        rows, columns = _place(tile, shift)
        share, part = scorer(image.read(rows, columns).to(scorer.device), tile, units)
        gradient.add(rows, columns, part)
        score += float(share)
    return score


class _Part(NamedTuple):
    """A tile's gradient, where it is, or on its way."""

    tile: Tile
    gradient: Tensor | Fetched


class _Ascending(NamedTuple):
    """What `ascend` does on a device: windows come from disk ahead of the network, and gradients go there behind it."""

    image: Workable
    gradient: Workable
    scorer: TileScorer
    tiles: list[Tile]
    units: dict[str, int]
    shift: tuple[int, int]
    batches: TileBatches

    def run(self) -> float:
        """Work all tiles out, and return the score."""
        first = self.image.read(*_place(self.tiles[0], self.shift)).to(self.scorer.device)
        work = self.batches.work(self.tiles, first, {})
        groups = [self.tiles[at : at + work.count] for at in range(0, len(self.tiles), work.count)]
        broken = torch.zeros((), dtype=torch.bool, device=self.scorer.device)
        on_disk = isinstance(self.image, Canvas)
        score = broken.to(work.score.dtype)

        def parts() -> Generator[list[_Part]]:
            nonlocal score, broken
            windows = ahead(self._windows(groups), _WINDOWS) if on_disk else self._windows(groups)
            with closing(windows):
                for group, some in zip(groups, windows, strict=True):
                    for index, (tile, window) in enumerate(zip(group, some, strict=True)):
                        work.put_window(index, tile, self.units, window.tensor())
                    for index in range(len(group), work.count):
                        work.leave_out(index)
                    work.run()
                    score, broken = score + work.score, broken | is_broken(work.score, work.gradient)
                    found = work.gradient[: len(group)]
                    yield self._parts(group, found.clone() if on_disk else found)

        for _ in behind(self._add, parts(), _WINDOWS) if on_disk else map(self._add, parts()):
            pass
        check(broken, self._culprit)
        return self.scorer.constant + float(score)

    def _windows(self, groups: list[list[Tile]]) -> Generator[list[Sent]]:
        for group in groups:
            yield [self._window(tile) for tile in group]

    def _window(self, tile: Tile) -> Sent:
        window = self.image.read(*_place(tile, self.shift))
        if window.device.type != "cpu" or not isinstance(self.image, Canvas):
            return Sent(window)
        return send(window.contiguous().numpy(), self.scorer.device)

    def _parts(self, group: list[Tile], found: Tensor) -> list[_Part]:
        on_disk = isinstance(self.gradient, Canvas)
        each = (found[index : index + 1] for index in range(len(group)))
        return [_Part(tile, fetch(part) if on_disk else part) for tile, part in zip(group, each, strict=True)]

    def _add(self, parts: list[_Part]) -> None:
        for tile, part in parts:
            values = torch.from_numpy(part.array()) if isinstance(part, Fetched) else part
            self.gradient.add(*_place(tile, self.shift), values)

    def _culprit(self) -> BatCountryError:
        try:
            for tile in self.tiles:
                self.scorer(
                    self.image.read(*_place(tile, self.shift)).to(self.scorer.device), tile, self.units
                )
        except BatCountryError as error:
            return error
        return RecipeError("the gradient is not finite; make the objective's weights smaller")


def _place(tile: Tile, shift: tuple[int, int]) -> tuple[range, range]:
    """Return the rows and columns of a tile's window in the picture that is not rolled."""
    return _unrolled(tile.rows, shift[0]), _unrolled(tile.columns, shift[1])


def _unrolled(span: Span, shift: int) -> range:
    return range(span.start - shift, span.stop - shift)
