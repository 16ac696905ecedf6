"""What is known of a network without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from batcountry.errors import ModelError
from batcountry.recipe.validation import Checked


class _Facts(Checked):
    """What all of a card have in common."""

    refusal = ModelError


class Source(_Facts):
    """Where a file can be downloaded.

    Attributes
    ----------
    address
        http or https.
    given_by
        Who says that the file is there.
    """

    address: Annotated[str, Field(pattern=r"^https?://")]
    given_by: str


class ModelFile(_Facts):
    """One file of a network.

    Attributes
    ----------
    name
        What it is called in the network's folder.
    size
        In bytes, if known.
    sha256, sha1
        In hexadecimal, those that have been published.
    sources
        In the order in which they are tried.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    size: Annotated[int | None, Field(gt=0)] = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    sha1: Annotated[str | None, Field(pattern="^[0-9a-f]{40}$")] = None
    sources: tuple[Source, ...] = ()

    @property
    def known_hash(self) -> str | None:
        """`sha256:…`, or else `sha1:…`, or None if none is known."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"sha1:{self.sha1}" if self.sha1 else None


class ModelCard(_Facts):
    """A network: whose it is, what it was trained on, and which files it has.

    Attributes
    ----------
    name
        What it is opened by.
    title
        One line for people.
    license, license_from
        Of the weights, and where that is said.
    trained_on
        The pictures that it was trained on.
    files
        Those that its folder has.
    embedded
        Whether it comes with the package, so that nothing is downloaded.
    mean
        Of blue, green and red in gray levels, if its authors name another than what the programs of
        2015 took.
    paper
        Address of the paper.
    note
        What else one has to know.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: str
    license: str
    license_from: str | None = None
    trained_on: str
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]
    embedded: bool = False
    mean: tuple[float, float, float] | None = None
    paper: str | None = None
    note: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all files together, or None if one's is unknown and matters."""
        weights = max(self.files, key=lambda each: each.size or 0)
        return sum(each.size or 0 for each in self.files) if weights.size else None

    @property
    def by_hand(self) -> bool:
        """Whether it has to be put in its folder by hand, since a file of it has no known hash."""
        return not self.embedded and any(each.known_hash is None for each in self.files)


class Cards(_Facts):
    """The file of cards."""

    cards: tuple[ModelCard, ...]

    @classmethod
    def read(cls, path: Path) -> Cards:
        """Read them; raises pydantic's `ValidationError` if they are not in order."""
        return cls.model_validate_json(path.read_bytes())
