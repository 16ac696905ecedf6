"""Frames kept as pictures: a folder of them, which is the film, or one animated picture."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from pathlib import Path

import numpy as np

from batcountry.backend.files import replace_file
from batcountry.backend.outputs import Output
from batcountry.errors import WorkDamaged
from batcountry.image.files import picture_size
from batcountry.image.reading import read_picture
from batcountry.motion.io.animation import write_animation
from batcountry.motion.jobs.journal import arrays_bytes, read_arrays
from batcountry.motion.jobs.sinks import DIGITS, STAMP, Kept


class FolderSink:
    """Frames are PNGs in a folder, numbered so that they sort, each with the note inside.

    Parameters
    ----------
    folder
        Where they go.
    size
        (width, height) of the frames.
    note
        What each has inside.
    """

    def __init__(self, folder: Path, size: tuple[int, int], note: str | None = None) -> None:
        self.folder, self.size, self.note = folder, size, note
        self.deep = False
        self._counted = 0

    def count(self) -> int:
        """Return how many frames are there without a gap; those that were counted before are not looked for again."""
        while self.path(self._counted).exists():
            self._counted += 1
        return self._counted

    def add(self, frame: Kept) -> None:
        """Write the next frame."""
        self.folder.mkdir(exist_ok=True)
        picture = read_picture(frame.levels())
        picture = picture.with_note(self.note) if self.note else picture
        picture.save(self.path(frame.index))

    def write(self, note: str) -> None:
        """Do nothing: the frames are the film."""

    def write_so_far(self, note: str) -> None:
        """Do nothing: the frames are the film."""

    def disk(self, frames: int, *, encoding_beside: bool = False) -> int:  # noqa: ARG002
        """Return the bytes that all frames take at what noisy PNGs do."""
        return self.size[0] * self.size[1] * 3 * frames

    def encoding_beside(self) -> AbstractContextManager[None]:
        """Do nothing: frames are whole as they are kept; see `FrameSink`."""
        return nullcontext()

    def path(self, index: int) -> Path:
        """Return where a frame goes; the first is number 1."""
        return self.folder / f"{index + 1:0{DIGITS}d}.png"


class AnimationSink(FolderSink):
    """Frames are kept as PNGs, and become an animated GIF or PNG at the end.

    Parameters
    ----------
    folder, size
        As of `FolderSink`.
    output
        The animated picture.
    time_base
        Seconds in a tick of the frames' times.
    quality
        Of WebP, 0 to 100.
    """

    def __init__(
        self, folder: Path, size: tuple[int, int], output: Output, time_base: Fraction, *, quality: int
    ) -> None:
        super().__init__(folder, size)
        self.output, self.time_base, self.quality = output, time_base, quality

    def add(self, frame: Kept) -> None:
        """Keep the next frame, and first when it is shown."""
        stamp = np.array([frame.pts, frame.duration], np.int64)
        replace_file(self._stamp(frame.index), arrays_bytes({"stamp": stamp}))
        super().add(frame)

    def write(self, note: str) -> None:
        """Write what there is as an animated picture that plays for ever; raises `WorkDamaged` if a frame is."""
        count = self.count()
        frames = [self.path(index) for index in range(count)]
        for each in frames:
            if picture_size(each) != self.size:
                raise WorkDamaged(f"{each} is no frame of this film; start the film anew")
        stamps = [read_arrays(self._stamp(index), {"stamp": STAMP})["stamp"] for index in range(count)]
        times = [(int(pts), int(duration)) for pts, duration in stamps]
        write_animation(self.output, frames, times, self.time_base, note, quality=self.quality)

    def write_so_far(self, note: str) -> None:
        """Write what there is as an animated picture that plays for ever."""
        self.write(note)

    def _stamp(self, index: int) -> Path:
        return self.folder / f"time-{index:08d}.npz"
