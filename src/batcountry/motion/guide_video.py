"""Pictures that go along with a film, such as its guide: one for all frames, or a video of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batcountry.errors import VideoError
from batcountry.image.picture import Picture
from batcountry.image.reading import picture_of_levels
from batcountry.image.sources.addresses import local_path
from batcountry.motion.io.clip import Clip
from batcountry.motion.io.encode import VIDEO_SUFFIXES
from batcountry.motion.io.sources import clip_of

_LONGEST = 1024
MOVING_SUFFIXES = {
    *VIDEO_SUFFIXES,
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".m2ts",
    ".ogv",
    ".wmv",
    ".flv",
    ".gif",
    ".apng",
    ".3gp",
}
"""Suffixes of files whose frames are taken one after the other."""


@dataclass(frozen=True)
class FrameConditioning:
    """The pictures that go along with a frame where each has its own."""

    guide: Picture | None = None
    mask: Picture | None = None


NO_CONDITIONING = FrameConditioning()
"""Pictures that are the same for all frames."""


@dataclass(frozen=True)
class GuideVideo:
    """A video that goes along with another, frame by frame; when it ends, it begins again."""

    clip: Clip

    def first(self) -> Picture:
        """Return its first frame."""
        return next(self._frames())

    def _frames(self) -> Iterator[Picture]:
        for shot in self.clip.shots():
            yield picture_of_levels(shot.pixels())

    @staticmethod
    def pictures(video: GuideVideo | None) -> Iterator[Picture | None]:
        """Yield a picture for each frame for ever: `video`'s, or None if there is none."""
        while video is not None:
            yield from video._frames()
        while True:
            yield None


def guide_video(given: Any, what: str) -> GuideVideo | None:
    """Return the video that a guide or mask is; None if it is none.

    Raises
    ------
    VideoError
        If it is named like a video and cannot be read.
    """
    if not (isinstance(given, (str, Path)) and Path(given).suffix.lower() in MOVING_SUFFIXES):
        return None
    try:
        return GuideVideo(clip_of(local_path(given), _LONGEST))
    except VideoError as error:
        raise VideoError(f"the {what} cannot be used: {error}") from None
