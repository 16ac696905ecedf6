"""What all kinds of files share: hashing, and writing whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def replace_file(path: Path, *pieces: bytes | memoryview) -> None:
    """Write the pieces beside `path` and rename the file there, so that no reader ever sees half of it."""
    handle, temporary = tempfile.mkstemp(prefix=".batcountry-", suffix=path.suffix, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
        give_usual_rights(Path(temporary))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def give_usual_rights(path: Path) -> None:
    """Let others read a file as they may read any that the user makes; temporary files are private at first."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
