"""Videos from addresses, fetched with yt-dlp if it is installed."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from batcountry.errors import MissingExtra, VideoError
from batcountry.image.sources.addresses import is_address as is_address

log = logging.getLogger("batcountry")

_LARGEST = "16G"


def fetched(address: str, output: Path) -> Path:
    """Fetch a video, beside `output`, and return its file, which stays there.

    What was fetched before is used again.

    Raises
    ------
    MissingExtra
        Without yt-dlp.
    VideoError
        If it cannot be fetched.
    """
    there = _found(output)
    if there is not None:
        log.info("using %s, which was fetched before", there)
        return there
    log.info("fetching %s with yt-dlp", address)
    command = [
        *_program(), "--ignore-config", "--no-playlist", "--quiet", "--no-warnings", "--max-filesize", _LARGEST,
        "--merge-output-format", "mkv", "--output", f"{str(_stem(output)).replace('%', '%%')}.%(ext)s", "--", address,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise VideoError(f"yt-dlp cannot be run: {error.strerror}") from None
    there = _found(output)
    if done.returncode or there is None:
        said = (done.stderr.strip().splitlines() or ["it gave no video"])[-1]
        raise VideoError(f"{address} cannot be fetched: {said.removeprefix('ERROR: ')}")
    return there


def _stem(output: Path) -> Path:
    return output.resolve().with_name(f"{output.stem}-source")


def _found(output: Path) -> Path | None:
    stem = _stem(output)
    kept = (
        each
        for each in sorted(stem.parent.glob("*"))
        if each.stem == stem.name and each.suffix not in (".part", ".ytdl")
    )
    return next(kept, None)


def _program() -> list[str]:
    if found := shutil.which("yt-dlp"):
        return [found]
    if find_spec("yt_dlp") is not None:
        return [sys.executable, "-m", "yt_dlp"]
    raise MissingExtra("fetching a video from an address", "yt-dlp", "fetch")
