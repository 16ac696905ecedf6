"""Pictures that objectives read: how they are named in text, and beside the picture dreamed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.image.reading import read_picture
from batcountry.objectives.base import START, Activations, Objective

if TYPE_CHECKING:
    from batcountry.models.model import Model

PICTURE = "@picture/"
"""Beginning of the names under which other pictures stand among activations."""


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
        return cls(label, f"{PICTURE}{sha256(label.encode()).hexdigest()[:16]}", picture)

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


def files_of(picture: Any) -> tuple[str, ...]:
    """Return the file that a picture is, as `Term.files` has it; none for the start and what was no file."""
    named = isinstance(picture, str) or hasattr(picture, "__fspath__")
    return (str(picture),) if named and picture != "start" and not str(picture).startswith("sha256:") else ()


def check_openable(picture: Any, label: str) -> None:
    """Raise `RecipeError` if all that is left of a picture is its hash."""
    if isinstance(picture, str) and label.startswith("sha256:"):
        raise RecipeError(f"the picture {label} was not a file, so it cannot be opened again; give a picture")


def references_of(objective: Objective) -> dict[str, Callable[[], Tensor]]:
    """Return the pictures that an objective reads, (1, 3, H, W), by the names they have among activations."""
    return {
        key: lambda source=source: planes(source)  # type: ignore[misc]
        for key, source in objective.aux_inputs.items()
        if key.startswith(PICTURE)
    }


def planes(picture: Any) -> Tensor:
    """Return a picture as (1, 3, H, W), RGB in gray levels."""
    return torch.from_numpy(read_picture(picture).pixels).permute(2, 0, 1)[None]


def check_positions(activation: Tensor, layer: str, what: str) -> None:
    """Raise `RecipeError` unless a layer has a height and a width."""
    if activation.ndim != 4:
        raise RecipeError(f"layer {layer!r} has no height and width, which {what} needs; name an earlier one")
