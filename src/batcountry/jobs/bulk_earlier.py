"""Dreams that are in a folder already, and in what they differ from those that would be made."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from batcountry.backend.files import is_taken
from batcountry.backend.outputs import Output, check_apart, free_name
from batcountry.dreams.octave_sizes import octave_count
from batcountry.dreams.resolve import Resolved
from batcountry.errors import BatCountryError
from batcountry.image.files import picture_size, read_note
from batcountry.image.sizes import scaled_to
from batcountry.recipe import Note, Recipe

log = logging.getLogger("batcountry")

_OF_THE_MACHINE = {"tile", "max_memory", "device"}
"""Fields of a recipe that change no more of a dream than rounding."""


class Earlier:
    """Knows of pictures and layers what was made of them before, and where what is made now goes.

    Parameters
    ----------
    resolved
        By layer, what dreams are made with.
    names
        What notes say in the place of the recipe's own names.
    overwrite
        Whether dreams of the same name that other options made are replaced.
    """

    def __init__(self, resolved: Mapping[str, Resolved], names: dict[str, str], *, overwrite: bool) -> None:
        self._resolved, self._overwrite = resolved, overwrite
        self._recipes = {name: each.recipe.chosen(**names) for name, each in resolved.items()}
        self._told: set[str] = set()

    def is_done(self, target: Path, picture: Path, digest: str, layer: str) -> bool:
        """Whether the same dream is there, under a target's name or one with a number."""
        return any(self._differences(path, picture, digest, layer) == [] for path in _numbered(target))

    def output(self, target: Path, picture: Path, digest: str, layer: str) -> Output:
        """Return where a dream goes, and say why, if something else is there; the same is said once."""
        found = [(path, self._differences(path, picture, digest, layer)) for path in _numbered(target)]
        output = Output(free_name(target))
        if found:
            path, differences = min(found, key=lambda each: len(each[1] or [""] * 99))
            if self._overwrite and differences is not None:
                check_apart(path, [picture])
                output = Output(path, overwrite=True)
            self._tell(path, differences, output)
        return output

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
        return found + ["other weights"] * (note.weights_sha256 != self._resolved[layer].model.weights_sha256)

    def _expected(self, picture: Path, layer: str) -> Recipe:
        """Return the recipe that a dream on a picture would carry."""
        recipe = self._recipes[layer]
        width, height = scaled_to(picture_size(picture, recipe.frame or 1), recipe.size, recipe.enlarge)
        model = self._resolved[layer].model
        return recipe.chosen(octaves=octave_count(model, (layer,), recipe, (height, width)))

    def _tell(self, path: Path, differences: list[str] | None, output: Output) -> None:
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
    try:
        text = read_note(path)
        note = Note.read(text) if text else None
    except BatCountryError:
        return None
    return note if note is None or note.stopped is None else None
