"""What a film may be dreamed on, by what it is and not by its name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from batcountry.backend.files import sha256_of
from batcountry.backend.folders import is_folder
from batcountry.backend.policy import OPEN, Policy
from batcountry.errors import BatCountryError, VideoError
from batcountry.image.files import picture_size
from batcountry.motion.io.clip import Clip
from batcountry.motion.io.decode import film_of
from batcountry.motion.io.picture_frames import animation_of, folder_of, still
from batcountry.motion.io.times import TIMES, frames_in


def clip_of(
    path: Path,
    longest: int | None = None,
    *,
    fps: str | None = None,
    even: bool = True,
    policy: Policy = OPEN,
) -> Clip:
    """Look at what is to be dreamed on frame by frame.

    Parameters
    ----------
    path
        A video file, an animated GIF, PNG, WebP or AVIF, a TIFF of many pages, each shown for 0.1 s, or a folder of pictures.
    longest
        Frames are shrunk so that their longer side has at most so many pixels.
    fps
        Frames a second of a folder of pictures.
    even
        Whether the sides of pictures' frames are to be even, as videos have it. Those of a video always are.
    policy
        Which pictures of a folder may be read.

    Raises
    ------
    BatCountryError
        If there is no video there, or it is damaged or too large.
    """
    if is_folder(path):
        return folder_of(path, longest, fps=fps, even=even, policy=policy)
    animation = animation_of(path, longest, even=even)
    try:
        return animation or film_of(path, longest)
    except VideoError:
        if _is_picture(path):
            raise still(path) from None
        raise


def _is_picture(path: Path) -> bool:
    try:
        return min(picture_size(path)) > 0
    except BatCountryError:
        return False


def source_digest(path: Path) -> str:
    """Return the sha256 of a file; of a folder of frames that of its pictures' names and digests, and of their times."""
    if not is_folder(path):
        return sha256_of(path)
    digest = hashlib.sha256()
    times = path / TIMES
    for each in [*frames_in(path), *([times] if times.is_file() else [])]:
        digest.update(f"{each.name}\0{sha256_of(each)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
