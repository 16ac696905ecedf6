"""The color anchor: mean and standard deviation of brightness and color are held, so that no film bleaches or darkens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from batcountry.backend.devices import widened

# Brightness and two differences of color (ITU-R BT.601), whose mean and standard deviation say how light, contrasty and
# colorful a picture is. It is linear, so holding them holds brightness exactly, which no per-channel rule does.
_TO_TONE = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_TO_RGB = torch.linalg.inv(_TO_TONE)
_LEAST_STD = 1.0  # a nearly even picture is not stretched by more than this, in gray levels


@dataclass(frozen=True)
class Tone:
    """Mean and standard deviation of brightness and of two differences of color, in gray levels, on a picture's device."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, image: Tensor) -> Tone:
        """Measure a picture, (1, 3, H, W) RGB in gray levels."""
        flat = image[0].flatten(1)
        to_tone, _ = _turns(image.device)
        mean = flat.mean(1, dtype=to_tone.dtype)
        centered = flat - mean[:, None].to(flat.dtype)
        covariance = (centered @ centered.T).to(to_tone.dtype) / flat.shape[1]
        variance = (to_tone @ covariance @ to_tone.T).diagonal()
        return cls(to_tone @ mean, variance.clamp(min=0).sqrt())

    def shifted(self, before: Tone, after: Tone) -> Tone:
        """Return this tone changed as `after` differs from `before`: means by adding, deviations by the ratio."""
        ratio = after.std.clamp(min=_LEAST_STD) / before.std.clamp(min=_LEAST_STD)
        return Tone(self.mean + after.mean - before.mean, self.std * ratio.clamp(0.25, 4))


def apply_anchor(image: Tensor, target: Tone, *, hold: float = 1.0) -> Tensor:
    """Return the picture, (1, 3, H, W), with its tone brought toward another.

    Parameters
    ----------
    target
        The tone to have.
    hold
        0 leaves the picture as it is, 1 gives it that tone, up to what is cut off at black and white.
    """
    if hold <= 0:
        return image
    now = Tone.of(image)
    scale = (target.std / now.std.clamp(min=_LEAST_STD)).clamp(0.5, 2)
    scale = 1 + hold * (scale - 1)
    mean = now.mean + hold * (target.mean - now.mean)
    to_tone, to_rgb = _turns(image.device)
    turn = to_rgb @ torch.diag(scale) @ to_tone
    offset = to_rgb @ (mean - scale * now.mean)
    turn, offset = turn.to(image), offset.to(image)
    return torch.einsum("dc,nchw->ndhw", turn, image) + offset[None, :, None, None]


@cache
def _turns(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the turns to tones and back on a device, as widely as it counts."""
    dtype = widened(0.0, torch.empty(0, device=device)).dtype
    return _TO_TONE.to(device, dtype), _TO_RGB.to(device, dtype)
