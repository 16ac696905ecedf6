"""Mean pictures: `mean.binaryproto` and `.npy`."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.reading import MAX_TEXT, check_plain
from batcountry.caffe.formats.weights import read_blob
from batcountry.errors import ModelError, first_line

DAMAGED_ARRAY = (OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, SyntaxError,
                 RuntimeError, tokenize.TokenError, zipfile.BadZipFile, zlib.error)  # fmt: skip
"""What NumPy raises for arrays in files that are damaged."""


def read_mean(path: Path) -> NDArray[np.float32]:
    """Return a mean picture, (C, H, W), or the mean of each channel, (C,), in gray levels and the net's order.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or holds something else.
    """
    mean = _read_npy(path) if path.suffix == ".npy" else read_blob(path)
    mean = mean[0] if mean.ndim == 4 and mean.shape[0] == 1 else mean
    if mean.ndim not in (1, 3) or not mean.size:
        raise ModelError(f"{path} holds an array of shape {mean.shape}; a mean is (channels, height, width)")
    if not np.isfinite(mean).all():
        raise ModelError(f"{path} holds values that are not numbers")
    return mean


def find_mean(folder: Path) -> Path | None:
    """Return the one mean file that lies in a folder, if there is one only."""
    found = [*folder.glob("*.binaryproto"), *folder.glob("*mean*.npy")]
    return found[0] if len(found) == 1 else None


def _read_npy(path: Path) -> NDArray[np.float32]:
    check_plain(path, most=MAX_TEXT, error=ModelError)
    try:
        # Mapped, so that a header cannot ask for more memory than the file has.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"its type is {array.dtype}")
        return np.asarray(array, dtype=np.float32)
    except DAMAGED_ARRAY as error:
        raise ModelError(f"{path} is not a NumPy array file ({first_line(error)})") from None
