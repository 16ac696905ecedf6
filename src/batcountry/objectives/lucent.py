"""lucent's objectives, with its names and arguments (greentfrapp/lucent, 2020), of which there are more than lucid's.

lucent's functions return losses, lower is better; here they are scores, which are minus these. So what is added and
subtracted there is added and subtracted here. x goes to the right in lucent, and down in lucid. In text these are
`lucent.neuron`, `lucent.direction` and `lucent.direction_neuron`; all others have their names alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.objectives.base import Activations, Objective, Scorer, objective
from batcountry.objectives.batches import one_of
from batcountry.objectives.lucid import (
    alignment,
    as_objective,
    blur_input_each_step,
    channel,
    channel_interpolate,
    diversity,
)
from batcountry.objectives.lucid.places import (
    Vectors,
    at_place,
    check_place,
    direction_at,
    direction_everywhere,
    neuron_at,
    of_batch,
)
from batcountry.objectives.vectors import Vector, in_channels

if TYPE_CHECKING:
    from batcountry.models.model import Model

__all__ = [
    "Objective",
    "alignment",
    "as_objective",
    "blur_input_each_step",
    "channel",
    "channel_interpolate",
    "channel_weight",
    "direction",
    "direction_neuron",
    "diversity",
    "localgroup_weight",
    "neuron",
    "neuron_weight",
]


def neuron(
    layer: str, n_channel: int, x: int | None = None, y: int | None = None, batch: int | None = None
) -> Objective:
    """Make more of one neuron, in lucent's order of arguments.

    Parameters
    ----------
    x, y
        Column and row of its place, from 0; the middle if not given.
    batch
        Which picture is meant, from 0; all if not given.
    """
    return neuron_at("lucent.neuron", (layer, n_channel, x, y), (y, x), batch)


def neuron_weight(
    layer: str,
    weight: Vectors | None,
    x: int | None = None,
    y: int | None = None,
    batch: int | None = None,
) -> Objective:
    """Make more of all channels at one place, each with its weight: the mean of the products.

    Parameters
    ----------
    weight
        A number for each channel, or a `.npy` file of them; None for one each.
    x, y
        Column and row of the place, from 0; the middle if not given.
    batch
        Which picture is meant, from 0; all if not given.
    """
    return _weighted("neuron_weight", (layer, weight), (x, y), (), batch)


def channel_weight(layer: str, weight: Vectors, batch: int | None = None) -> Objective:
    """Make more of all channels, each with its weight: the mean of the products over channels and places.

    Parameters
    ----------
    weight
        A number for each channel, or a `.npy` file of them.
    """
    arguments = (layer, Vector.of(weight).flat.label)
    return direction_everywhere("channel_weight", arguments, _weighted_mean, batch)


def localgroup_weight(
    layer: str,
    weight: Vectors | None = None,
    x: int | None = None,
    y: int | None = None,
    wx: int = 1,
    wy: int = 1,
    batch: int | None = None,
) -> Objective:
    """Make more of all channels at some places side by side, each with its weight: the mean of the products.

    Parameters
    ----------
    weight
        A number for each channel, or a `.npy` file of them; one each if not given.
    x, y
        Column and row of the first place, from 0; such that the group is in the middle if not given.
    wx, wy
        How many columns and rows, as far as the layer reaches.
    batch
        Which picture is meant, from 0; all if not given.
    """
    if wx < 1 or wy < 1:
        raise RecipeError("a local group has at least one column and one row: wx and wy are 1 or more")
    return _weighted("localgroup_weight", (layer, weight), (x, y), (wx, wy), batch)


def _weighted(
    name: str,
    first: tuple[str, Any],
    place: tuple[int | None, int | None],
    extent: tuple[int, ...],
    batch: int | None,
) -> Objective:
    """Return the objective of weights at places of a layer: `first` has both, `place` column and row, `extent` how many."""
    layer, weight = first
    given = None if weight is None else Vector.of(weight).flat
    (column, row), (columns, rows) = place, extent or (1, 1)
    check_place(place)

    def bind(model: Model) -> Scorer:
        values = None if given is None else given.of_channels(model, layer)

        def score(activations: Activations) -> Tensor:
            part = at_place(activations[layer], layer, (row, column), (rows, columns))
            means = part.mean(1) if values is None else _weighted_mean(part, in_channels(values, part))
            return of_batch(means.flatten(1).mean(1))

        return score

    arguments = (layer, given and given.label, *place, *extent)
    return one_of(batch, objective(name, arguments, (layer,), bind, files=given.files if given else ()))


def direction(layer: str, direction: Vectors, batch: int | None = None) -> Objective:
    """Turn features toward a mixture of channels: the mean cosine with a vector, whatever their strength.

    Parameters
    ----------
    direction
        A number for each channel, or a `.npy` file of them.
    batch
        Which picture is meant, from 0; all if not given.
    """
    arguments = (layer, Vector.of(direction).flat.label)
    return direction_everywhere("lucent.direction", arguments, _cosine, batch)


def direction_neuron(
    layer: str,
    direction: Vectors,
    x: int | None = None,
    y: int | None = None,
    batch: int | None = None,
) -> Objective:
    """Turn the features at one place toward a mixture of channels, as `lucent.direction` does all.

    Parameters
    ----------
    x, y
        Column and row of the place, from 0; the middle if not given.
    """
    arguments = (layer, Vector.of(direction).flat.label, x, y)
    return direction_at("lucent.direction_neuron", arguments, (y, x), _cosine, batch)


def _cosine(activation: Tensor, toward: Tensor) -> Tensor:
    return F.cosine_similarity(activation, toward, dim=1)


def _weighted_mean(activation: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over channels at each place, (N, …), of activations times weights, (1, C, …)."""
    return (activation * weights).mean(1)
