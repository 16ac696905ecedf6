"""Several differently transformed copies of the picture, its views, in each step, which follows the mean of their gradients.

The gradient of one copy has much in it that is so at that one place, angle or size only: it changes signs from pixel to
pixel, and as little as a shift makes another of it. In the mean over copies that cancels out, and what all of them call
for stays, so patterns depend less on where they stand, and fewer steps go to and fro: Smilkov and others, "SmoothGrad:
removing noise by adding noise" (2017), for copies with noise (`transforms="noise(20)"`); Athalye and others, "Synthesizing
Robust Adversarial Examples" (2018), for any transforms. A dream whose steps have one copy each gets some of it from the
many steps that it makes (Olah, Mordvintsev, Schubert: "Feature Visualization", 2017). N views take about N times as long as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from batcountry.backend.allocator import give_back
from batcountry.backend.devices import is_out_of_memory
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs
from batcountry.optim.gradient import Gradient
from batcountry.optim.gradient_batches import in_batches
from batcountry.optim.transforms.base import Rng, Transform


def seen_views(stack: Tensor, transforms: Sequence[Transform], rng: Rng, views: int = 1) -> list[Tensor]:
    """Return what the network sees of pictures, (N, C, H, W): batches of views of one size, (views × N, C, h, w).

    Random numbers are drawn for one view after the other, in each for one transform after the other. A single view is
    what the transforms make of it, with no copy. All views are one batch but where transforms make them of different sizes.
    """
    batches: dict[torch.Size, list[Tensor]] = {}
    for _ in range(views):
        view = stack
        for transform in transforms:
            view = transform(view, rng)
        batches.setdefault(view.shape, []).append(view)
    return [joined(batch) for batch in batches.values()]


def joined(views: Sequence[Tensor]) -> Tensor:
    """Return views of one size as one batch; a single one is that itself."""
    return views[0] if len(views) == 1 else torch.cat(list(views))


def gradient_of_views(gradient: Gradient, most: int, pictures: int, constant: float = 0.0) -> Gradient:
    """Return a gradient on views, which takes no more than `most` pictures at once.

    Parameters
    ----------
    gradient
        Of `batcountry.objectives.views.share_of_views`.
    pictures
        All views of all pictures that grow together.
    constant
        What the objective adds to the mean score.
    """
    batched = in_batches(gradient, most)

    def on_views(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        score, on_image = batched(image, aux_inputs)
        return score + constant * len(image) / pictures, on_image

    return on_views


class SparingViews:
    """A gradient on views that goes on with half as many of them at once whenever memory runs out, down to one.

    Parameters
    ----------
    gradient
        Of `batcountry.objectives.views.share_of_views`.
    pictures
        Of each view.
    """

    def __init__(self, gradient: Gradient, pictures: int) -> None:
        self._gradient, self._pictures = gradient, pictures
        self._most: int | None = None

    def __call__(self, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        """Return score and gradient; see `batcountry.optim.gradient.Gradient`."""
        while True:
            most = min(len(image), self._most or len(image))
            try:
                return in_batches(self._gradient, most)(image, aux_inputs)
            except (RuntimeError, MemoryError) as error:
                if most <= self._pictures or not is_out_of_memory(error):
                    raise
            give_back()
            self._most = max(1, most // self._pictures // 2) * self._pictures
