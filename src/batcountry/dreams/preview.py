"""Small pictures of a dream while it grows, in milliseconds, however large it is."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from batcountry.image import color

QUALITY = 80
"""Of a preview's JPEG."""

_LARGE = 4  # times as large as its preview: such a picture is looked at once
_COARSER = 16


def shrink(image: Tensor, side: int) -> Tensor:
    """Return pictures, (N, C, H, W), of which the longer side has at most `side` pixels; smaller ones as they are.

    Each pixel is one that is there, or the mean of two, so that a large picture costs little more than a small one; fine
    patterns are therefore not what they are in the picture itself.
    """
    height, width = image.shape[-2:]
    longest = max(height, width)
    if longest <= side:
        return image
    size = (max(1, round(height * side / longest)), max(1, round(width * side / longest)))
    stride = longest // side
    look = image[..., ::stride, ::stride]
    small = F.interpolate(look.float(), size, mode="nearest-exact")
    if stride >= _LARGE:
        return small
    rows, columns = (min(max(1, stride // 2), length - 1) for length in (height, width))
    look = image[..., rows::stride, columns::stride]
    return small.add_(F.interpolate(look.float(), size, mode="nearest-exact")).mul_(0.5)


def recolor_roughly(shown: Tensor, original: Tensor, mode: str) -> Tensor:
    """Return a small picture as a color mode has it; see `batcountry.dreams.postprocess.Recolor`.

    They are worked out for a still smaller one, since colors change slowly over a picture and take long to work out.
    """
    side = max(16, max(shown.shape[-2:]) // _COARSER)
    tiny, like = shrink(shown, side), shrink(original.to(shown), side)
    like = F.interpolate(like, tiny.shape[-2:], mode="nearest-exact").clamp(0, 255)
    change = color.COLOR_MODES[mode](tiny, like) - tiny
    return shown + F.interpolate(change, shown.shape[-2:], mode="bilinear")


def encode_preview(image: Image.Image) -> bytes:
    """Return a small picture as a JPEG, or as a PNG if it is transparent somewhere."""
    out = io.BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG", compress_level=1)
    else:
        image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def preview_of_levels(image: Tensor, side: int) -> bytes:
    """Return the first of some pictures, (N, 3 or 4, H, W), in gray levels, as a preview; a fourth plane is its opacity."""
    small = shrink(image[:1].detach(), side).clamp(0, 255).round_().to(torch.uint8)
    return encode_preview(Image.fromarray(small[0].permute(1, 2, 0).cpu().contiguous().numpy()))


class Thumbnail:
    """A picture that comes strip by strip, of which a small one is kept.

    Parameters
    ----------
    size
        Height and width of the picture.
    side
        About how many pixels the longer side of the small one has.
    """

    def __init__(self, size: tuple[int, int], side: int = 1024) -> None:
        self._stride = max(1, max(size) // side)
        height, width = (-(-each // self._stride) for each in size)
        self.image = torch.zeros(1, 3, height, width)
        """(1, 3, h, w), RGB in gray levels."""

    def put(self, rows: range, values: Tensor) -> None:
        """Take a strip, (1, 3, rows, width)."""
        first = -rows.start % self._stride
        some = values[..., first :: self._stride, :: self._stride]
        begin = (rows.start + first) // self._stride
        self.image[..., begin : begin + some.shape[-2], :] = some
