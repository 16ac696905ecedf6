"""What a step's tensor becomes for who looks: the finished picture, with its note, or a small one in a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from batcountry.dreams.postprocess import finished
from batcountry.dreams.preview import encode_preview, recolor_roughly, shrink
from batcountry.image.picture import Picture
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe import Recipe


@dataclass(frozen=True)
class StepPictures:
    """Makes pictures of a step; see `batcountry.dreams.steps.Opened`.

    Attributes
    ----------
    pictures
        What is dreamed on; with several objectives there is one for all.
    base
        The same as (N, C, H, W).
    note
        Makes the note of a dream on a picture.
    """

    pictures: list[Picture]
    base: Tensor
    recipe: Recipe
    note: Callable[[Picture, Recipe], str]
    _small: dict[tuple[int, int], tuple[Picture, Tensor]] = field(default_factory=dict)

    def __call__(self, image: Tensor, index: int) -> Picture:
        """Return the finished picture of one of a step's."""
        picture = self._of(index)
        found = finished(picture, image, self.base[index : index + 1], self.recipe)
        # What was dreamed is another picture than the one it was read from.
        return replace(found, source=None, sha256="", note=self.note(picture, self.recipe))

    def preview(self, image: Tensor, index: int, side: int) -> bytes:
        """Return a small file of it."""
        small = shrink(image.detach(), side)
        if (index, side) not in self._small:  # a look at a large original is made once
            base = alpha_mode(self.recipe).colors(self.base[index : index + 1])
            self._small[index, side] = _small_picture(self._of(index), side), shrink(base, side)
        picture, base = self._small[index, side]
        return encode_preview(finished(picture, small, base, self.recipe, recolor_roughly).image())

    def _of(self, index: int) -> Picture:
        return self.pictures[min(index, len(self.pictures) - 1)]


def _small_picture(picture: Picture, side: int) -> Picture:
    """Return a picture of which nothing but the transparency counts, as a preview has it."""
    if picture.alpha is None:
        return replace(picture, icc=None)
    alpha = shrink(torch.from_numpy(picture.alpha)[None, None], side)[0, 0]
    return replace(picture, alpha=alpha.round().to(torch.uint8).numpy(), icc=None)
