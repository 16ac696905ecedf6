"""What all of the package's use of FFmpeg shares: loading it, opening files, and saying what went wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batcountry.backend.folders import is_folder
from batcountry.backend.process_settings import shared
from batcountry.backend.reading import check_plain
from batcountry.errors import MissingExtra, VideoError

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,ogg,asf,wtv,mxf,nut,ivf,dv,rm,gif,"
    "h264,hevc,obu,av1,m4v,wav,flac,mp3,aac,ac3,aiff,srt,ass,webvtt"
)
"""FFmpeg's names of the containers that are read, films before sounds and subtitles."""

MAX_FILE = 1 << 44
"""Largest media file that is read, in bytes."""

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS, "max_streams": "100"}


def ffmpeg() -> Any:
    """Return PyAV; raises `MissingExtra` without it."""
    try:
        import av
    except ImportError:
        raise MissingExtra("reading and writing videos", "PyAV", "video", "av") from None
    return av


@shared
@contextmanager
def quiet_encoders() -> Iterator[None]:
    """Keep SVT-AV1 from printing its settings at every start."""
    before = os.environ.get("SVT_LOG")
    os.environ.setdefault("SVT_LOG", "1")
    try:
        yield
    finally:
        if before is None:
            del os.environ["SVT_LOG"]


def open_media(path: Path) -> Any:
    """Open a media file for reading.

    Only the file itself is read, and containers of a list of ours: no playlist, or whatever else leads to other files.

    Raises
    ------
    VideoError
        If it is not there or is no media file.
    """
    av = ffmpeg()
    if is_folder(path):
        raise VideoError(f"{path} is a folder, not a video; join its pictures with `bat-country frames join`")
    check_plain(path, most=MAX_FILE, error=VideoError)
    try:
        # With the prefix, a name with a colon in it is not taken for a protocol.
        return av.open(f"file:{path.resolve()}", container_options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{path} is not a video that can be read ({said(error)})") from None


def said(error: BaseException) -> str:
    """Return what FFmpeg or the system says of an error, without its number and the file's name."""
    return str(getattr(error, "strerror", None) or error)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what FFmpeg raises while a file is written into one sentence."""
    av = ffmpeg()
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"cannot write {path}: {said(error)}") from None
