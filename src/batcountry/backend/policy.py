"""What a recipe may do: run code, read files, and how much it may take of the machine.

Whoever resolves a recipe, opens a model or reads a picture is given a policy: `OPEN` for what the user wrote, `STRICT` for
what came inside a picture, in the folder of unfinished work, or over a network.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from batcountry.errors import PolicyError

PathName = str | PathLike[str]

S = TypeVar("S")


@dataclass(frozen=True)
class Policy:
    """What is allowed; with no arguments everything but programs in files.

    Attributes
    ----------
    run_code
        Whether Python code of this machine may be run that a recipe or a network names: a function of a module, a
        Python layer of a Caffe net.
    run_programs
        Whether programs may be run that lie in files, such as TorchScript. Such a file is a stranger's as often as not,
        whoever typed its name, so this is never so unless it is asked for.
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
    network
        Whether a picture may be fetched from an address.

    Examples
    --------
    >>> STRICT.allow("pictures").run_code
    False
    """

    run_code: bool = True
    run_programs: bool = False
    folders: tuple[Path, ...] | None = None
    max_pixels: int | None = None
    max_steps: int | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None
    network: bool = True

    def allow(self, *folders: PathName, run_code: bool = False) -> Policy:
        """Return this policy with more folders that files may be read from, and with `run_code` leave to run code."""
        more = tuple(Path(each).resolve() for each in folders)
        known = None if self.folders is None else (*self.folders, *more)
        return replace(
            self,
            folders=known,
            run_code=self.run_code or run_code,
            run_programs=self.run_programs or run_code,
        )

    def without_limits(self) -> Policy:
        """Return this policy without bounds on pixels, steps, bytes and seconds."""
        return replace(self, max_pixels=None, max_steps=None, max_bytes=None, max_seconds=None)

    def check_code(self, what: str) -> None:
        """Raise `PolicyError` unless Python code may be run; `what` names it, such as a model's function."""
        if not self.run_code:
            raise _no_code(f"to open {what} is to run that code, and the recipe may be anybody's")

    def check_program(self, file: str) -> None:
        """Raise `PolicyError` unless the program in a file may be run."""
        if not self.run_programs:
            raise _no_code(f"to open {file} is to run the program in it, and it may be anybody's")

    def check_address(self, address: str) -> None:
        """Raise `PolicyError` unless something may be fetched from an address on the web."""
        if not self.network:
            raise PolicyError(
                f"{address} is on the web, and what others may have written fetches nothing; fetch it yourself and name the file"
            )

    def may_read(self, path: PathName) -> bool:
        """Whether a path lies in a folder that is allowed; see `check_place`."""
        try:
            self.check_place(path)
        except PolicyError:
            return False
        return True

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

    def check_result(self, path: PathName, home: Path) -> Path:
        """Return a path that somebody else's job may write to; nothing needs to be there.

        Parameters
        ----------
        home
            The folder that the job's own lies in: below it results may go, but not be it, nor be hidden or in a hidden folder,
            where programs have their settings.

        Raises
        ------
        PolicyError
            If it lies elsewhere, and in no folder that is allowed, or leads there by a link.
        """
        place = _resolved(path)
        if self.folders is None or any(place.is_relative_to(each) for each in self.folders):
            return Path(path)
        parts = place.relative_to(home).parts if place.is_relative_to(home) else ()
        if parts and not any(part.startswith(".") for part in parts):
            return Path(path)
        raise PolicyError(
            f"the job's result would go to {path}, which is hidden or not in the folder that the job's folder lies in; allow "
            f"that with --allow {_folder_of(place)} (policy.allow in Python) if you trust who began it"
        )

    def may_write(self, path: PathName, home: Path) -> bool:
        """Whether somebody else's job may write to a path; see `check_result`."""
        try:
            self.check_result(path, home)
        except PolicyError:
            return False
        return True

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
        self.check_bytes(size, str(path))
        return found

    def check_files(self, paths: Iterable[PathName]) -> None:
        """Raise `PolicyError` unless all files may be read; see `check_file`."""
        for path in paths:
            self.check_file(path)

    def check_bytes(self, count: int, what: str) -> None:
        """Raise `PolicyError` for a file, called `what`, of more bytes than allowed."""
        if self.max_bytes is not None and count > self.max_bytes:
            raise PolicyError(_too_much(f"{what} has {count:,} bytes", self.max_bytes, "bytes a file"))

    def check_pixels(self, size: tuple[int, int], what: str) -> None:
        """Raise `PolicyError` for a picture, called `what`, of two sides in pixels that is larger than allowed."""
        if self.max_pixels is not None and size[0] * size[1] > self.max_pixels:
            raise PolicyError(_too_much(f"{what} has {size[0]}×{size[1]} pixels", self.max_pixels, "pixels"))

    def timed(self, steps: Iterator[S]) -> Iterator[S]:
        """Yield the steps of a piece of work; raises `PolicyError` when they have taken longer than allowed.

        The time that passes while somebody looks at a step does not count.
        """
        if self.max_seconds is None:
            yield from steps
            return
        spent, end = 0.0, object()
        try:
            while True:
                begun = time.monotonic()
                step: Any = next(steps, end)
                if step is end:
                    return
                spent += time.monotonic() - begun
                self.check_seconds(spent)
                yield step
        finally:
            if isinstance(steps, Generator):
                steps.close()

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
"""For what the user wrote: everything but programs in files, within the limits that the program has anyway."""

STRICT = Policy(
    run_code=False,
    folders=(),
    max_pixels=1 << 26,
    max_steps=100_000,
    max_bytes=1 << 30,
    max_seconds=86_400,
    network=False,
)
"""For what anybody may have written: no code, nothing fetched, no files but in folders that are allowed, all within bounds."""


def _no_code(why: str) -> PolicyError:
    return PolicyError(
        f"{why}; allow it with --run-code (policy.allow(run_code=True) in Python) if you trust who wrote it"
    )


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
