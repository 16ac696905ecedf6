"""Pictures and films of the studio that requests name: where they lie, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from batcountry.errors import NotFound, RecipeError
from batcountry.jobs.spec import InputFile
from batcountry.studio.store.pictures import Filter
from batcountry.studio.web.media import films
from batcountry.studio.web.messages.schemas import Source
from batcountry.studio.web.studio import Studio


@dataclass(frozen=True)
class Named:
    """Something that is here.

    Attributes
    ----------
    name
        As people and notes call it, never where it lies.
    size
        Width and height.
    """

    id: str
    path: Path
    name: str
    size: tuple[int, int]

    @property
    def media(self) -> Literal["picture", "film"]:
        """What it is."""
        return "film" if self.path.suffix in films.SUFFIXES else "picture"

    @property
    def input(self) -> InputFile:
        """Return it as a job has it."""
        return InputFile(path=str(self.path), name=self.name)


def named(studio: Studio, source: Source) -> Named:
    """Return what a source names; raises `NotFound` if it is not here."""
    if source.upload is not None:
        upload = studio.uploads.get(source.upload)
        found = Named(upload.id, studio.folder.file(upload.file), upload.name, (upload.width, upload.height))
    else:
        picture = studio.pictures.get(str(source.picture))
        path = studio.folder.file(picture.file)
        if path.is_dir():
            raise RecipeError("a picture in pieces for zooming cannot be dreamed on; name the picture itself")
        found = Named(picture.id, path, f"{picture.id}{path.suffix}", (picture.width, picture.height))
    if not found.path.is_file():
        raise NotFound("file of", found.id)
    return found


def picture_of(studio: Studio, source: Source, what: str) -> Named:
    """Return the picture that a source names; raises `RecipeError`, which calls it `what`, if it is a film."""
    found = named(studio, source)
    if found.media != "picture":
        raise RecipeError(f"the {what} has to be a picture, and {found.name!r} is a film")
    return found


def source_at(studio: Studio, path: str) -> Source | None:
    """Return the source that a file of a job's spec is; None if it is neither upload nor result."""
    place = Path(path)
    if place.parent == studio.folder.uploads:
        return Source(upload=place.stem)
    if place.parent == studio.folder.pictures:
        return _of_result(studio, place)
    return None


def _of_result(studio: Studio, place: Path) -> Source | None:
    job = place.stem.partition("-picture")[0]
    for candidate in {place.stem, job}:
        found, _ = studio.pictures.page(Filter(job=candidate), limit=20)
        for each in found:
            if studio.folder.file(each.file) == place:
                return Source(picture=each.id)
    return None


def source_of(studio: Studio, id: str) -> Source | None:
    """Return the source of an id that something was made from; None for none."""
    return _kind_of(studio.uploads, id) if id else None


@lru_cache(maxsize=20_000)
def _kind_of(uploads: object, id: str) -> Source:
    try:
        uploads.get(id)  # type: ignore[attr-defined]
    except NotFound:
        return Source(picture=id)
    return Source(upload=id)
