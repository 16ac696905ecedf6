"""Objectives of a layer's channels and places, as lucid has them: what they come to is the mean of a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from batcountry.backend.kernels.mean_square import mean_square
from batcountry.errors import RecipeError
from batcountry.objectives.base import Activations, Objective, Scorer, objective
from batcountry.objectives.batches import one_of
from batcountry.objectives.layers import check_channel
from batcountry.objectives.units import logit
from batcountry.objectives.vectors import Vector, in_channels

if TYPE_CHECKING:
    from batcountry.models.model import Model

_EPSILON = 1e-4
"""Added to both lengths before a cosine is taken, as in lucid."""

_LEAST_COSINE = 0.1

Vectors = list[float] | str
Tensors = list[list[list[float]]] | list[list[list[list[float]]]] | str


def neuron(
    layer_name: str, channel_n: int, x: int | None = None, y: int | None = None, batch: int | None = None
) -> Objective:
    """Make more of one neuron, in lucid's order of arguments.

    Parameters
    ----------
    x, y
        Row and column of its place, from 0: lucid's x goes down. The middle if not given.
    batch
        Which picture is meant, from 0; all if not given.
    """
    return neuron_at("lucid.neuron", (layer_name, channel_n, x, y), (x, y), batch)


def neuron_at(
    name: str, arguments: tuple[Any, ...], place: tuple[int | None, int | None], batch: int | None
) -> Objective:
    """Return the objective of a channel, the second of the arguments, at a row and column of a layer, the first."""
    layer, channel, *_ = arguments
    check_place(place)

    def bind(model: Model) -> Scorer:
        check_channel(model, layer, channel)
        return lambda activations: of_batch(at_place(activations[layer], layer, place)[:, channel, 0, 0])

    return one_of(batch, objective(name, arguments, (layer,), bind))


def channel(layer: str, n_channel: int, batch: int | None = None) -> Objective:
    """Make more of one channel: the mean of its activations over places and pictures."""

    def bind(model: Model) -> Scorer:
        check_channel(model, layer, n_channel)
        return lambda activations: of_batch(activations[layer][:, n_channel])

    return one_of(batch, objective("lucid.channel", (layer, n_channel), (layer,), bind, local=True))


def direction(layer: str, vec: Vectors, cossim_pow: float = 0.0, batch: int | None = None) -> Objective:
    """Make more of a mixture of channels: the dot product with a vector, times the cosine to a power.

    Parameters
    ----------
    vec
        A number for each channel, or a `.npy` file of them.
    cossim_pow
        Power of the cosine, which counts as 0.1 at least.
    batch
        Which picture is meant, from 0; all if not given.
    """
    arguments = (layer, Vector.of(vec).flat.label, cossim_pow)
    return direction_everywhere("lucid.direction", arguments, partial(dot_cosine, power=cossim_pow), batch)


def direction_everywhere(
    name: str, arguments: tuple[Any, ...], compare: Callable[[Tensor, Tensor], Tensor], batch: int | None
) -> Objective:
    """Return the objective of a vector, the second of the arguments, at all places of a layer, the first.

    Parameters
    ----------
    compare
        From activations, (N, C, …), and the vector, (1, C, …), to scores, (N, …).
    """
    layer, toward = arguments[0], Vector(arguments[1])

    def bind(model: Model) -> Scorer:
        values = toward.of_channels(model, layer)

        def score(activations: Activations) -> Tensor:
            activation = activations[layer]
            return of_batch(compare(activation, in_channels(values, activation)))

        return score

    return one_of(batch, objective(name, arguments, (layer,), bind, local=True, files=toward.files))


def direction_neuron(
    layer_name: str,
    vec: Vectors,
    x: int | None = None,
    y: int | None = None,
    cossim_pow: float = 0.0,
    batch: int | None = None,
) -> Objective:
    """Make more of a mixture of channels at one place, as `lucid.direction` does at all.

    Parameters
    ----------
    x, y
        Row and column of the place, from 0: lucid's x goes down. The middle if not given; one that a small octave
        does not have is that octave's last.
    """
    arguments = (layer_name, Vector.of(vec).flat.label, x, y, cossim_pow)
    return direction_at("direction_neuron", arguments, (x, y), partial(dot_cosine, power=cossim_pow), batch)


def direction_at(
    name: str,
    arguments: tuple[Any, ...],
    place: tuple[int | None, int | None],
    compare: Callable[[Tensor, Tensor], Tensor],
    batch: int | None,
) -> Objective:
    """Return the objective of a vector, the second of the arguments, at a row and column of a layer, the first.

    Parameters
    ----------
    compare
        From activations, (N, C, 1, 1), and the vector, (1, C, 1, 1), to scores, (N, 1, 1).
    """
    layer, toward = arguments[0], Vector(arguments[1])
    check_place(place)

    def bind(model: Model) -> Scorer:
        values = toward.of_channels(model, layer)

        def score(activations: Activations) -> Tensor:
            at = at_place(activations[layer], layer, place)
            return of_batch(compare(at, in_channels(values, at))[:, 0, 0])

        return score

    return one_of(batch, objective(name, arguments, (layer,), bind, files=toward.files))


def tensor_direction(
    layer: str, vec: Tensors, cossim_pow: float = 0.0, batch: int | None = None
) -> Objective:
    """Make more of a pattern of mixtures in the middle of a layer, a vector for each of some places.

    Parameters
    ----------
    vec
        (height, width, C) or (1, height, width, C), or a `.npy` file of that. A layer with fewer places, in a small octave, is
        compared with the pattern's own middle.
    """
    toward = Vector.of(vec)

    def bind(model: Model) -> Scorer:
        values = toward.of_places(model, layer)

        def score(activations: Activations) -> Tensor:
            activation = with_places(activations[layer], layer)
            size = [min(pair) for pair in zip(activation.shape[-2:], values.shape[-2:], strict=True)]
            middle = in_middle(activation, size), in_middle(values.to(activation.dtype), size)
            return of_batch(dot_cosine(*middle, cossim_pow).flatten(1).mean(1))

        return score

    arguments = (layer, toward.label, cossim_pow)
    return one_of(batch, objective("tensor_direction", arguments, (layer,), bind, files=toward.files))


def deepdream(layer: str) -> Objective:
    """Make more of everything that a layer sees: the mean of its squared activations, over a batch too."""
    return objective(
        "deepdream", (layer,), (layer,), lambda _: lambda seen: of_batch(mean_square(seen[layer])), local=True
    )


def class_logit(layer: str, label: str | int, batch: int | None = None) -> Objective:
    """Make the network more certain of a class, by its number or its name: `logit` in lucid's order."""
    ((_, term),) = logit(label, layer).terms
    return one_of(batch, objective("class_logit", (layer, label), (layer,), term.bind))


def check_place(place: tuple[int | None, int | None]) -> None:
    """Raise `RecipeError` for a row or a column before the first."""
    if min(begin or 0 for begin in place) < 0:
        raise RecipeError("the row and the column of a place are counted from 0")


def of_batch(scores: Tensor) -> Tensor:
    """Return scores, (N, …), of which the sum over the batch is what their mean was."""
    return scores / len(scores)


def dot_cosine(activation: Tensor, toward: Tensor, power: float) -> Tensor:
    """Return at each place, (N, …), the dot product over channels times the cosine, at least 0.1, to a power."""
    dot = (activation * toward).sum(1)
    if not power:
        return dot
    cosine = dot / (_EPSILON + activation.norm(dim=1)) / (_EPSILON + toward.norm(dim=1))
    return dot * cosine.clamp(min=_LEAST_COSINE) ** power


def with_places(activation: Tensor, layer: str) -> Tensor:
    """Return (N, C, H, W), of one place where a layer has none; raises `RecipeError` for other axes."""
    if activation.ndim == 2:
        return activation[..., None, None]
    if activation.ndim != 4:
        raise RecipeError(f"layer {layer!r} has no height and width, which this needs; name an earlier one")
    return activation


def at_place(
    activation: Tensor, layer: str, place: tuple[int | None, int | None], size: tuple[int, int] = (1, 1)
) -> Tensor:
    """Return a layer's activations at a row and column, or in the middle, (N, C, h, w); the last one where there is none.

    Parameters
    ----------
    size
        Rows and columns from there on, as far as the layer reaches.
    """
    whole = with_places(activation, layer)
    begins = []
    for side, begin, extent in zip(whole.shape[-2:], place, size, strict=True):
        middle = max(0, (side - extent + 1) // 2)
        begins.append(min(middle if begin is None else begin, side - 1))
    (row, column), (height, width) = begins, size
    return whole[..., row : row + height, column : column + width]


def in_middle(values: Tensor, size: list[int]) -> Tensor:
    """Return the middle rows and columns of (…, H, W), one nearer to the beginning where they cannot be in the middle."""
    height, width = size
    row, column = ((side - extent) // 2 for side, extent in zip(values.shape[-2:], size, strict=True))
    return values[..., row : row + height, column : column + width]
