"""Boxes: what the nets of SSD (Liu et al., 2016) and Fast R-CNN (Girshick, 2015) have beyond Caffe 1.0."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.caffe.layers.registry import caffe_layer, everything
from batcountry.caffe.proto.caffe_pb2 import PriorBoxParameter

Array = NDArray[np.float32]


def _sides(param: Any) -> list[tuple[float, float]]:
    """Return (width, height) of the boxes around each position, in pixels."""
    ratios = [1.0]
    for ratio in param.aspect_ratio:
        if all(abs(ratio - each) >= 1e-6 for each in ratios):
            ratios += [ratio, 1 / ratio] if param.flip else [ratio]
    if not param.min_size or len(param.max_size) not in (0, len(param.min_size)):
        raise ValueError("it needs a min_size, and as many max_size or none")
    found = []
    for index, smallest in enumerate(param.min_size):
        side = float(int(smallest))  # whole pixels, as in SSD's own code
        found.append((side, side))
        if param.max_size:
            side = sqrt(side * int(param.max_size[index]))
            found.append((side, side))
        found += [(side * sqrt(each), side / sqrt(each)) for each in ratios if abs(each - 1) >= 1e-6]
    return found


def _given(param: Any, name: str, single: str) -> tuple[float, float] | None:
    """Return a (height, width) setting, if it is given."""
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        return getattr(param, f"{name}_h"), getattr(param, f"{name}_w")
    return (getattr(param, single),) * 2 if param.HasField(single) else None


@caffe_layer("PriorBox", window=everything)
def prior_box(layer: Any, params: Sequence[Tensor], x: Tensor, image: Tensor) -> Tensor:  # noqa: ARG001
    """Return the default boxes of a feature map, (1, 2, boxes · 4): corners in 0–1, and their variances."""
    p = layer.prior_box_param
    rows, columns = x.shape[2:]
    height, width = _given(p, "img", "img_size") or image.shape[2:]
    down, right = _given(p, "step", "step") or (height / rows, width / columns)
    sides = np.array(_sides(p))
    given = list(p.variance) or [0.1]
    if len(given) not in (1, 4):
        raise ValueError(f"it needs one variance or four, not {len(given)}")
    if x.is_meta:
        return x.new_empty((1, 2, rows * columns * len(sides) * 4))
    centers = np.stack(
        np.meshgrid((np.arange(columns) + p.offset) * right, (np.arange(rows) + p.offset) * down), -1
    )[:, :, None]
    corners = np.concatenate([centers - sides / 2, centers + sides / 2], -1) / [width, height, width, height]
    if p.clip:
        corners = corners.clip(0, 1)
    variances = np.broadcast_to(given * (4 // len(given)), corners.shape)
    boxes = np.stack([corners.ravel(), variances.ravel()])[None]
    return torch.from_numpy(boxes).to(x)


@caffe_layer("DetectionOutput", window=everything)
def detection_output(
    layer: Any,
    params: Sequence[Tensor],  # noqa: ARG001
    locations: Tensor,
    scores: Tensor,
    priors: Tensor,
) -> Tensor:
    """Return what was found, (1, 1, n, 7): picture, class, score, and corners in 0–1.

    With nothing found there is one row of -1 for each picture. There is no gradient. Where the
    file asks for results to be saved to a folder, nothing is saved.
    """
    p = layer.detection_output_param
    if locations.is_meta:
        return torch.empty(1, 1, 1, 7, device="meta")
    count = priors.shape[2] // 4
    boxes, variances = priors.detach().cpu().numpy().reshape(2, count, 4)
    rows = []
    for picture in range(locations.shape[0]):
        shifts = locations[picture].detach().cpu().numpy().reshape(count, -1, 4)
        kept = _kept(
            p,
            scores[picture].detach().cpu().numpy().reshape(count, p.num_classes),
            [_decoded(p, shifts[:, each], boxes, variances) for each in range(shifts.shape[1])],
        )
        rows += [[picture, *each] for each in kept]
    if not rows:
        rows = [[picture, *[-1] * 6] for picture in range(locations.shape[0])]
    return torch.tensor(rows, dtype=locations.dtype, device=locations.device).reshape(1, 1, -1, 7)


def _decoded(p: Any, shifts: Array, boxes: Array, variances: Array) -> Array:
    """Return the corners that shifts against default boxes stand for, with `clip` (Intel's Caffe) within the picture."""
    corners = _corners(p, shifts, boxes, variances)
    return corners.clip(0, 1) if p.clip else corners


def _corners(p: Any, shifts: Array, boxes: Array, variances: Array) -> Array:
    moved = shifts if p.variance_encoded_in_target else shifts * variances
    if p.code_type == PriorBoxParameter.CORNER:
        return boxes + moved
    sizes = boxes[:, 2:] - boxes[:, :2]
    if p.code_type == PriorBoxParameter.CORNER_SIZE:
        return boxes + moved * np.concatenate([sizes, sizes], 1)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 + moved[:, :2] * sizes
    halves = np.exp(moved[:, 2:]) * sizes / 2
    return np.concatenate([centers - halves, centers + halves], 1)


def _kept(p: Any, scores: Array, decoded: list[Array]) -> list[list[float]]:
    """Return [class, score, corners] of the boxes of one picture that remain."""
    threshold = p.confidence_threshold if p.HasField("confidence_threshold") else -np.inf
    found = []
    for label in range(p.num_classes):
        if label == p.background_label_id:
            continue
        boxes = decoded[0 if p.share_location else label]
        for index in _suppressed(p.nms_param, boxes, scores[:, label], threshold):
            found.append([label, scores[index, label], *boxes[index]])
    if 0 <= p.keep_top_k < len(found):
        found = sorted(sorted(found, key=lambda row: -row[1])[: p.keep_top_k], key=lambda row: row[0])
    return found


def _suppressed(p: Any, boxes: Array, scores: Array, threshold: float) -> list[int]:
    """Return the boxes, best first, that no better one overlaps (non-maximum suppression)."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > threshold]
    if p.HasField("top_k") and p.top_k >= 0:
        order = order[: p.top_k]
    limit = p.nms_threshold
    kept: list[int] = []
    for index in order:
        if all(_overlap(boxes[index], boxes[each]) <= limit for each in kept):
            kept.append(int(index))
            if p.eta < 1 and limit > 0.5:
                limit *= p.eta
    return kept


def _overlap(a: Array, b: Array) -> float:
    """Return the Jaccard overlap of two boxes."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (sides <= 0).any():
        return 0.0
    shared = float(sides.prod())
    return shared / (_area(a) + _area(b) - shared)


def _area(box: Array) -> float:
    sides = box[2:] - box[:2]
    return 0.0 if (sides < 0).any() else float(sides.prod())


_MOST_BINS = 4096


@caffe_layer("ROIPooling", window=everything)
def roi_pooling(layer: Any, params: Sequence[Tensor], x: Tensor, rois: Tensor) -> Tensor:  # noqa: ARG001
    """Take maxima over a grid of windows in each region, (R, C, rows, columns) (Fast R-CNN; Girshick, 2015).

    `rois` has for each region the picture's number in the batch and corners in pixels, (R, 5). What lies outside the
    picture is 0.
    """
    p = layer.roi_pooling_param
    grid = p.pooled_h, p.pooled_w
    if not 1 <= grid[0] * grid[1] <= _MOST_BINS or rois.shape[1] != 5:
        raise ValueError(f"it needs regions of five numbers, and pooled_h · pooled_w from 1 to {_MOST_BINS}")
    if x.is_meta or rois.is_meta:
        return x.new_empty((rois.shape[0], x.shape[1], *grid))
    regions = rois.detach().reshape(-1, 5).float()
    if not regions.isfinite().all() or regions[:, 0].min() < 0 or regions[:, 0].max() >= x.shape[0]:
        raise ValueError("a region is not in any picture of the batch")
    # Halves are rounded up, as C does with what is above 0.
    corners = (regions[:, 1:] * p.spatial_scale + 0.5).floor().clamp(-(2**20), 2**20)
    return torch.stack(
        [
            _maxima(x[int(number)], corner.int().tolist(), grid)
            for number, corner in zip(regions[:, 0], corners, strict=True)
        ]
    )


def _maxima(x: Tensor, corners: list[int], grid: tuple[int, int]) -> Tensor:
    """Return the maxima of a grid over a region of (C, H, W)."""
    left, up, right, down = corners
    for axis, start, end, bins in ((1, up, down, grid[0]), (2, left, right, grid[1])):
        x = torch.stack(
            [_largest(x, axis, *edges) for edges in _bins(start, max(end - start + 1, 1), bins)], axis
        )
    return x


def _bins(start: int, length: int, bins: int) -> list[tuple[int, int]]:
    return [(start + i * length // bins, start - (-(i + 1) * length // bins)) for i in range(bins)]


def _largest(x: Tensor, axis: int, start: int, end: int) -> Tensor:
    """Return the largest values between two places of an axis, 0 where the picture has none of them."""
    start, end = max(start, 0), min(end, x.shape[axis])
    if start >= end:
        return x.new_zeros([size for other, size in enumerate(x.shape) if other != axis])
    return x.narrow(axis, start, end - start).amax(axis)
