"""Where commands write: to what the user names or to a name made of the input's, and to no place that is taken."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from batcountry.backend.files import is_taken
from batcountry.backend.folders import check_makeable, make_folder
from batcountry.backend.outputs import Output, check_apart, free_name
from batcountry.errors import OutputError, OutputExists
from batcountry.recipe.fields import MEMORY, OUTPUT

log = logging.getLogger("batcountry")

T = TypeVar("T")

Name = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where the picture goes: .png, .jpg, .webp or .tif; or a folder, which is made if the name ends in a slash.",
    ),
]

Work = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="Keep the dream in this new folder as it grows; `resume` goes on from there after a stop of any kind.",
        rich_help_panel=MEMORY.title,
    ),
]

Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace what is there already, in place of taking a free name beside it; inputs never.",
        rich_help_panel=OUTPUT.title,
    ),
]


@dataclass(frozen=True)
class Target:
    """Where a result is to go, as far as the user says.

    Attributes
    ----------
    named
        Whether the name is the user's.
    overwrite
        Whether what is there may be replaced.
    """

    path: Path
    named: bool = True
    overwrite: bool = False


def place_of(given: str | None, usual: str) -> Path:
    """Return where an output goes: what was given, or in the folder that was given, or here, under the usual name."""
    if given is None:
        return Path(usual)
    return Path(given, usual) if _names_folder(given) else Path(given)


def _names_folder(given: str) -> bool:
    return Path(given).is_dir() or given.endswith(("/", os.sep))


@contextmanager
def folder_made(given: str | None) -> Iterator[None]:
    """Make the folder that an output's name ends in; what is still empty in the end goes again."""
    if given is None or not _names_folder(given):
        yield
        return
    folder = Path(given).absolute()
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    check_makeable(folder)
    make_folder(folder)
    try:
        yield
    finally:
        for each in made:
            with suppress(OSError):  # something is in it
                each.rmdir()


def output_at(
    path: Path,
    inputs: Iterable[Path | None],
    *,
    overwrite: bool,
    named: bool = True,
    taken: Callable[[Path], bool] = is_taken,
) -> Output:
    """Return an output at a path, or if that is taken and not to be replaced, at a free one beside it.

    Parameters
    ----------
    inputs
        What is never written over; `OutputError` says so.
    named
        Whether the user gave the name, who is then told of the other at once.
    taken
        Whether a path is not free.
    """
    check_apart(path, inputs)
    free = path if overwrite else free_name(path, taken)
    if free != path and named:
        _say(path, free)
    return Output(free, overwrite)


def begun_at(path: Path, begin: Callable[[Path], T], taken: Callable[[Path], bool] = is_taken) -> T:
    """Begin work whose output goes to a path, or if it says that this is there, to a free one beside it."""
    try:
        return begin(path)
    except OutputExists:
        free = free_name(path, taken)
        _say(path, free)
        return begin(free)


def _say(path: Path, free: Path) -> None:
    log.warning("%s is there already; the result goes to %s (--overwrite replaces)", path, free)


def steps_at(
    folder: Path | None, names: re.Pattern[str], inputs: Iterable[Path | None], *, overwrite: bool
) -> Output | None:
    """Return the folder for the pictures after iterations: another one if such pictures are in it already."""
    if folder is None:
        return None

    def there(place: Path) -> list[Path]:
        return [each for each in place.iterdir() if names.fullmatch(each.name)] if place.is_dir() else []

    if overwrite:
        inputs = list(inputs)
        for each in there(folder):
            check_apart(each, inputs)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder")
    check_makeable(folder)
    return output_at(folder, (), overwrite=overwrite, taken=lambda place: bool(there(place)))


def check_different(*outputs: Path | None) -> None:
    """Raise `OutputError` if two outputs of a command have one name."""
    known = [each for each in outputs if each is not None]
    for index, each in enumerate(known):
        if each in known[:index]:
            raise OutputError(f"{each} is named for two outputs; give them different names")
