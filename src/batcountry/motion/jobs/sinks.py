"""Where finished frames go: into a video's parts, or as pictures (`picture_sinks`).

Each store keeps what it is given at once and whole, knows how many frames it has, and can write what there is as the
film at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.files import replace_file
from batcountry.backend.outputs import Output
from batcountry.errors import WorkDamaged
from batcountry.motion.form import Form
from batcountry.motion.io.encode import PART_FORMS, Format, Part, encoded
from batcountry.motion.io.mux import Sound, write_video
from batcountry.motion.jobs.journal import arrays_bytes, read_arrays

DIGITS = 6
"""Of the numbers in names of frames, so that they sort."""

STAMP = Form(np.int64, (2,))
"""A frame's pts and duration."""

FRAMES = re.compile(rf"\d{{{DIGITS}}}\.png|times\.json")
"""Names in a folder of frames."""


class Kept(Protocol):
    """What is kept of a frame: `batcountry.motion.frame.Frame`, or `Finished`."""

    @property
    def index(self) -> int:
        """Counted from 0."""
        ...

    @property
    def pts(self) -> int:
        """When it is shown, in ticks."""
        ...

    @property
    def duration(self) -> int:
        """How long it is shown, in ticks."""
        ...

    def levels(self, deep: bool = False) -> NDArray[Any]:
        """Return its whole numbers; see `batcountry.motion.frame.Frame`."""
        ...


class FrameSink(Protocol):
    """Keeps finished frames, and makes the film of them."""

    @property
    def deep(self) -> bool:
        """Whether frames are kept in 16 bits."""
        ...

    def count(self) -> int:
        """Return how many frames are kept, from the first on without a gap."""
        ...

    def add(self, frame: Kept) -> None:
        """Keep the next frame."""
        ...

    def write(self, note: str) -> None:
        """Write the film, whole or not at all, when all frames are kept."""
        ...

    def write_so_far(self, note: str) -> None:
        """Write what there is as a film, whole or not at all."""
        ...

    def disk(self, frames: int, *, encoding_beside: bool = False) -> int:
        """Return the bytes of disk that are taken at most beside the film."""
        ...

    def encoding_beside(self) -> AbstractContextManager[None]:
        """Encode in a thread of its own in this block, if frames are encoded as they come, so that adding is quick."""
        ...


class VideoSink:
    """Frames become parts of a video, each encoded once and for all.

    Parameters
    ----------
    folder
        For parts and for frames that are no full part yet.
    output
        The video file.
    form
        How it is encoded.
    sound
        What is copied beside the pictures.
    """

    def __init__(self, folder: Path, output: Output, form: Format, *, sound: Sound | None = None) -> None:
        self.folder, self.output, self.form, self.sound = folder, output, form, sound
        self.deep = form.deep
        self._encoder: ThreadPoolExecutor | None = None
        self._encoding: Future[None] | None = None
        self._parts = 0
        while self._part(self._parts).exists():
            self._parts += 1

    def count(self) -> int:
        """Return how many frames are kept."""
        done = self._parts * self.form.part
        while self._pending(done).exists():
            done += 1
        return done

    def add(self, frame: Kept) -> None:
        """Keep the next frame; with a full part of them, encode it."""
        stamp = np.array([frame.pts, frame.duration], np.int64)
        content = arrays_bytes(
            {"levels": frame.levels(self.form.deep)[..., : 3 + self.form.alpha], "stamp": stamp}
        )
        replace_file(self._pending(frame.index), content)
        self._encode_full_parts()

    def write(self, note: str) -> None:
        """Write the video."""
        self._write(note, self.sound)

    def write_so_far(self, note: str) -> None:
        """Write the frames there are, with sound as far as they go."""
        sound = self.sound
        if sound is not None:
            last = self._read_stamp(self.count() - 1)
            sound = sound._replace(stop=int(last.sum()) * self.form.time_base - sound.shift)
        self._write(note, sound)

    def _write(self, note: str, sound: Sound | None) -> None:
        self._encode_full_parts()
        begin = self._parts * self.form.part
        rest = self._encoded(range(begin, self.count())) if self.count() > begin else None

        def parts() -> Iterator[Part]:
            for index in range(self._parts):
                yield self._read_part(index)
            if rest is not None:
                yield rest

        write_video(self.output, parts, self.form, sound=sound, note=note)

    def _read_stamp(self, index: int) -> NDArray[np.int64]:
        """Return a kept frame's pts and duration."""
        part, place = divmod(index, self.form.part)
        if part < self._parts:
            found = self._read_part(part)
            return np.array([found.pts[place], found.durations[place]], np.int64)
        return self._read(index)["stamp"]

    def disk(self, frames: int, *, encoding_beside: bool = False) -> int:
        """Return the bytes of full parts' frames, one or with a second at the encoder, and of parts at a generous rate, twice."""
        width, height = self.form.size
        frame = width * height * (3 + self.form.alpha) * (1 + self.form.deep)
        packed = frame if self.form.codec == "ffv1" else frame // 10
        return (1 + encoding_beside) * self.form.part * frame + 2 * packed * frames

    @contextmanager
    def encoding_beside(self) -> Iterator[None]:
        """See `FrameSink`; of two parts the second one waits until the first is encoded."""
        with ThreadPoolExecutor(1, "film encoder") as encoder:
            self._encoder = encoder
            try:
                yield
            finally:
                self._encoder = None

    def _encode_full_parts(self) -> None:
        # By what is there and not by the frame at hand: a kill may have come between a part's last frame and the part.
        while (full := self.count() // self.form.part - self._parts) > 0:
            if self._encoding is None and self._encoder is not None:
                self._encoding = self._encoder.submit(self._encode_part, self._parts)
            if self._encoding is None:
                self._encode_part(self._parts)
            elif full == 1 and self._encoder is not None and not self._encoding.done():
                return
            else:
                encoding, self._encoding = self._encoding, None
                encoding.result()
            self._parts += 1
        self._sweep()

    def _encode_part(self, index: int) -> None:
        part = self._encoded(range(index * self.form.part, (index + 1) * self.form.part))
        replace_file(self._part(index), arrays_bytes(vars(part)))

    def _sweep(self) -> None:
        for path in self.folder.glob("frame-*.npz"):
            index = path.stem.removeprefix("frame-")
            if index.isdecimal() and int(index) < self._parts * self.form.part:
                path.unlink()

    def _encoded(self, indices: range) -> Part:
        stamps = (self._read(index)["stamp"] for index in indices)
        times = [(int(pts), int(duration)) for pts, duration in stamps]
        return encoded((self._read(index)["levels"] for index in indices), times, self.form)

    def _read(self, index: int) -> dict[str, NDArray[Any]]:
        width, height = self.form.size
        levels = Form(np.uint16 if self.form.deep else np.uint8, (height, width, 3 + self.form.alpha))
        return read_arrays(self._pending(index), {"levels": levels, "stamp": STAMP})

    def _read_part(self, index: int) -> Part:
        part = Part(**read_arrays(self._part(index), PART_FORMS))
        if not part.is_whole or len(part.pts) != self.form.part:
            raise WorkDamaged(f"{self._part(index)} is damaged; start the film anew")
        return part

    def _pending(self, index: int) -> Path:
        return self.folder / f"frame-{index:08d}.npz"

    def _part(self, index: int) -> Path:
        return self.folder / f"part-{index:06d}.npz"
