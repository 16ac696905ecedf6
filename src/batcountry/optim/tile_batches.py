"""Several tiles of one shape at once, on buffers that stay: how a graphics card works a picture in tiles out.

Small tiles are started quicker than piece by piece if several are one batch. Nothing is read from the device between tiles:
which units are a tile's own is a plane of weights, 0 for those of its neighbors, and whether all is finite is known at the
end. Work that comes often enough is recorded as a graph (`batcountry.backend.graphs`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import Tensor

from batcountry.backend.checks import check
from batcountry.backend.determinism import same_each_time
from batcountry.backend.devices import is_out_of_memory, measured, spare_memory, widened
from batcountry.backend.float32 import full_float32
from batcountry.backend.graphs import NotCapturedError, StepGraph, step_kind
from batcountry.backend.transfers import brought
from batcountry.errors import BatCountryError, RecipeError
from batcountry.optim.aux_inputs import AuxInputs
from batcountry.optim.finite import is_broken
from batcountry.optim.tiles import Tile, TileScorer

log = logging.getLogger("batcountry")

ENOUGH = 4_000_000
"""Pixels that keep a graphics card so long that the next work is started meanwhile."""

_OFTEN = 50  # runs after which to record work pays, at two hundredths of a second saved in each and a second taken once


class TileWork:
    """Share of the score and gradient of some tiles at once.

    Parameters
    ----------
    scorer
        Of single tiles.
    like, planes
        One window, (1, C, h, w), and those of the pictures beside it.
    count
        How many tiles.

    Attributes
    ----------
    windows : (count, C, h, w)
        What the network sees; to be filled before `run`.
    planes
        The pictures beside them, by name; to be filled, too.
    gradient
        What `run` gives, of the windows' shape.
    score
        The sum of their shares, without axes.
    """

    def __init__(self, scorer: TileScorer, like: Tensor, planes: AuxInputs, count: int) -> None:
        self._scorer = scorer
        self.windows = like.new_zeros(count, *like.shape[1:])
        self.planes = {key: each.new_zeros(count, *each.shape[1:]) for key, each in planes.items()}
        self.gradient, self.score = torch.zeros_like(self.windows), widened(0.0, like)
        self._weights = [
            torch.zeros(count, *size, dtype=like.dtype, device=like.device)
            for size in self._places(like, planes)
        ]
        self._known: dict[tuple[str, str], list[Tensor]] = {}
        self._runs = 0
        self._graph: StepGraph | None = None

    @property
    def count(self) -> int:
        """How many tiles."""
        return len(self.windows)

    def put(self, index: int, tile: Tile, units: Mapping[str, int], image: Tensor, planes: AuxInputs) -> None:
        """Make a tile of a picture, (1, C, H, W), the index-th; see `TileScorer.__call__`."""
        self.put_window(index, tile, units, tile.read(image))
        for key, picture in planes.items():
            self.planes[key][index].copy_(tile.read(picture)[0])

    def put_window(self, index: int, tile: Tile, units: Mapping[str, int], window: Tensor) -> None:
        """Make a tile, whose window is (1, C, h, w), the index-th."""
        self.windows[index].copy_(window[0], non_blocking=True)
        for weights, own in zip(self._weights, self._own(tile, units), strict=True):
            weights[index].copy_(own)

    def leave_out(self, index: int) -> None:
        """Have no tile in the index-th place, where the last one was."""
        for weights in self._weights:
            weights[index].zero_()

    def run(self) -> None:
        """Work `gradient` and `score` out."""
        if self._graph is None and self._runs == _OFTEN and self.windows.numel() < 3 * ENOUGH:
            self._capture()
        self._runs += 1
        if self._graph is None:
            self.work()
        else:
            self._graph.replay()

    def work(self) -> None:
        """Do what `run` does, piece by piece, from the buffers into the buffers."""
        scorer, device = self._scorer, self.windows.device
        with torch.inference_mode(False), torch.enable_grad(), full_float32(), same_each_time(device):
            leaf = self.windows.detach().clone().requires_grad_()
            activations = {**scorer.model.activations(leaf, scorer.layers), **self.planes}
            shares = [
                (places := term(activations)).mul(_beside(weights, places)).sum()
                for (_, _, term), weights in zip(scorer.terms, self._weights, strict=True)
            ]
            score = sum(shares[1:], shares[0])
            (gradient,) = torch.autograd.grad(score, leaf)
        self.gradient.copy_(gradient)
        self.score.copy_(score.detach())

    def _capture(self) -> None:
        if step_kind(self.windows.device) != "captured":
            return
        try:
            self._graph = StepGraph(self.work, self.windows.device)
        except NotCapturedError as error:
            log.info("tiles are started piece by piece, which is slower: %s", error)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise

    def _places(self, like: Tensor, planes: AuxInputs) -> list[tuple[int, int]]:
        """Return how many rows and columns of places each term has on a window."""
        with torch.no_grad():
            activations = {**self._scorer.model.activations(like, self._scorer.layers), **planes}
            shapes = [term(activations).shape[-2:] for _, _, term in self._scorer.terms]
        return [(height, width) for height, width in shapes]

    def _own(self, tile: Tile, units: Mapping[str, int]) -> list[Tensor]:
        """Return for each term the weights of the places that are a tile's own, and 0 for others; few tiles differ in that."""
        layers = [self._scorer.layers[name] for _, term, _ in self._scorer.terms for name in term.layers]
        slices = [(tile.rows.units(each), tile.columns.units(each)) for each in layers]
        key = str(slices), str(sorted(units.items()))
        if key not in self._known:
            self._known[key] = [
                self._plane(weights, place, weight / units[layer.name])
                for (weight, _, _), weights, place, layer in zip(
                    self._scorer.terms, self._weights, slices, layers, strict=True
                )
            ]
        return self._known[key]

    @staticmethod
    def _plane(like: Tensor, place: tuple[slice, slice], weight: float) -> Tensor:
        own = torch.zeros(like.shape[1:], dtype=like.dtype)
        own[place] = weight
        return brought(own, like.device)


class TileBatches:
    """The gradient of a picture in tiles, several at once.

    Parameters
    ----------
    scorer
        Of single tiles.
    together
        How many at once at most; as many as keep the device at work and as there is memory for, if not given.
    """

    def __init__(self, scorer: TileScorer, together: int | None = None) -> None:
        self._scorer, self._together = scorer, together
        self._works: dict[tuple[tuple[int, ...], int, tuple[str, ...]], TileWork] = {}

    def work(self, tiles: list[Tile], like: Tensor, planes: AuxInputs) -> TileWork:
        """Return what works such tiles out; `like` is one window, (1, C, h, w), with `planes` beside it."""
        most = self._together or -(-ENOUGH // (like.shape[-2] * like.shape[-1]))
        if self._together is None and min(most, len(tiles)) > 1:
            most = min(most, self._fitting(like, planes))
        batches = -(-len(tiles) // min(most, len(tiles)))
        return self._work(like, planes, -(-len(tiles) // batches))

    def __call__(
        self, image: Tensor, tiles: list[Tile], units: Mapping[str, int], planes: AuxInputs
    ) -> tuple[Tensor, Tensor]:
        """Return the score of a picture, (1, C, H, W), and its gradient; see `TileScorer.__call__`."""
        first = {key: tiles[0].read(each) for key, each in planes.items()}
        work = self.work(tiles, tiles[0].read(image), first)
        total, score = torch.zeros_like(image), widened(self._scorer.constant, image)
        broken = torch.zeros((), dtype=torch.bool, device=image.device)
        for begin in range(0, len(tiles), work.count):
            some = tiles[begin : begin + work.count]
            for index, tile in enumerate(some):
                work.put(index, tile, units, image, planes)
            for index in range(len(some), work.count):
                work.leave_out(index)
            work.run()
            broken = broken | is_broken(work.score, work.gradient)
            for index, tile in enumerate(some):
                tile.add(work.gradient[index : index + 1], total)
            score = score + work.score

        def error(image: Tensor, *beside: Tensor) -> BatCountryError:
            return self.culprit(image, tiles, units, dict(zip(planes, beside, strict=True)))

        check(broken, error, image, *planes.values())
        return score, total

    def culprit(
        self, image: Tensor, tiles: list[Tile], units: Mapping[str, int], planes: AuxInputs
    ) -> BatCountryError:
        """Return the error of a picture whose gradient is not finite: that of its first such tile."""
        try:
            for tile in tiles:
                beside = {key: tile.read(each) for key, each in planes.items()}
                self._scorer(tile.read(image), tile, units, beside)
        except BatCountryError as error:
            return error
        return RecipeError("the gradient is not finite; make the objective's weights smaller")

    def _work(self, like: Tensor, planes: AuxInputs, count: int) -> TileWork:
        key = tuple(like.shape), count, tuple(planes)
        if key not in self._works:
            self._works = {key: TileWork(self._scorer, like, planes, count)}  # others' buffers go
        return self._works[key]

    def _fitting(self, like: Tensor, planes: AuxInputs) -> int:
        """Return how many windows like one there is memory for at once, at least 1."""
        work = self._work(like, planes, 1)
        return max(1, int(spare_memory(like.device) // max(1, measured(work.work, like.device)[0])))


def _beside(weights: Tensor, places: Tensor) -> Tensor:
    """Return weights, (N, h, w), as they are multiplied with places, (N, …, h, w)."""
    return weights.reshape(len(weights), *(1,) * (places.ndim - 3), *weights.shape[1:])
