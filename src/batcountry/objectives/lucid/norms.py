"""Sizes of a layer's activations, or of the picture, as lucid has them: mostly subtracted."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import IMAGE, Activations, Objective, objective
from batcountry.objectives.batches import one_of
from batcountry.objectives.references import check_positions

INPUT = "input"
"""lucid's name of the picture itself."""

LEVELS = 255.0
"""Gray levels to one of lucid's units, in which black is 0 and white 1."""


def L1(layer: str = INPUT, constant: float = 0.0, batch: int | None = None) -> Objective:  # noqa: N802
    """Measure how far activations are from a constant: the sum of the differences' sizes.

    Parameters
    ----------
    layer
        `input` is the picture itself, in which white is 1.
    batch
        Which picture is meant, from 0; the sum over all if not given.
    """
    return one_of(batch, _of("L1", layer, (constant,), lambda a: (a - constant).abs().flatten(1).sum(1)))


def L2(  # noqa: N802
    layer: str = INPUT, constant: float = 0.0, epsilon: float = 1e-6, batch: int | None = None
) -> Objective:
    """Measure how far activations are from a constant: the root of `epsilon` and all differences squared.

    Parameters
    ----------
    layer
        `input` is the picture itself, in which white is 1.
    batch
        Which picture is meant, from 0; all together, under one root, if not given.

    Raises
    ------
    RecipeError
        Unless `epsilon` is more than 0: without it the root has no slope where nothing differs.
    """
    if epsilon <= 0:
        raise RecipeError("L2 has an epsilon of more than 0")
    return one_of(
        batch,
        _of(
            "L2",
            layer,
            (constant, epsilon),
            lambda a: share(((a - constant).square().sum() + epsilon).sqrt(), len(a)),
        ),
    )


def total_variation(layer: str = INPUT) -> Objective:
    """Measure how much neighbors differ: the sum of the sizes of all differences, down and across.

    Parameters
    ----------
    layer
        `input` is the picture itself, in which white is 1.
    """

    def score(activation: Tensor) -> Tensor:
        check_positions(activation, layer, "total_variation")
        down, across = activation.diff(dim=2).abs(), activation.diff(dim=3).abs()
        return down.flatten(1).sum(1) + across.flatten(1).sum(1)

    return _of("total_variation", layer, (), score)


def share(value: Tensor, count: int) -> Tensor:
    """Return what a batch comes to as equal shares of so many pictures, (N,)."""
    return value.expand(count) / count


def _of(name: str, layer: str, arguments: tuple[float, ...], score: Callable[[Tensor], Tensor]) -> Objective:
    """Return the objective of a layer's activations, or of the picture."""
    layers = () if layer == INPUT else (layer,)

    def scores(activations: Activations) -> Tensor:
        return score(activations[IMAGE] / LEVELS if layer == INPUT else activations[layer])

    return objective(name, (layer, *arguments), layers, lambda _: scores)
