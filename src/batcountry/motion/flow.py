"""How things move between two frames, which parts were not seen before, and where a scene is cut."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import MissingExtra, PictureError

Field = NDArray[np.float32]
"""H×W×2: for each pixel of one picture how far to the right and down in another it is found."""

Flow = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Field]
"""From two pictures, H×W×3 uint8 RGB, to the field that leads from the first to the second."""

_SMALL = 200  # shorter side, in pixels

# A scene is cut where most of a frame was not seen before, and moving the frame before explains little of the difference;
# measured on pans up to 15 % of the width, noise, flashes, and cuts between alike and unlike scenes.
_CUT_UNSEEN, _CUT_GAIN, _CUT_RESIDUAL = 0.55, 0.5, 4.0
_CUT_CHANGE, _CUT_CHANGED = 6.0, 0.5  # and at least half of the pixels differ by more than this


@dataclass(frozen=True)
class Movement:
    """What leads from a frame back to the one before.

    Attributes
    ----------
    back
        The field from this frame to the one before.
    seen
        H×W, 1 where a pixel was seen before, 0 where it was hidden or outside, soft between.
    cut
        Whether another scene begins here.
    """

    back: Field
    seen: Field
    cut: bool

    def carried(self, detail: Field) -> Field:
        """Return what lay on the frame before, H×W×3, moved along to this one; 0 where it was not seen."""
        return warped(detail, self.back) * self.seen[..., None]


def dis() -> Flow:
    """Return dense inverse search (Kroeger et al., 2016), OpenCV's; raises `MissingExtra` without OpenCV."""
    cv2 = _opencv()
    own = threading.local()  # a search is for one thread at a time

    def flow(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Field:
        if not hasattr(own, "search"):
            own.search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search = own.search
        # Half the resolution is fine enough for what is large, and takes a third of the time.
        search.setFinestScale(0 if min(first.shape[:2]) < _SMALL else 1)
        gray = (np.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in (first, second))
        return search.calc(*_large_enough(*gray), None)[: first.shape[0], : first.shape[1]]

    return flow


def estimate_motion(before: NDArray[np.uint8], now: NDArray[np.uint8], flow: Flow) -> Movement:
    """Return how the frame `now` came of `before`; both H×W×3 uint8.

    A pixel counts as seen before if going back and forth leads to where it started (Sundaram et al., 2010) and it
    lies within the frame before.

    Raises
    ------
    PictureError
        If `flow` gives a field of another shape.
    """
    height, width = now.shape[:2]
    back, forth = flow(now, before), flow(before, now)
    for field in (back, forth):
        if np.shape(field) != (height, width, 2):
            raise PictureError(f"the flow gave an array of shape {np.shape(field)}, not {(height, width, 2)}")
    back, forth = np.asarray(back, np.float32), np.asarray(forth, np.float32)
    miss = warped(forth, back) + back
    error = (miss**2).sum(-1)
    allowed = 0.5 + 0.01 * ((back**2).sum(-1) + (warped(forth, back) ** 2).sum(-1))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    seen = ((error <= allowed) & inside).astype(np.float32)
    cut = _is_cut(before, now, warped(np.float32(before), back), seen)
    return Movement(back, _soft(seen), cut)


def warped(picture: Field, back: Field) -> Field:
    """Return a picture, H×W×C, read where a field leads to, by bicubic interpolation, mirrored at its edges."""
    cv2 = _opencv()
    height, width = back.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(
        picture, x + back[..., 0], y + back[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def carried_on(detail: Tensor, back: Tensor, seen: Tensor) -> Tensor:
    """Return what `Movement.carried` does, on the device that dreams, but for rounding.

    Parameters
    ----------
    detail
        (1, C, H, W), what lay on the frame before.
    back, seen
        See `Movement`.
    """
    height, width = back.shape[:2]
    x = torch.arange(width, dtype=back.dtype, device=back.device) + back[..., 0]
    y = torch.arange(height, dtype=back.dtype, device=back.device)[:, None] + back[..., 1]
    # grid_sample counts from −1 to 1 between the outer edges.
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)[None]
    moved = F.grid_sample(detail, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return moved * seen


def is_still(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> bool:
    """Whether two frames are the same picture."""
    return np.array_equal(before, now)


def _is_cut(before: Any, now: Any, carried: Field, seen: Field) -> bool:
    """Whether nothing of the picture before explains this one."""
    residual = np.abs(np.float32(now) - carried).mean()
    change = np.abs(np.float32(now) - np.float32(before)).mean(-1)
    unexplained = residual > _CUT_GAIN * change.mean() and residual > _CUT_RESIDUAL
    return bool(
        unexplained and 1 - seen.mean() > _CUT_UNSEEN and (change > _CUT_CHANGE).mean() > _CUT_CHANGED
    )


def _soft(mask: Field) -> Field:
    cv2 = _opencv()
    # Shrunk before it is blurred: what is half seen would leave ghosts of an edge.
    return cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (5, 5), 0)


def _large_enough(*pictures: Any) -> list[Any]:
    """Pad pictures to the 32 pixels that the search needs at least."""
    height, width = pictures[0].shape
    return [
        np.pad(picture, ((0, max(0, 32 - height)), (0, max(0, 32 - width))), "edge") for picture in pictures
    ]


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise MissingExtra(
            "carrying a dream from frame to frame", "OpenCV", "flow", "opencv-python-headless"
        ) from None
    return cv2
