"""Putting a video file together: encoded parts, and sound and subtitles of the source, packet by packet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.files import apply_umask, unused_name
from batcountry.backend.outputs import Output
from batcountry.errors import VideoError
from batcountry.motion.io.clock import OneClock
from batcountry.motion.io.encode import BESIDE, CODECS, VIDEO_SUFFIXES, Format, Part, configure
from batcountry.motion.io.ffmpeg import ffmpeg, open_media, quiet_encoders, writing

log = logging.getLogger("batcountry")

_COPIED = ("audio", "subtitle")


class Sound(NamedTuple):
    """What of a source goes along with its pictures.

    Attributes
    ----------
    source
        The file whose sound and subtitles are copied.
    start, stop
        The part that is copied, in seconds of the source's clock.
    shift
        Seconds that are added to all its times.
    """

    source: Path
    start: Fraction | None = None
    stop: Fraction | None = None
    shift: Fraction = Fraction(0)


def write_video(
    output: Output,
    parts: Callable[[], Iterable[Part]],
    form: Format,
    *,
    sound: Sound | None = None,
    note: str | None = None,
) -> None:
    """Write a video file of encoded parts, whole or not at all.

    Parameters
    ----------
    parts
        Gives the parts in order, each time it is called.
    sound
        What to copy beside the pictures.
    note
        Stored as the file's comment.

    Raises
    ------
    VideoError
        If the file cannot be written.
    """
    av, target = ffmpeg(), output.path
    temporary = unused_name(target.parent, target.suffix)
    kind = VIDEO_SUFFIXES[target.suffix.lower()]
    # The whole file's clock ticks as the pictures' does, so that its duration is not rounded to milliseconds.
    clock = str(min(form.time_base.denominator, 10**6))
    # bitexact: the same film is the same file, without random numbers in its header.
    options = {"fflags": "+bitexact"}
    if kind in ("mp4", "mov"):
        options |= {"movflags": "+faststart", "movie_timescale": clock}
    try:
        with (
            writing(target),
            quiet_encoders(),
            av.open(f"file:{temporary.resolve()}", "w", format=kind, options=options) as out,
        ):
            _mux(out, parts, form, sound, note)
        apply_umask(temporary)
        output.put(temporary)
    except OSError as error:
        raise VideoError(f"cannot write {target}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _mux(
    out: Any, parts: Callable[[], Iterable[Part]], form: Format, sound: Sound | None, note: str | None
) -> None:
    stream = out.add_stream(CODECS[form.codec].encoder, rate=form.rate)
    configure(stream.codec_context, form)
    stream.time_base = form.time_base
    if form.alpha and form.codec == "vp9":
        stream.metadata["alpha_mode"] = "1"
    if form.codec == "hevc" and out.format.name in ("mp4", "mov"):
        stream.codec_context.codec_tag = "hvc1"  # what Apple's players ask for
    queues = [_pictures(stream, parts, form)]
    opened: Any = nullcontext() if sound is None else open_media(sound.source)
    with opened as source:
        if sound is not None:
            queues.append(_copied(source, _streams(out, source), sound))
            out.metadata.update({k: v for k, v in source.metadata.items() if k.lower() in _KEPT_TAGS})
            if sound.start is None and sound.stop is None and source.chapters():
                out.set_chapters(source.chapters())
        if note:
            out.metadata["comment"] = note
        out.start_encoding()
        _interleaved(out, *queues)


_KEPT_TAGS = {
    "title",
    "artist",
    "album",
    "date",
    "creation_time",
    "genre",
    "copyright",
    "description",
    "language",
}


def _streams(out: Any, source: Any) -> dict[int, Any]:
    """Add a stream for each one of the source that the file can hold, and say which it cannot."""
    found = {}
    for each in source.streams:
        if each.type not in _COPIED or each.codec_context is None:
            continue
        try:
            made = out.add_stream_from_template(each)
        except ValueError:
            log.warning(
                "the %s (%s) cannot be copied into a %s file and is left out; a .mkv file holds it",
                "sound" if each.type == "audio" else "subtitles",
                each.codec_context.name,
                out.format.name,
            )
            continue
        made.metadata.update(each.metadata)
        made.disposition = each.disposition
        found[each.index] = made
    return found


def _copied(source: Any, streams: dict[int, Any], sound: Sound) -> Iterator[tuple[Fraction, Any]]:
    """Yield (when, packet) of the streams that are copied."""
    if not streams:
        return
    chosen = [each for each in source.streams if each.index in streams]
    clocks = {each.index: OneClock(each.time_base) for each in chosen}
    for packet in source.demux(*chosen):
        if packet.size == 0 or packet.pts is None:
            continue
        base, before = packet.time_base, packet.pts
        packet.pts = clocks[packet.stream_index].time_of(before, packet.duration or 1)
        packet.dts = None if packet.dts is None else packet.dts + packet.pts - before
        begin, end = packet.pts * base, (packet.pts + (packet.duration or 0)) * base
        if sound.start is not None and end <= sound.start:
            continue
        if sound.stop is not None and begin >= sound.stop:
            continue
        shift = round(sound.shift / base)
        packet.pts += shift
        packet.dts = packet.pts if packet.dts is None else packet.dts + shift
        when = packet.dts * base
        packet.stream = streams[packet.stream_index]
        yield when, packet


def _pictures(
    stream: Any, parts: Callable[[], Iterable[Part]], form: Format
) -> Iterator[tuple[Fraction, Any]]:
    """Yield (when, packet) of all parts, with times to decode at that never go back.

    A packet is decoded when the frame is shown that comes `delay` frames before in order of time.
    """
    av = ffmpeg()
    decode_at = _decode_times([(each.order, each.pts, each.durations) for each in parts()])
    count = 0
    for part in parts():
        beside = _pieces(part.beside, part.beside_sizes)
        for index, data in enumerate(_pieces(part.data, part.sizes)):
            packet = av.Packet(data)
            if along := next(beside, b""):
                _put_beside(packet, along)
            shown = int(part.order[index])
            packet.stream, packet.time_base = stream, form.time_base
            packet.pts, packet.dts = int(part.pts[shown]), int(decode_at[count])
            packet.duration, packet.is_keyframe = int(part.durations[shown]), bool(part.key[index])
            count += 1
            yield packet.dts * form.time_base, packet


def _pieces(data: NDArray[np.uint8], sizes: NDArray[np.int64]) -> Iterator[bytes]:
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        yield data[end - size : end].tobytes()


def _put_beside(packet: Any, data: bytes) -> None:
    sidedata = ffmpeg().packet
    along = sidedata.PacketSideData(sidedata.packet_sidedata_type_from_literal(BESIDE), len(data))
    along.update(data)
    packet.set_sidedata(along)


def _decode_times(
    facts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
) -> NDArray[np.int64]:
    """Return when each packet is decoded, of all parts' (order, pts, durations)."""
    if not facts:
        return np.zeros(0, np.int64)
    delay = max(int((np.arange(len(order)) - order).max(initial=0)) for order, _, _ in facts)
    pts = np.concatenate([each for _, each, _ in facts])
    if not delay or delay >= len(pts):
        return pts - delay
    # Files sum up the steps of decoding times and the last packet's duration: that is to be the whole duration.
    order, _, durations = facts[-1]
    end = pts[-1] + durations[-1]
    lead = end - pts[-1 - delay] - durations[order[-1]]
    return np.concatenate([pts[0] - lead * np.arange(delay, 0, -1) // delay, pts])[: len(pts)]


def _interleaved(out: Any, *queues: Iterator[tuple[Fraction, Any]]) -> None:
    """Write packets in order of time, so that a file need not be read at two places at once."""
    heads = [(next(queue, None), queue) for queue in queues]
    while waiting := [(head[0], place) for place, (head, _) in enumerate(heads) if head is not None]:
        _, place = min(waiting)
        head, queue = heads[place]
        if head is not None:
            out.mux_one(head[1])
        heads[place] = (next(queue, None), queue)
