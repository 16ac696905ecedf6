"""The command that dreams on a folder of pictures, and knows what it has done before."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from batcountry.backend.files import is_taken
from batcountry.backend.folders import check_makeable, make_folder, pictures_in
from batcountry.backend.outputs import Output, check_apart, free_name, is_same
from batcountry.cli.app import app as app
from batcountry.cli.options import recipe_options, several
from batcountry.cli.outputs import Overwrite, for_layer
from batcountry.cli.running import Outputs, run_dream
from batcountry.cli.screen import Stopped, fail, out
from batcountry.cli.trust import RunProgram, typed_policy
from batcountry.errors import BatCountryError, OutputError
from batcountry.image.sizes import scaled_to
from batcountry.recipe import Note, Recipe

if TYPE_CHECKING:
    from batcountry.dreams.prepare import Prepared

log = logging.getLogger("batcountry")

_OF_THE_MACHINE = {"tile", "max_memory", "device"}
"""Fields of a recipe that change no more of a dream than rounding."""


@app.command()
@recipe_options(without=("layer", "objective"))
def bulk(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the dreams.")
    ] = Path("dreams"),
    layer: Annotated[list[str] | None, several("layer", "a picture for each")] = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a folder of pictures with several layers; what is done already is skipped.

    Dreams that other options made stay; the new ones get a number.
    """
    from batcountry.dreams.prepare import prepare

    pictures = pictures_in(folder)
    if is_same(folder, output):
        raise OutputError(
            f"{output} is the folder of the pictures; name another for the dreams with --output"
        )
    check_makeable(output)
    asked = prepare(options=options, policy=typed_policy(run_code))
    model = asked.open_model()
    work = Work(output, asked.with_model(model), layer or [model.default_layer], overwrite=overwrite)
    make_folder(output)
    try:
        for picture in pictures:
            work.dream_on(picture)
    except Stopped as stop:
        raise Stopped(f"{stop} ({work.said})") from None
    out.print(f"{work.said}; the dreams are in {escape(str(output))}")
    if work.failed:
        raise typer.Exit(2)


@dataclass
class Work:
    """Dreams with some layers on one picture after the other.

    Attributes
    ----------
    folder
        Where the dreams go.
    asked
        How to dream, with an opened `Model`.
    overwrite
        Whether dreams of the same name that other options made are replaced.
    """

    folder: Path
    asked: Prepared
    layers: list[str]
    overwrite: bool = field(kw_only=True)
    dreamed: int = 0
    skipped: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        from batcountry.dreams.resolve import resolve

        self._sha256 = self.asked.model.weights_sha256
        for name in self.layers:
            self.asked.model.layer(name)
        self._resolved = {name: resolve(self.asked.with_aim(layer=name)) for name in self.layers}
        self._told: set[str] = set()

    @property
    def said(self) -> str:
        """How many dreams there are of each kind."""
        return f"{self.dreamed} dreamed, {self.skipped} done before, {self.failed} failed"

    def dream_on(self, picture: Path) -> None:
        """Dream on a picture with each layer, unless that is done; what goes wrong is said."""
        from batcountry.backend.files import sha256_of

        try:
            digest = sha256_of(picture)
            for name in self.layers:
                self._dream(picture, digest, name)
        except BatCountryError as error:
            self.failed += 1
            fail(str(error))
        except OSError as error:
            self.failed += 1
            fail(f"{picture} cannot be read: {error.strerror}")

    def _dream(self, picture: Path, digest: str, layer: str) -> None:
        usual = self.folder / f"{picture.stem}-{picture.suffix[1:].lower()}.png"
        target = for_layer(usual, layer)
        found = [(path, self._differences(path, picture, digest, layer)) for path in _numbered(target)]
        if any(differences == [] for _, differences in found):
            self.skipped += 1
            return
        output = Output(free_name(target))
        if found:
            path, differences = min(found, key=lambda each: len(each[1] or [""] * 99))
            if self.overwrite and differences is not None:
                check_apart(path, [picture])
                output = Output(path, overwrite=True)
            self._tell(path, differences, output)
        run_dream(
            picture,
            Outputs(output),
            self._resolved[layer],
            hint="the same command goes on with the rest",
        )
        self.dreamed += 1

    def _differences(self, path: Path, picture: Path, digest: str, layer: str) -> list[str] | None:
        """Return in what a file that is there differs from what would be made; None for one that is no dream."""
        note = _note(path)
        if note is None:
            return None
        before, now = note.recipe.model_dump(), self._expected(picture, layer).model_dump()
        found = [
            f"{name} {before[name]} → {now[name]}"
            for name in now
            if name not in _OF_THE_MACHINE and before[name] != now[name]
        ]
        found += ["another picture"] * (note.input_sha256 != digest)
        return found + ["other weights"] * (note.weights_sha256 != self._sha256)

    def _expected(self, picture: Path, layer: str) -> Recipe:
        """Return the recipe that a dream on a picture would carry."""
        from batcountry.dreams.octave_sizes import octave_count
        from batcountry.image.files import picture_size

        recipe = self._resolved[layer].recipe
        width, height = scaled_to(picture_size(picture), recipe.size, recipe.enlarge)
        octaves = octave_count(self.asked.model, (layer,), recipe, (height, width))
        return recipe.chosen(octaves=octaves)

    def _tell(self, path: Path, differences: list[str] | None, output: Output) -> None:
        """Say of a file that is there why it is not what is wanted; the same is said once."""
        said = "is no dream" if differences is None else f"was made otherwise ({', '.join(differences)})"
        if said not in self._told:
            self._told.add(said)
            new = "it is replaced" if output.overwrite else f"the new one is {output.path.name}"
            log.warning("%s %s; %s", path, said, new)


def _numbered(target: Path) -> Iterator[Path]:
    """Yield a target and `target-2`, `target-3` …, as far as they are there."""
    names = (target.with_name(f"{target.stem}-{number}{target.suffix}") for number in itertools.count(2))
    return itertools.takewhile(is_taken, itertools.chain([target], names))


def _note(path: Path) -> Note | None:
    """Return the note inside a picture, or None if there is none of a whole dream that can be read."""
    from batcountry.image.files import read_note

    try:
        text = read_note(path)
        note = Note.read(text) if text else None
    except BatCountryError:
        return None
    return note if note is None or note.stopped is None else None
