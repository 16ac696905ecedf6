"""From a file to the job that dreams it."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Literal

from batcountry.backend.folders import PICTURE_SUFFIXES
from batcountry.backend.reading import open_plain
from batcountry.errors import BatCountryError, PictureError
from batcountry.image.files import SUFFIXES, picture_size
from batcountry.image.sources.opening import decoding, open_image
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace, json_of
from batcountry.motion.io.animation import SUFFIXES as ANIMATION_SUFFIXES
from batcountry.motion.io.encode import VIDEO_SUFFIXES
from batcountry.studio.watch.settings_file import DreamSettings
from batcountry.studio.watch.whole import MOST

Media = Literal["picture", "film"]

FILM_SUFFIXES = frozenset(
    (*VIDEO_SUFFIXES, ".avi", ".mpg", ".mpeg", ".m2v", ".wmv", ".flv", ".f4v", ".3gp", ".3g2", ".ts", ".mts")
) | {".m2ts", ".ogv", ".ogg", ".vob", ".asf", ".divx", ".mxf", ".y4m"}
"""How names of films end; one without such a name is known by its beginning."""

_MOVING = (*ANIMATION_SUFFIXES, ".png", ".avif", ".avifs")


def media_of(path: Path) -> Media:
    """Return what a file is, by its name, or else by how it begins.

    Raises
    ------
    PictureError
        If it is neither a picture nor a film.
    """
    suffix = path.suffix.lower()
    if suffix in FILM_SUFFIXES:
        return "film"
    if suffix in _MOVING:
        return "film" if _moves(path) else "picture"
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    return _media_by_content(path)


def _moves(path: Path) -> bool:
    try:
        with open_plain(path, most=MOST, error=PictureError) as file, decoding(str(path)):
            return bool(getattr(open_image(file, str(path)), "is_animated", False))
    except BatCountryError:
        return False  # what is wrong with it is said when it is dreamed


def _media_by_content(path: Path) -> Media:
    from batcountry.studio.web.media.films import is_film

    with open_plain(path, most=MOST, error=PictureError) as file:
        if is_film(file.read(32)):
            return "film"
    try:
        picture_size(path)
    except BatCountryError:
        raise PictureError(f"{path.name} is neither a picture nor a film that is known here") from None
    return "picture"


def result_suffix(media: Media, name: PurePath) -> str:
    """Return how a result's name ends: as the file's, if such files are written, else `.png` or `.mp4`."""
    suffix = name.suffix.lower()
    if media == "picture":
        return suffix if suffix in SUFFIXES else ".png"
    return suffix if suffix in VIDEO_SUFFIXES or suffix in ANIMATION_SUFFIXES else ".mp4"


def spec_for(
    path: Path, media: Media, settings: DreamSettings, *, name: str, sha256: str, output: Path
) -> JobSpec:
    """Return the job that dreams a file.

    Parameters
    ----------
    name
        What the result says of the file's name.
    sha256
        Of its content; another is refused when the job begins.
    output
        Where the result goes.

    Raises
    ------
    BatCountryError
        If it is no picture, or there can be no such film.
    """
    source, place = InputFile(path=str(path), name=name, sha256=sha256), OutputPlace(path=str(output))
    if media == "film":
        recipe = json_of(settings.video())
        return JobSpec(kind="video", recipe=recipe, inputs={"video": source}, outputs={"film": place})
    size = picture_size(path) if settings.max_width is not None else None
    recipe = json_of(settings.picture(size))
    return JobSpec(kind="dream", recipe=recipe, inputs={"picture": source}, outputs={"picture": place})
