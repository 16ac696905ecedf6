"""What the next frame of a film depends on, in the folder of its job, which lies beside the film."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from batcountry.backend.files import replace_file
from batcountry.errors import VideoError
from batcountry.jobs.folder import JOB, folder_beside
from batcountry.motion.frame import State


def check_no_journal(output: Path) -> None:
    """Raise `VideoError` if there is an unfinished film of that name."""
    folder = folder_beside(output)
    if (folder / JOB).exists():
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

    def read(self, done: int) -> State:
        """Return what `keep` stored; raises `VideoError` if it is not there or damaged."""
        return read_arrays(self._place(done))

    def _place(self, done: int) -> Path:
        return self.folder / f"state-{done:08d}.npz"


def arrays_bytes(arrays: State) -> memoryview:
    """Return arrays by name as the bytes of an `.npz` file, not compressed."""
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getbuffer()


def read_arrays(path: Path) -> State:
    """Return the arrays of an `.npz` file by name; raises `VideoError` if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise VideoError(f"{path} is damaged or missing ({error}); start the film anew") from None
