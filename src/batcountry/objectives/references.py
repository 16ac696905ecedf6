"""Pictures that objectives read: how they are named in text, and beside the picture dreamed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back, kept_memory, resident_memory
from batcountry.backend.memory_room import memory_room, room_shown
from batcountry.errors import RecipeError
from batcountry.image.reading import read_picture
from batcountry.image.sources.reduced import FOR_FEATURES, Need, needed_at
from batcountry.objectives.base import START, Activations, Objective

if TYPE_CHECKING:
    from batcountry.models.model import Model

PICTURE = "@picture/"
"""Beginning of the names under which other pictures stand among activations."""

ReadPlanes = Callable[[int | None], Tensor]
"""Reads a picture beside the one that is dreamed on, (1, C, H, W), for one whose longer side has so many pixels, if that
is known."""

_SMALL, _PIECE = 1 << 20, 256


@dataclass(frozen=True)
class Reference:
    """A picture whose features are compared with those at the same place of the picture dreamed on.

    Attributes
    ----------
    label
        What stands for it in text.
    key
        Its name among activations.
    source
        Whatever `batcountry.read_picture` takes; None for the start.
    """

    label: str
    key: str
    source: Any

    @classmethod
    def of(cls, picture: Any) -> Reference:
        """Return the reference to a picture, or with the text `start` to the one that the dream began with."""
        if isinstance(picture, str) and picture == "start":
            return cls("start", START, None)
        label = labeled(picture)
        return cls(label, key_of(PICTURE, label), picture)

    @property
    def files(self) -> tuple[str, ...]:
        """The file that is opened for it, if any."""
        return files_of(self.source)

    @property
    def aux_inputs(self) -> dict[str, Any]:
        """What a term reads beside layers to have it."""
        return {self.key: self.source}

    def check(self) -> None:
        """Raise `RecipeError` if it is known by its hash only."""
        check_openable(self.source, self.label)

    def features(self, model: Model, activations: Activations, layer: str) -> Tensor:
        """Return its activations at a layer, without gradient, as the network sees it in this step."""
        with torch.no_grad():
            return model.activations(activations[self.key], (layer,))[layer]


def labeled(picture: Any) -> str:
    """Return what stands for a picture in an objective's text: a file's name, or a hash."""
    if isinstance(picture, str) or hasattr(picture, "__fspath__"):
        return str(picture)
    return f"sha256:{read_picture(picture).sha256}"


def key_of(kind: str, label: str) -> str:
    """Return a picture's name among activations: the beginning that its kind has, and a hash of its label."""
    return f"{kind}{sha256(label.encode()).hexdigest()[:16]}"


def files_of(picture: Any) -> tuple[str, ...]:
    """Return the file that a picture is, as `Term.files` has it; none for the start and what was no file."""
    named = isinstance(picture, str) or hasattr(picture, "__fspath__")
    return (str(picture),) if named and picture != "start" and not str(picture).startswith("sha256:") else ()


def check_openable(picture: Any, label: str, kind: str = "picture") -> None:
    """Raise `RecipeError`, which calls it a `kind`, if all that is left of a picture is its hash."""
    if isinstance(picture, str) and label.startswith("sha256:"):
        raise RecipeError(f"the {kind} {label} was not a file, so it cannot be opened again; give a {kind}")


def references_of(objective: Objective) -> dict[str, ReadPlanes]:
    """Return what reads the pictures of an objective, (1, 3, H, W), by the names they have among activations."""
    return {
        key: partial(_planes_for, source)
        for key, source in objective.aux_inputs.items()
        if key.startswith(PICTURE)
    }


def _planes_for(source: Any, longest: int | None = None) -> Tensor:
    return planes(source, needed_at(longest))


def planes(picture: Any, need: Need | None = None) -> Tensor:
    """Return a picture as (1, 3, H, W), RGB in gray levels, read at the size that is needed; see `read_picture`."""
    return torch.from_numpy(read_picture(picture, need=need).pixels).permute(2, 0, 1)[None]


def picture_features(model: Model, picture: Any, label: str, layer: str) -> Tensor:
    """Return what a layer makes of a picture at its own size, without gradient.

    A file of more than 16 million pixels is read smaller.

    Raises
    ------
    RecipeError
        If the network cannot run on it that far, or there is not as much memory as that takes.
    """
    pixels = planes(picture, FOR_FEATURES)
    height, width = pixels.shape[-2:]
    with torch.no_grad(), kept_memory():
        try:
            _check_room(model, pixels, label, layer)
            return model.activations(pixels.to(model.device), (layer,))[layer]
        except RuntimeError as error:
            raise RecipeError(
                f"the network cannot run on {label}, of {width}×{height} pixels, as far as {layer!r}; use a larger one"
            ) from error


def _check_room(model: Model, pixels: Tensor, label: str, layer: str) -> None:
    """Raise `RecipeError` if the network would take more memory for a large picture than there is, as a piece of it shows."""
    count = pixels.shape[-2] * pixels.shape[-1]
    if model.device.type != "cpu" or count <= _SMALL:
        return
    piece = pixels[..., :_PIECE, :_PIECE]
    model.activations(piece, (layer,))
    give_back()
    before = resident_memory()
    model.activations(piece, (layer,))
    needed = (resident_memory() - before) / (piece.shape[-2] * piece.shape[-1]) * count
    room = memory_room()
    if needed > room:
        raise RecipeError(
            f"the network takes about {needed / 1e6:,.0f} MB of memory for {label}, of {pixels.shape[-1]}×{pixels.shape[-2]} "
            f"pixels, and {room_shown()}; allow more with max_memory, or shrink it first"
        )


def check_positions(activation: Tensor, layer: str, what: str) -> None:
    """Raise `RecipeError` unless a layer has a height and a width."""
    if activation.ndim != 4:
        raise RecipeError(f"layer {layer!r} has no height and width, which {what} needs; name an earlier one")
