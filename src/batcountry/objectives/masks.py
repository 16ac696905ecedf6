"""Objectives made of others: means, and parts of the picture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.image.sources.reduced import needed_at
from batcountry.objectives.base import Activations, Objective, Scorer, Term
from batcountry.objectives.references import ReadPlanes, check_openable, files_of, key_of, labeled

if TYPE_CHECKING:
    from batcountry.models.model import Model

MASK = "@mask/"
"""Beginning of the names under which masks stand among activations."""


def mean(objectives: list[Objective]) -> Objective:
    """Make more of several objectives, each with the same share: their mean."""
    if not objectives:
        raise RecipeError("a mean is of at least one objective")
    return Objective.sum(objectives) * (1 / len(objectives))


def region(mask: Any, objective: Objective) -> Objective:
    """Count an objective only where a mask is bright.

    Each place of a layer counts as much as the mask is bright on average at the pixels of its
    stride: white is one, black nothing. The network still sees the whole picture, and a place sees
    beyond its own pixels, so a dream grows a little past the mask's edge; a recipe's `mask` holds
    pixels outside still altogether.

    Parameters
    ----------
    mask
        Whatever `batcountry.read_picture` takes; it is resized to the picture.
    objective
        Of layers with a height and a width, or of the image.

    Raises
    ------
    RecipeError
        If a part of the objective is not the mean of places.
    """
    label, key, source = mask_key(mask)
    return objective.with_terms(
        (weight, _within(label, (key, source), term)) for weight, term in objective.terms
    )


def mask_key(mask: Any) -> tuple[str, str, Any]:
    """Return what stands for a mask in text, its name among activations, and what is opened for it."""
    label = labeled(mask)
    return label, key_of(MASK, label), str(mask) if hasattr(mask, "__fspath__") else mask


def _within(label: str, named: tuple[str, Any], term: Term) -> Term:
    if not term.local:
        raise RecipeError(f"{term} is not a mean over places, so a mask cannot weigh it")
    key, source = named

    def bind(model: Model) -> Scorer:
        check_openable(source, label, "mask")
        places = term.bind(model)
        stride = model.layer(term.layers[0]).stride if term.layers else 1

        def score(activations: Activations) -> Tensor:
            values = places(activations)
            if values.ndim != 3:
                raise RecipeError(f"{term} has no places in the picture that a mask could weigh")
            return values * _at_places(activations[key], (values.shape[-2], values.shape[-1]), stride)

        return score

    inner = Objective(((1.0, term),))
    return replace(
        term,
        name="region",
        arguments=(label, inner),
        bind=bind,
        aux_inputs={**term.aux_inputs, key: source},
        files=(*term.files, *files_of(source)),
    )


def _at_places(mask: Tensor, size: tuple[int, int], stride: int | None) -> Tensor:
    """Return a mask (N, 1, H, W) at a layer's places, (N, h, w): the mean over the pixels of each one's stride."""
    if stride is None:
        return F.interpolate(mask, size, mode="area")[:, 0]
    pooled = F.avg_pool2d(mask, stride, ceil_mode=True)[:, 0, : size[0], : size[1]]
    missing = [side - pooled_side for side, pooled_side in zip(size, pooled.shape[-2:], strict=True)]
    return (
        F.pad(pooled[None], (0, missing[1], 0, missing[0]), mode="replicate")[0] if any(missing) else pooled
    )


def mask_planes(source: Any, longest: int | None = None) -> Tensor:
    """Return a mask picture as (1, 1, H, W), 0 for black to 1 for white; transparent parts are black.

    Parameters
    ----------
    longest
        Pixels of the longer side of what it is resized to, so that a file with far more may be read smaller.
    """
    picture: Picture = read_picture(source, need=needed_at(longest))
    planes = torch.from_numpy(picture.pixels).mean(2) / 255
    if picture.alpha is not None:
        planes = planes * torch.from_numpy(picture.alpha).float() / 255
    return planes[None, None]


def masks_of(objective: Objective) -> dict[str, ReadPlanes]:
    """Return what reads the masks of an objective, by the names they have among activations."""
    return {
        key: partial(mask_planes, source)
        for key, source in objective.aux_inputs.items()
        if key.startswith(MASK)
    }
