"""What `open_model` is asked for, as the loaders get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from batcountry.backend.policy import OPEN, Policy
from batcountry.errors import ModelError
from batcountry.models.model import Model


@dataclass(frozen=True)
class Request:
    """The arguments of `open_model`; None where one was not given."""

    source: Any
    weights: Path | None = None
    mean: Sequence[float] | str | Path | None = None
    std: Sequence[float] | None = None
    input: str | int | None = None
    size: int | tuple[int, int] | None = None
    classes: Sequence[str] | None = None
    policy: Policy = OPEN
    """What opening it may do; loaders ask it before they run code or read files that a file names."""
    sha256: str | None = None
    """The hash that the file of its weights is to have; None for any. Loaders compare it before they open that."""

    @property
    def text(self) -> str:
        """The source as it was written; empty if it is no name and no path."""
        return str(self.source) if isinstance(self.source, (str, Path)) else ""

    @property
    def path(self) -> Path:
        """The source as a path."""
        return Path(self.text)

    def only(self, *names: str, kind: str) -> None:
        """Refuse arguments that a kind of model has no use for.

        Parameters
        ----------
        names
            Those that it takes beside the source.
        kind
            What the message calls it.

        Raises
        ------
        ModelError
            If another one was given.
        """
        given = [each.name for each in fields(self)[1:-2] if getattr(self, each.name) is not None]
        for name in given:
            if name not in names:
                takes = f"takes only {', '.join(names)}" if names else "takes no other argument"
                raise ModelError(f"{kind} has no use for {name}; it {takes}")


Loader = Callable[[Request], Model | None]
"""Opens the kind of model it is made for, and answers None to everything else.

Raises `ModelError` if the model is of its kind and cannot be opened.
"""
