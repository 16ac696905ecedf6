"""Encoding frames, in parts that each stand alone, so that a part once done is never done again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from batcountry.errors import RecipeError, VideoError
from batcountry.motion.form import Form
from batcountry.motion.io.clip import FULL, Colors
from batcountry.motion.io.ffmpeg import ffmpeg, quiet_encoders

VIDEO_SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Containers that are written, by suffix."""


@dataclass(frozen=True)
class Codec:
    """A codec that videos are written with.

    Attributes
    ----------
    encoder
        FFmpeg's name of it.
    formats
        Pixel formats for 8 bits, and for more; None if it cannot.
    containers
        Suffixes of files that hold it.
    crf
        Its constant rate factor at qualities of 0 and 100; None if it loses nothing.
    options
        Of the encoder.
    alpha
        Pixel formats with transparency, as `formats`; None if it has none.
    alpha_containers
        Suffixes of files that keep it.
    """

    encoder: str
    formats: tuple[str, str | None]
    containers: tuple[str, ...]
    crf: tuple[float, float] | None
    options: dict[str, str]
    alpha: tuple[str, str | None] | None = None
    alpha_containers: tuple[str, ...] = ()

    def format_for(self, deep: bool, alpha: bool = False) -> str:
        """Return the pixel format for frames of 8 bits, or of more if it can, with transparency or without."""
        formats = (self.alpha if alpha else None) or self.formats
        return (formats[1] if deep else None) or formats[0]

    def settings(self, quality: int, threads: int) -> dict[str, str]:
        """Return the encoder's options for a quality of 0 to 100."""
        found = {each: value.format(threads=threads) for each, value in self.options.items()}
        if self.crf:
            worst, best = self.crf
            found["crf"] = f"{round(worst + (best - worst) * quality / 100)}"
        return found


BESIDE = "matroska_block_additional"
"""FFmpeg's name of what goes along with a packet in WebM and Matroska files."""

_BOXES = (".mp4", ".m4v", ".mov", ".mkv")
# Without mbtree, whose assembly makes the same frames another file now and then (x264 core 165), and a film that was
# stopped would differ from one that was not.
CODECS = {
    "h264": Codec(
        "libx264",
        ("yuv420p", "yuv420p10le"),
        _BOXES,
        (46, 11),
        {"preset": "medium", "x264-params": "mbtree=0"},
    ),
    "hevc": Codec(
        "libx265",
        ("yuv420p", "yuv420p10le"),
        _BOXES,
        (48, 13),
        {"preset": "medium", "x265-params": "log-level=error:pools={threads}"},
    ),
    "vp9": Codec(
        "libvpx-vp9",
        ("yuv420p", None),
        (".webm", ".mkv", ".mp4"),
        (60, 20),
        {"deadline": "good", "cpu-used": "4", "row-mt": "1", "b": "0"},
        ("yuva420p", None),
        (".webm", ".mkv"),
    ),
    "av1": Codec(
        "libsvtav1",
        ("yuv420p", "yuv420p10le"),
        (".webm", ".mkv", ".mp4"),
        (60, 20),
        {"preset": "8", "svtav1-params": "lp={threads}"},
    ),
    "ffv1": Codec(
        "ffv1",
        ("yuv444p", "yuv444p10le"),
        (".mkv",),
        None,
        {"level": "3", "slicecrc": "1"},
        ("yuva444p", "yuva444p10le"),
        (".mkv",),
    ),
}
"""Codecs by the names that users give them."""


class Format(BaseModel):
    """Everything that the encoder has to know of a video; a part is made with nothing else."""

    model_config = ConfigDict(frozen=True)

    codec: str
    quality: int
    threads: int
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    deep: bool
    colors: tuple[int, int, int, int] = (1, 1, 1, 1)
    aspect: Fraction = Fraction(1)
    alpha: bool = False

    @property
    def part(self) -> int:
        """How many frames are encoded together: 8 to 48, and within that no more than 256 MB of them."""
        frame = self.size[0] * self.size[1] * (3 + self.alpha) * (1 + self.deep)
        return max(8, min(48, 256_000_000 // frame))


@dataclass(frozen=True)
class Part:
    """Encoded frames that stand alone.

    Attributes
    ----------
    data
        The packets' bytes one after the other, uint8, in the order of decoding.
    sizes, order, key
        Of each packet: its bytes, which frame of the part it shows, whether it is a key frame.
    pts, durations
        Of each frame, in order of time, in ticks of the video.
    beside, beside_sizes
        What goes along with each packet: VP9's transparency, a stream of its own; as `data` and `sizes`.
    """

    data: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    order: NDArray[np.int64]
    key: NDArray[np.bool_]
    pts: NDArray[np.int64]
    durations: NDArray[np.int64]
    beside: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    beside_sizes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def is_whole(self) -> bool:
        """Whether its packets are those of its frames."""
        lengths = {len(each) for each in (self.sizes, self.order, self.key, self.pts, self.durations)}
        shown = sorted(self.order.tolist()) == list(range(len(self.pts)))
        both = [(self.sizes.tolist(), self.data), (self.beside_sizes.tolist(), self.beside)]
        cut = all(min(sizes, default=0) >= 0 and sum(sizes) == len(data) for sizes, data in both)
        return len(lengths) == 1 and shown and cut and len(self.beside_sizes) in (0, len(self.sizes))


PART_FORMS = {
    **dict.fromkeys(("data", "beside"), Form(np.uint8, (None,))),
    "key": Form(np.bool_, (None,)),
    **dict.fromkeys(("sizes", "order", "pts", "durations", "beside_sizes"), Form(np.int64, (None,))),
}
"""What the arrays of a part are, by name."""


def codec_for(name: str | None, target: Path, *, deep: bool, alpha: bool = False) -> str:
    """Return the name of the codec to use: the one named, or the one that plays nearly everywhere, and keeps transparency.

    Raises
    ------
    RecipeError
        If the file cannot hold it.
    """
    suffix = target.suffix.lower()
    if name is None and alpha and suffix in CODECS["vp9"].alpha_containers:
        return "vp9"
    if name is None:
        web = suffix == ".webm"
        return ("av1" if web else "hevc") if deep else ("vp9" if web else "h264")
    if suffix not in CODECS[name].containers:
        raise RecipeError(
            f"{target.name} cannot hold {name}; end the name in {', '.join(CODECS[name].containers)}"
        )
    return name


def encoded(frames: Iterable[NDArray[Any]], times: Iterable[tuple[int, int]], form: Format) -> Part:
    """Encode frames, H×W×3 uint8 or uint16 RGB, or H×W×4 if the form has transparency, with their (pts, duration), as a part.

    Raises
    ------
    VideoError
        If the encoder cannot.
    """
    av = ffmpeg()
    context = av.CodecContext.create(CODECS[form.codec].encoder, "w")
    configure(context, form)
    context.flags |= av.codec.context.Flags.global_header
    packets: list[Any] = []
    try:
        with quiet_encoders():
            for index, levels in enumerate(frames):
                packets += context.encode(_frame(levels, index, form))
            packets += context.encode(None)
    except (av.FFmpegError, ValueError) as error:
        width, height = form.size
        raise VideoError(f"frames of {width}×{height} cannot be encoded as {form.codec}: {error}") from None
    stamps = np.array(list(times), np.int64).reshape(-1, 2)
    beside = [bytes(each.get_sidedata(BESIDE)) if form.alpha else b"" for each in packets]
    return Part(
        data=np.frombuffer(b"".join(bytes(each) for each in packets), np.uint8),
        sizes=np.array([each.size for each in packets], np.int64),
        order=np.array([each.pts for each in packets], np.int64),
        key=np.array([each.is_keyframe for each in packets], np.bool_),
        pts=stamps[:, 0],
        durations=stamps[:, 1],
        beside=np.frombuffer(b"".join(beside), np.uint8),
        beside_sizes=np.array([len(each) for each in beside], np.int64),
    )


def configure(context: Any, form: Format) -> None:
    """Set an encoder up; the same for each part and for the file's header."""
    codec = CODECS[form.codec]
    context.width, context.height = form.size
    context.pix_fmt = codec.format_for(form.deep, form.alpha)
    context.framerate, context.time_base = form.rate, 1 / form.rate
    context.sample_aspect_ratio = form.aspect
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = form.colors
    context.thread_count = form.threads
    context.gop_size = 250  # longer than any part: a key frame begins it, and others come where scenes do
    context.options = codec.settings(form.quality, form.threads)


def _frame(levels: NDArray[Any], index: int, form: Format) -> Any:
    av = ffmpeg()
    how = av.video.reformatter.Interpolation
    kinds = ("rgba64le", "rgba") if form.alpha else ("rgb48le", "rgb24")
    levels = np.ascontiguousarray(levels[..., : 3 + form.alpha])
    rgb = av.VideoFrame.from_ndarray(levels, format=kinds[levels.dtype == np.uint8])
    rgb.color_range = FULL
    colors = Colors(*form.colors)
    frame = rgb.reformat(
        format=CODECS[form.codec].format_for(form.deep, form.alpha),
        interpolation=how.BICUBIC | how.ACCURATE_RND | how.FULL_CHR_H_INT | how.FULL_CHR_H_INP,
        dst_colorspace=_SWS.get(colors.meant_matrix(form.size[1]), 5),
        dst_color_range=colors.range or 1,
    )
    frame.pts, frame.time_base = index, 1 / form.rate
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = form.colors
    return frame


_SWS = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
