"""What a recipe may do: run code, read files, and how much it may take of the machine.

Whoever resolves a recipe, opens a model or reads a picture is given a policy: `OPEN` for what the user wrote, `STRICT` for
what came inside a picture, in the folder of unfinished work, or over a network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from batcountry.errors import PolicyError

PathName = str | PathLike[str]


@dataclass(frozen=True)
class Policy:
    """What is allowed; with no arguments everything is.

    Attributes
    ----------
    run_code
        Whether code may be run that a name or a file brings: a function of a Python module, a TorchScript file, a
        Python layer of a Caffe net.
    folders
        Files may be read that lie in these folders or below, links followed; None for all.
    max_pixels
        Of a picture that is read or made; None for the program's own limits alone.
    max_steps
        Of a dream: its octaves times its iterations; of a film, those of all frames together.
    max_bytes
        Of each file that is read.
    max_seconds
        That a piece of work may take, as it is planned and as it is.

    Examples
    --------
    >>> STRICT.allow("pictures").run_code
    False
    """

    run_code: bool = True
    folders: tuple[Path, ...] | None = None
    max_pixels: int | None = None
    max_steps: int | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None

    def allow(self, *folders: PathName, run_code: bool = False) -> Policy:
        """Return this policy with more folders that files may be read from, and with `run_code` leave to run code."""
        more = tuple(Path(each).resolve() for each in folders)
        known = None if self.folders is None else (*self.folders, *more)
        return replace(self, folders=known, run_code=self.run_code or run_code)

    def without_limits(self) -> Policy:
        """Return this policy without bounds on pixels, steps, bytes and seconds."""
        return replace(self, max_pixels=None, max_steps=None, max_bytes=None, max_seconds=None)

    def check_code(self, what: str) -> None:
        """Raise `PolicyError` unless code may be run; `what` names what brings it, such as a model."""
        if not self.run_code:
            raise PolicyError(
                f"to open {what} is to run code that somebody else may have written; allow it with --run-code "
                "(run_code=True in Python) if you trust who wrote it"
            )

    def check_place(self, path: PathName) -> Path:
        """Return a path that may be read from, or a folder; nothing needs to be there.

        Raises
        ------
        PolicyError
            If it lies elsewhere than in the folders that are allowed, or leads there by a link.
        """
        if self.folders is None:
            return Path(path)
        place = _resolved(path)
        if not any(place.is_relative_to(each) for each in self.folders):
            raise PolicyError(
                f"{path} is not in a folder that may be read from; allow that with --allow {_folder_of(place)} "
                "(policy.allow in Python) if you trust who wrote the recipe"
            )
        return Path(path)

    def check_file(self, path: PathName) -> Path:
        """Return the path of a file that may be read; whether it is there is asked by who reads it.

        Raises
        ------
        PolicyError
            As `check_place`; or if it has more bytes than are allowed, or is no ordinary file but a device or a pipe.
        """
        found = self.check_place(path)
        if self.folders is None and self.max_bytes is None:
            return found
        try:
            is_odd = found.exists() and not (found.is_file() or found.is_dir())
            size = found.stat().st_size if found.is_file() else 0
        except (OSError, ValueError):
            return found
        if is_odd:
            raise PolicyError(f"{path} is no ordinary file, but a device or a pipe; name a file")
        if self.max_bytes is not None and size > self.max_bytes:
            raise PolicyError(_too_much(f"{path} has {size:,} bytes", self.max_bytes, "bytes a file"))
        return found

    def check_files(self, paths: Iterable[PathName]) -> None:
        """Raise `PolicyError` unless all files may be read; see `check_file`."""
        for path in paths:
            self.check_file(path)

    def check_pixels(self, size: tuple[int, int], what: str) -> None:
        """Raise `PolicyError` for a picture, called `what`, of two sides in pixels that is larger than allowed."""
        if self.max_pixels is not None and size[0] * size[1] > self.max_pixels:
            raise PolicyError(_too_much(f"{what} has {size[0]}×{size[1]} pixels", self.max_pixels, "pixels"))

    def check_steps(self, steps: int) -> None:
        """Raise `PolicyError` for more steps than allowed."""
        if self.max_steps is not None and steps > self.max_steps:
            raise PolicyError(_too_much(f"the recipe has {steps:,} steps", self.max_steps, "steps"))

    def check_seconds(self, seconds: float) -> None:
        """Raise `PolicyError` for work that takes longer than allowed, or has taken longer."""
        if self.max_seconds is not None and seconds > self.max_seconds:
            raise PolicyError(
                _too_much(f"this takes more than {int(self.max_seconds):,} s", self.max_seconds, "seconds")
            )


OPEN = Policy()
"""For what the user wrote: everything, within the limits that the program has anyway."""

STRICT = Policy(
    run_code=False,
    folders=(),
    max_pixels=1 << 26,
    max_steps=10_000,
    max_bytes=1 << 30,
    max_seconds=86_400,
)
"""For what anybody may have written: no code, no files but in folders that are allowed with `allow`, all within bounds."""


def _too_much(what: str, most: float, unit: str) -> str:
    return (
        f"{what}, and at most {int(most):,} {unit} are allowed for what others may have written; "
        "allow it with --no-limits (policy.without_limits() in Python) if you trust who did"
    )


def _resolved(path: PathName) -> Path:
    try:
        return Path(path).resolve()
    except (OSError, ValueError, RuntimeError):  # a circle of links, or no path at all
        raise PolicyError(f"{path!r} leads nowhere; name a file") from None


def _folder_of(place: Path) -> Path:
    return place if place.is_dir() else place.parent
