"""The sound of a film that somebody sent, made anew as AAC beside its pictures. Runs in the decoder's process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batcountry.motion.io.ffmpeg import ffmpeg

RATE = 48_000
"""Samples a second."""

_MOST_PACKETS = 200  # for each second: no codec has that many


class Sound:
    """Sound that is written as far as the pictures are; what is damaged of it is left out.

    Parameters
    ----------
    source
        An open file, of which nothing else is read.
    output
        What is written, to which a stream is added.
    begin
        When the pictures begin, in seconds of the source's clock.
    seconds
        Most that is taken.
    """

    def __init__(self, source: Any, output: Any, begin: float, seconds: float) -> None:
        self._output, self._begin, self._seconds = output, begin, seconds
        self._stream = output.add_stream("aac", rate=RATE, layout="stereo")
        self._packets = self._encoded(source)
        self._next: Any = None

    def write(self, until: float) -> None:
        """Write what is heard before a time, in seconds from the first picture."""
        while True:
            packet = self._next if self._next is not None else next(self._packets, None)
            self._next = packet
            if packet is None or float(packet.pts * packet.time_base) >= until:
                return
            self._output.mux(packet)
            self._next = None

    def _encoded(self, source: Any) -> Iterator[Any]:
        errors = (
            ffmpeg().FFmpegError,
            ValueError,
        )  # a ValueError when the samples are suddenly of another kind
        try:
            for frame in self._frames(source):
                yield from self._stream.encode(frame)
            yield from self._stream.encode(None)
        except errors:
            return

    def _frames(self, source: Any) -> Iterator[Any]:
        errors = (ffmpeg().FFmpegError, ValueError)
        for count, packet in enumerate(source.demux(source.streams.audio[0])):
            if count > _MOST_PACKETS * self._seconds + 1000:
                return
            try:
                frames = packet.decode()
            except errors:
                continue
            for frame in frames:
                if frame.pts is None or frame.time is None:
                    continue
                heard = frame.time - self._begin
                if heard > self._seconds:
                    return
                if heard >= 0:
                    frame.pts = round(heard / frame.time_base)
                    yield frame
