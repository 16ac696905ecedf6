"""Tensors as a file of safetensors: written whole or not at all, and read within bounds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from batcountry.backend.files import apply_umask, unused_name
from batcountry.backend.reading import MAX_WEIGHTS, open_plain
from batcountry.errors import BatCountryError

_MOST_HEADER = 8 << 20  # bytes; the list of a hundred tensors takes ten thousand


def read_tensors(path: Path, *, error: type[BatCountryError], most: int = MAX_WEIGHTS) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Parameters
    ----------
    error
        What is raised if there is no plain file, or it is too large.
    most
        Bytes that it may have.

    Raises
    ------
    ValueError
        If its list of tensors has more than 8 MB, which would take a long time and hundreds of MB to read.
    SafetensorError, OSError, MemoryError
        If it is damaged, or cannot be read.
    """
    with open_plain(path, most=most, error=error) as file:
        if int.from_bytes(file.read(8), "little") > _MOST_HEADER:
            raise ValueError(f"its list of tensors has more than {_MOST_HEADER:,} bytes")
    return load_file(path)


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name; what is there is replaced, and not written through if it is a link.

    Raises
    ------
    OSError
        If the disk is full or cannot be written to.
    """
    temporary = unused_name(path.parent)
    try:
        save_file(dict(tensors), temporary)
        apply_umask(temporary)
        temporary.replace(path)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)
