"""Clips made on the spot: frames, a tone, subtitles, odd times, a turn, more than 8 bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

RATE = 44_100


@dataclass(frozen=True)
class Facts:
    """What has to survive a dream."""

    times: list
    duration: int | None
    packets: list
    pixel_format: str
    size: tuple
    colors: tuple = ()
    tags: dict = field(default_factory=dict)
    frames: list = field(default_factory=list, repr=False)


def moving(count, height=48, width=64, seed=0):
    """A bright disc and a dark square that cross a smooth ground, H×W×3 uint8 each."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    phases = random.uniform(0, 6, (3, 2))
    ground = np.stack([110 + 50 * np.sin(x / 9 + a) * np.cos(y / 7 + b) for a, b in phases], -1)
    texture = random.uniform(-25, 25, (height, width, 1))
    frames = []
    for index in range(count):
        frame = ground + texture
        across = width * (0.2 + 0.6 * index / max(count - 1, 1))
        frame[(x - across) ** 2 + (y - height / 2) ** 2 < (height / 6) ** 2] = (240, 220, 90)
        square = (np.abs(x - width + across) < height / 9) & (np.abs(y - height / 4) < height / 9)
        frame[square] = (20, 30, 70)
        frames.append(np.uint8(np.clip(frame, 0, 255)))
    return frames


def make_clip(
    path,
    frames,
    *,
    rate=Fraction(25),
    times=None,
    time_base=None,
    codec="libx264",
    pixel_format="yuv420p",
    tone=False,
    turn=0,
    subtitles=(),
    tags=None,
    quality="12",
    colors=None,
):
    """Write a clip; `times` are in ticks of `time_base`, `subtitles` are (begin ms, length ms, text)."""
    import av

    base = time_base or 1 / Fraction(rate)
    times = list(range(len(frames))) if times is None else list(times)
    with av.open(str(path), "w") as out:
        options = {"crf": quality, "preset": "ultrafast"}
        if codec == "libx265":
            options["x265-params"] = "log-level=none"
        video = out.add_stream(codec, rate=rate, options=options)
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt, video.codec_context.time_base = pixel_format, base
        if colors:
            context = video.codec_context
            context.colorspace, context.color_range, context.color_primaries, context.color_trc = colors
        if turn:
            video.set_display_rotation(turn)
        sound = out.add_stream("aac", rate=RATE, layout="stereo") if tone else None
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000)) if subtitles else None
        out.metadata.update(tags or {})
        for frame, time in zip(frames, times, strict=True):
            kind = "rgb24" if frame.dtype == np.uint8 else "rgb48le"
            each = av.VideoFrame.from_ndarray(frame, format=kind)
            each.pts, each.time_base = time, base
            if colors:
                how = {"dst_colorspace": colors[0], "dst_color_range": colors[1]}
                each = each.reformat(format=pixel_format, src_color_range=2, **how)
                each.pts, each.time_base = time, base
            out.mux(video.encode(each))
        out.mux(video.encode(None))
        if sound is not None:
            _add_tone(av, out, sound, float((times[-1] + (times[-1] - times[-2])) * base))
        for begin, length, text in subtitles:
            packet = av.Packet(text.encode())
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = begin
            packet.duration = length
            out.mux(packet)
    return path


def _add_tone(av, out, sound, seconds):
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)
    for begin in range(0, len(wave), 1024):
        piece = np.ascontiguousarray(np.stack([wave[begin : begin + 1024]] * 2))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
        out.mux(sound.encode(frame))
    out.mux(sound.encode(None))


def facts(path) -> Facts:
    """Read a file with FFmpeg alone, with none of the code that is tested."""
    import av

    with av.open(str(path)) as file:
        video = file.streams.video[0]
        shown = list(file.decode(video))
        times = [each.pts * each.time_base for each in shown]
        frames = [each.to_ndarray(format="rgb24") for each in shown]
        found = {
            "duration": file.duration,
            "pixel_format": video.pix_fmt,
            "size": (video.width, video.height),
            "colors": (video.colorspace, video.color_range, video.color_primaries, video.color_trc),
            "tags": dict(file.metadata),
        }
    packets = []
    with av.open(str(path)) as file:
        others = [each for each in file.streams if each.type in ("audio", "subtitle")]
        for packet in file.demux(*others) if others else []:
            if packet.size:
                kind = file.streams[packet.stream_index].type
                when = (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
                packets.append((kind, when, bytes(packet)))
    return Facts(times=times, packets=sorted(packets), frames=frames, **found)
