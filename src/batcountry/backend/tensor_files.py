"""Tensors as a file of safetensors, whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from batcountry.backend.files import apply_umask, unused_name


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
