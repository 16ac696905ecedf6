"""Interlaced frames, two half pictures in one, made into whole ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from batcountry.motion.io.ffmpeg import ffmpeg

log = logging.getLogger("batcountry")

FILTER = ("bwdif", "mode=send_frame:deint=interlaced")
"""Bob Weaver's filter, one frame for each; those that are not marked as interlaced go through as they are."""


def deinterlaced(frames: Iterable[Any], stream: Any, path: Path) -> Iterator[Any]:
    """Yield frames, from the first that is marked as interlaced on without the comb that things in motion have there."""
    graph = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            log.warning("%s is interlaced, and is deinterlaced before it is dreamed on (%s)", path, FILTER[0])
            graph = _graph(frame, stream)
        if graph is None:
            yield frame
        else:
            graph.push(frame)
            yield from _ready(graph, stream.time_base)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, stream.time_base)


def _graph(frame: Any, stream: Any) -> Any:
    graph = ffmpeg().filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format.name,
        time_base=frame.time_base or stream.time_base,
    )
    nodes = [source, graph.add(*FILTER), graph.add("buffersink")]
    for one, other in pairwise(nodes):
        one.link_to(other)
    graph.configure()
    return graph


def _ready(graph: Any, time_base: Fraction) -> Iterator[Any]:
    """Yield what the filter has ready, in the stream's ticks; its own are half as long."""
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # it asks for more, or has given all
            return
        if frame.pts is not None:
            frame.pts = round(frame.pts * frame.time_base / time_base)
        if frame.duration:
            frame.duration = round(frame.duration * frame.time_base / time_base)
        frame.time_base = time_base
        yield frame
