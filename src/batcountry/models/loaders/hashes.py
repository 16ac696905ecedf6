"""Files of networks by their hash, which is compared before anything else is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from batcountry.backend.files import sha256_of_open
from batcountry.backend.reading import MAX_WEIGHTS, open_plain
from batcountry.errors import ModelError, OtherWeights


def open_checked(path: Path, expected: str | None = None) -> tuple[BinaryIO, str]:
    """Open a plain file whose hash is known by then; returns it, at its start, and its sha256.

    Parameters
    ----------
    expected
        The sha256 that it is to have; None for any.

    Raises
    ------
    ModelError
        If it is missing, or no plain file.
    OtherWeights
        If it has another hash.
    """
    file = open_plain(path, most=MAX_WEIGHTS, error=ModelError)
    try:
        digest = sha256_of_open(file)
        if expected is not None and digest != expected:
            raise OtherWeights(path, digest, expected)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, digest


def sha256_of_plain(path: Path, expected: str | None = None) -> str:
    """Return the sha256 of a plain file; raises what `open_checked` raises."""
    file, digest = open_checked(path, expected)
    file.close()
    return digest
