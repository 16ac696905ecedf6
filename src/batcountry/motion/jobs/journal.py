"""What the next frame of a film depends on, in the folder of its job, which lies beside the film."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.files import replace_file
from batcountry.backend.reading import read_plain
from batcountry.errors import VideoError, WorkDamaged, first_line
from batcountry.jobs.folder import JOB, exists, folder_beside
from batcountry.motion.form import Form, State

_MOST_BYTES = 4 << 30


def check_no_journal(output: Path) -> None:
    """Raise `VideoError` if there is an unfinished film of that name."""
    folder = folder_beside(output)
    if exists(folder / JOB):
        raise VideoError(
            f"{folder} has an unfinished film in it; go on with `bat-country resume {folder}`, or delete it"
        )


class FrameStates:
    """A folder with what the frame after the last ones depends on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, done: int, state: State) -> None:
        """Store what the frame after the first `done` depends on."""
        replace_file(self._place(done), arrays_bytes(state))

    def forget(self, done: int) -> None:
        """Delete what older frames left, when `done` of them are stored."""
        for path in self.folder.glob("state-*.npz"):
            if path != self._place(done):
                path.unlink()

    def read(self, done: int, like: Mapping[str, Form]) -> State:
        """Return what `keep` stored.

        Parameters
        ----------
        like
            What the arrays are, by name.

        Raises
        ------
        VideoError
            If it is not there, damaged, or of another film.
        """
        return read_arrays(self._place(done), like)

    def _place(self, done: int) -> Path:
        return self.folder / f"state-{done:08d}.npz"


def arrays_bytes(arrays: State) -> memoryview:
    """Return arrays by name as the bytes of an `.npz` file, not compressed."""
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getbuffer()


def read_arrays(path: Path, like: Mapping[str, Form]) -> State:
    """Return the arrays of an `.npz` file by name.

    Parameters
    ----------
    like
        What they are. They take no more memory than the file has bytes.

    Raises
    ------
    VideoError
        If it is missing, damaged, or has others.
    """
    found = _arrays(path)
    fits = set(found) == set(like) and all(like[name].fits(each) for name, each in found.items())
    if not fits:
        raise WorkDamaged(f"{path} is of another film; start the film anew")
    return found


def _arrays(path: Path) -> State:
    try:
        data = read_plain(path, most=_MOST_BYTES, error=WorkDamaged)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {each.filename.removesuffix(".npy"): _array(archive, each) for each in archive.infolist()}
    except (
        ValueError,
        KeyError,
        EOFError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        raise WorkDamaged(f"{path} is damaged ({first_line(error)}); start the film anew") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return one array, whose size is known before memory is taken for it."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed, which nothing here writes")
    data = io.BytesIO(archive.read(member))
    if np.lib.format.read_magic(data) != (1, 0):
        raise ValueError(f"{member.filename} is of a format that nothing here writes")
    shape, _, kind = np.lib.format.read_array_header_1_0(data)
    if kind.hasobject or math.prod(shape) * kind.itemsize != len(data.getbuffer()) - data.tell():
        raise ValueError(f"{member.filename} is not as long as it says")
    data.seek(0)
    return np.lib.format.read_array(data, allow_pickle=False)
