"""What makes feature maps larger and smaller: layers of SegNet's, DeepLab's and PSPNet's forks of Caffe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.receptive_field import Window
from batcountry.caffe.layers.registry import caffe_layer

# ruff: noqa: ARG001

Size = tuple[int, int]


def _scales(layer: Any) -> Size:
    p = layer.upsample_param
    if p.HasField("scale_h") and p.HasField("scale_w"):
        return p.scale_h, p.scale_w
    return p.scale, p.scale


def _upsample_window(layer: Any) -> Window | None:
    down, across = _scales(layer)
    if not (down and across):
        return None
    most = max(down, across)
    return Window(most - 1, most - 1, upscale=min(down, across), even=down == across)


@caffe_layer("Upsample", window=_upsample_window)
def upsample(
    layer: Any, params: Sequence[Tensor], x: Tensor, mask: Tensor | None = None, like: Tensor | None = None
) -> Tensor:
    """Put values back where max pooling took them from, zeros elsewhere (SegNet; Badrinarayanan et al., 2015).

    The second bottom is that pooling's second top; without one each value is repeated. A third, if there is one, is
    of the size that comes out, in place of what the layer states.
    """
    rows, columns = size = _upsampled(layer, x, like)
    if mask is None:
        return F.interpolate(x, size, mode="nearest")
    if mask.shape != x.shape:
        raise ValueError("its bottoms are not of one shape")
    if x.is_meta or mask.is_meta:
        return x.new_empty((*x.shape[:2], *size))
    places = mask.detach().flatten(2).long()
    if places.numel() and not 0 <= int(places.min()) <= int(places.max()) < rows * columns:
        raise ValueError(f"its mask is of larger feature maps than {rows}×{columns}")
    empty = x.new_zeros(*x.shape[:2], rows * columns)
    return empty.scatter(2, places, x.flatten(2)).reshape(*x.shape[:2], *size)


def _upsampled(layer: Any, x: Tensor, like: Tensor | None) -> Size:
    p = layer.upsample_param
    if like is not None:
        return like.shape[2], like.shape[3]
    if p.HasField("upsample_h") and p.HasField("upsample_w"):
        return p.upsample_h, p.upsample_w
    down, across = _scales(layer)
    return x.shape[2] * down - p.pad_out_h, x.shape[3] * across - p.pad_out_w


def has_fixed_size(layer: Any) -> bool:
    """Whether an Interp layer states the size that it makes, whatever comes in."""
    return bool(layer.type == "Interp" and layer.interp_param.height and layer.interp_param.width)


def _interp_window(layer: Any) -> Window | None:
    p = layer.interp_param
    if has_fixed_size(layer) or len(layer.bottom) > 1 or min(p.zoom_factor, p.shrink_factor) < 1:
        return None
    between, cut = (p.zoom_factor - 1) * p.shrink_factor, -p.pad_beg * p.zoom_factor
    return Window(between - cut, between + cut, p.shrink_factor, p.zoom_factor)


@caffe_layer("Interp", window=_interp_window)
def interp(layer: Any, params: Sequence[Tensor], x: Tensor, like: Tensor | None = None) -> Tensor:
    """Resize by linear interpolation, corners onto corners (DeepLab; Chen et al., 2015).

    To the size stated, or that of a second bottom; or shrunk and then zoomed, where n values become (n - 1) · zoom + 1.
    A `pad_beg` or `pad_end` below 0 cuts off rows and columns first.
    """
    p = layer.interp_param
    if p.pad_beg > 0 or p.pad_end > 0:
        raise ValueError("pad_beg and pad_end cut off, so they are at most 0")
    x = x[:, :, -p.pad_beg : x.shape[2] + p.pad_end, -p.pad_beg : x.shape[3] + p.pad_end]
    rows, columns = x.shape[2:]
    size: Size = (rows, columns)
    if like is not None:
        size = like.shape[2], like.shape[3]
    elif has_fixed_size(layer):
        size = p.height, p.width
    elif p.zoom_factor < 1 or p.shrink_factor < 1:
        raise ValueError("zoom_factor and shrink_factor are at least 1")
    else:
        size = _zoomed(rows, p), _zoomed(columns, p)
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def _zoomed(size: int, p: Any) -> int:
    return ((size - 1) // p.shrink_factor) * p.zoom_factor + 1
