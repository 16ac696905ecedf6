"""Dreams on a video: each frame carries on the dream of the one before, moved along with what is in it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.allocator import kept_memory
from batcountry.backend.side_by_side import ahead, together
from batcountry.backend.threads import with_threads
from batcountry.dreams.prepare import Prepared
from batcountry.motion.color_anchor import Tone, apply_anchor
from batcountry.motion.comparing import Comparing, Seen, pairs
from batcountry.motion.flow import Flow, dis
from batcountry.motion.form import Form, State
from batcountry.motion.frame import Dreamt, Frame, arrived, tensor
from batcountry.motion.frame_dreamer import FrameDreamer
from batcountry.motion.guide_video import FrameConditioning, GuideVideo, guide_video
from batcountry.motion.io.clip import Clip, Shot
from batcountry.motion.overlap import AHEAD, flow_workers, stage_kind
from batcountry.motion.recipes import VideoRecipe
from batcountry.recipe.units import seconds_of


@dataclass(frozen=True)
class _Carried:
    """What a frame hands on: its input, its dream, how far its scene is, and the scene's tones when it began."""

    shot: Shot
    image: Tensor
    dream: Tensor
    since_cut: int
    tones: tuple[Tone, ...] = ()
    """Of input and dream where the scene began; none if nothing is carried on."""

    def state(self) -> dict[str, Any]:
        """Return what the next frame depends on; what is large or not known yet on its device."""
        if not self.tones:
            return {}
        tones = torch.stack([each for tone in self.tones for each in (tone.mean, tone.std)])
        tones = tones if tones.dtype == torch.float64 else tones.cpu().double()
        return {"dream": self.dream, "tones": tones, "since_cut": np.array([self.since_cut])}

    @classmethod
    def of(cls, seen: Seen, state: State, device: torch.device) -> _Carried:
        dream, image = tensor(state["dream"], device), seen.image()
        values = torch.from_numpy(state["tones"]).to(device, Tone.of(image).mean.dtype)
        tones = Tone(values[0], values[1]), Tone(values[2], values[3])
        return cls(seen.shot, image, dream, int(state["since_cut"][0]), tones)


class Filming:
    """A video that is ready to be dreamed on.

    Parameters
    ----------
    clip
        The video, of the size that its frames are to have.
    recipe
        How to dream.
    asked
        The recipe's dream as it is asked for, with an opened `Model`, an `Objective`, a guide picture.
    flow
        Finds how things move between two frames; OpenCV's dense inverse search if not given.
    """

    def __init__(self, clip: Clip, recipe: VideoRecipe, asked: Prepared, *, flow: Flow | None = None) -> None:
        self.clip = clip
        self._own_flow = flow is not None  # of a caller's, which may not be for several threads at once
        self.flow = flow or (dis() if recipe.coherence > 0 or recipe.every > 1 else None)
        self.guide_videos = {name: _guide_video(name, recipe, asked) for name in ("guide", "mask")}
        firsts = {name: video.first() for name, video in self.guide_videos.items() if video is not None}
        width, height = clip.size
        shown: dict[str, Any] = firsts
        self.dreamer = FrameDreamer(recipe, replace(asked, **shown), (height, width))
        self.recipe: VideoRecipe = self.dreamer.motion  # type: ignore[assignment]
        self.dreamer.check_work(self.count, self.seconds(self.count))

    @property
    def count(self) -> int:
        """How many frames there will be, as far as the video says."""
        begin, end = (
            None if each is None else seconds_of(each) for each in (self.recipe.begin, self.recipe.end)
        )
        seconds = Fraction(self.clip.frames) / self.clip.rate
        whole = min(seconds, end) if end is not None else seconds
        return max(0, round((whole - (begin or 0)) * self.clip.rate))

    def seconds(self, count: int) -> float:
        """Return how long so many frames are expected to take, without reading and flow; cuts make it longer."""
        steps = -(-count // self.recipe.every)
        whole = self.dreamer.plan.seconds
        return (
            whole * steps if self.recipe.coherence == 0 else whole + self.dreamer.frame_seconds * (steps - 1)
        )

    def frames(self, begin: int = 0, state: State | None = None) -> Iterator[Frame]:
        """Yield the frames from number `begin` on, which the state after the one before leads to."""
        return arrived(self.dreamt(begin, state), self.dreamer.device)

    def dreamt(self, begin: int = 0, state: State | None = None) -> Generator[Dreamt]:
        """Yield the frames as `frames` does, where they are dreamed and maybe still in the making."""
        return with_threads(self._kept(begin, state))

    def _kept(self, begin: int, state: State | None) -> Generator[Dreamt]:
        with kept_memory():  # each frame's tensors are as large as the last one's
            yield from self._dreamt(begin, state)

    @property
    def state_forms(self) -> dict[str, Form]:
        """What the arrays are that the next frame depends on: none where nothing is carried on."""
        if self.flow is None:
            return {}
        dream = Form(np.float32, (*self.dreamer.size, 3))
        return {"dream": dream, "tones": Form(np.float64, (4, 3)), "since_cut": Form(np.int64, (1,))}

    def _dreamt(self, begin: int, state: State | None) -> Generator[Dreamt]:
        carried: _Carried | None = None
        offset = round(self.offset / self.clip.time_base)
        first = begin - 1 if begin and state else begin
        with closing(self._seen(first)) as frames:
            for index, seen in enumerate(frames, first):
                if index < begin:
                    carried = _Carried.of(seen, state or {}, self.dreamer.device)
                    continue
                shot = seen.shot
                carried, image = self._next(index, seen, carried)
                yield Dreamt(
                    index=index,
                    count=max(self.count, index + 1),
                    pts=shot.pts - offset,
                    duration=shot.duration,
                    time_base=self.clip.time_base,
                    image=image,
                    cut=carried.since_cut == 0,
                    state=carried.state(),
                    alpha=shot.alpha,
                    look=self.dreamer.looking(),
                )

    def _seen(self, first: int) -> Generator[Seen]:
        """Yield the frames from a number on, each compared with the one before."""
        alone = bool(self.recipe.keys)
        compare = Comparing(self.dreamer.device, self.flow, alone=alone)
        shots = islice(self._shots(), first, None)
        if stage_kind(self.dreamer.device) == "in turn":
            return (compare(pair) for pair in pairs(shots))
        workers = 1 if self._own_flow else flow_workers()
        return ahead(together(compare, pairs(ahead(item for item in shots)), workers), AHEAD)

    def _next(self, index: int, seen: Seen, before: _Carried | None) -> tuple[_Carried, Tensor]:
        """Dream on one frame; returns what it hands on, and what is shown."""
        shot, image, conditioning = seen.shot, seen.image(), seen.conditioning
        time = float(shot.pts * self.clip.time_base)
        if before is None or self.flow is None:
            carried = self._anew(index, shot, image, time, conditioning)
        elif seen.movement is None:
            carried = _Carried(shot, image, before.dream, before.since_cut + 1, before.tones)
        elif seen.movement.cut or (self.recipe.coherence == 0 and self._is_dreamed(before.since_cut + 1)):
            carried = self._anew(index, shot, image, time, conditioning)
        else:
            carried = self._carried_on(index, seen, image, before)
        opacity = self.recipe.numbers("opacity", index, time)
        return carried, torch.lerp(image, carried.dream, opacity) if opacity < 1 else carried.dream

    def _anew(
        self, index: int, shot: Shot, image: Tensor, time: float, conditioning: FrameConditioning
    ) -> _Carried:
        if self.recipe.numbers("opacity", index, time) <= 0:
            dream = image
        else:
            dream = self.dreamer.dream(
                image, image, frame=index, time=time, whole=True, conditioning=conditioning
            ).clamp(0, 255)
        return _Carried(shot, image, dream, 0, () if self.flow is None else (Tone.of(image), Tone.of(dream)))

    def _carried_on(self, index: int, seen: Seen, image: Tensor, before: _Carried) -> _Carried:
        """Dream on a frame of the same scene, from the last one's dream moved to where things are now."""
        recipe, time = self.recipe, float(seen.shot.pts * self.clip.time_base)
        detail = seen.moved(before.dream, before.image, before.shot)
        dreamed = self._is_dreamed(before.since_cut + 1)
        share = recipe.coherence if dreamed else 1.0
        dream = image + share * detail
        if dreamed and recipe.numbers("opacity", index, time) > 0:
            dream = self.dreamer.dream(
                dream, image, frame=index, time=time, whole=False, conditioning=seen.conditioning
            )
        # The frame's own tone, changed as the dream changed it where the scene began.
        wanted = Tone.of(image).shifted(*before.tones)
        dream = apply_anchor(dream, wanted, hold=recipe.anchor).clamp(0, 255)
        return _Carried(seen.shot, image, dream, before.since_cut + 1, before.tones)

    def _is_dreamed(self, since_cut: int) -> bool:
        return since_cut % self.recipe.every == 0

    @staticmethod
    def bounds(clip: Clip, recipe: VideoRecipe) -> tuple[Fraction | None, Fraction | None]:
        """Return where to begin and to end, on the video's own clock; None where nothing is cut off."""
        start, stop = (
            None if each is None else clip.start + seconds_of(each) for each in (recipe.begin, recipe.end)
        )
        return start, stop

    @cached_property
    def offset(self) -> Fraction:
        """What is taken off all times: the first frame's time if the beginning is cut off."""
        start, _ = self.bounds(self.clip, self.recipe)
        return self.clip.origin if start is None else self.clip.time_from(start)

    def _shots(self) -> Iterator[tuple[Shot, FrameConditioning]]:
        """Yield the frames between the bounds, each with what goes along with it."""
        start, stop = self.bounds(self.clip, self.recipe)
        pictures = {name: GuideVideo.pictures(video) for name, video in self.guide_videos.items()}
        for shot in self.clip.shots():
            now, conditioning = (
                shot.pts * self.clip.time_base,
                FrameConditioning(**{k: next(v) for k, v in pictures.items()}),
            )
            if stop is not None and now >= stop:
                return
            if start is None or now >= start:
                yield shot, conditioning


def _guide_video(name: str, recipe: VideoRecipe, asked: Prepared) -> GuideVideo | None:
    return guide_video(getattr(asked, name) or getattr(recipe.dream, name), name)
