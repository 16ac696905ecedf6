"""Dreams on a video: each frame carries on the dream of the one before, moved along with what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.allocator import kept_memory
from batcountry.backend.threads import limited_steps
from batcountry.dreams.prepare import Prepared
from batcountry.motion.color_anchor import Tone, apply_anchor
from batcountry.motion.flow import Flow, Movement, dis, estimate_motion, is_still
from batcountry.motion.frame import Form, Frame, State, array, tensor
from batcountry.motion.frame_dreamer import FrameConditioning, FrameDreamer
from batcountry.motion.guide_video import GuideVideo, guide_video
from batcountry.motion.io.clip import Clip, Shot
from batcountry.motion.recipes import VideoRecipe
from batcountry.recipe.units import seconds_of


@dataclass(frozen=True)
class _Carried:
    """What a frame hands on: its input, its dream, how far its scene is, and the scene's tones when it began."""

    shot: Shot
    dream: Tensor
    since_cut: int
    tones: tuple[Tone, ...] = ()
    """Of input and dream where the scene began; none if nothing is carried on."""

    def state(self) -> State:
        if not self.tones:
            return {}
        tones = np.stack([t.numpy() for tone in self.tones for t in (tone.mean, tone.std)])
        return {"dream": array(self.dream), "tones": tones, "since_cut": np.array([self.since_cut])}

    @classmethod
    def of(cls, shot: Shot, state: State, device: torch.device) -> _Carried:
        values = [torch.from_numpy(each) for each in state["tones"]]
        tones = Tone(values[0], values[1]), Tone(values[2], values[3])
        return cls(shot, tensor(state["dream"], device), int(state["since_cut"][0]), tones)


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

    @limited_steps
    def frames(self, begin: int = 0, state: State | None = None) -> Iterator[Frame]:
        """Yield the frames from number `begin` on, which the state after the one before leads to."""
        with kept_memory():  # each frame's tensors are as large as the last one's
            yield from self._frames(begin, state)

    @property
    def state_forms(self) -> dict[str, Form]:
        """What the arrays are that the next frame depends on: none where nothing is carried on."""
        if self.flow is None:
            return {}
        dream = Form(np.float32, (*self.dreamer.size, 3))
        return {"dream": dream, "tones": Form(np.float64, (4, 3)), "since_cut": Form(np.int64, (1,))}

    def _frames(self, begin: int, state: State | None) -> Iterator[Frame]:
        carried: _Carried | None = None
        offset = round(self.offset / self.clip.time_base)
        for index, (shot, conditioning) in enumerate(self._shots()):
            if index < begin:
                if index == begin - 1 and state:
                    carried = _Carried.of(shot, state, self.dreamer.device)
                continue
            carried, pixels = self._next(index, shot, carried, conditioning)
            yield Frame(
                index=index,
                count=max(self.count, index + 1),
                pts=shot.pts - offset,
                duration=shot.duration,
                time_base=self.clip.time_base,
                pixels=pixels,
                cut=carried.since_cut == 0,
                state=carried.state(),
                alpha=shot.alpha,
            )

    def _next(
        self, index: int, shot: Shot, before: _Carried | None, conditioning: FrameConditioning
    ) -> tuple[_Carried, np.ndarray[Any, Any]]:
        """Dream on one frame; returns what it hands on, and its pixels."""
        image = tensor(shot.pixels(), self.dreamer.device)
        time = float(shot.pts * self.clip.time_base)
        if before is None or self.flow is None:
            carried = self._anew(index, shot, image, time, conditioning)
        elif (
            is_still(before.shot.levels, shot.levels)
            and not self.recipe.keys
            and conditioning == FrameConditioning()
        ):
            carried = _Carried(shot, before.dream, before.since_cut + 1, before.tones)
        else:
            movement = estimate_motion(before.shot.eight(), shot.eight(), self.flow)
            if movement.cut or (self.recipe.coherence == 0 and self._is_dreamed(before.since_cut + 1)):
                carried = self._anew(index, shot, image, time, conditioning)
            else:
                carried = self._carried_on(index, shot, image, before, movement, conditioning)
        opacity = self.recipe.numbers("opacity", index, time)
        return carried, array(torch.lerp(image, carried.dream, opacity) if opacity < 1 else carried.dream)

    def _anew(
        self, index: int, shot: Shot, image: Tensor, time: float, conditioning: FrameConditioning
    ) -> _Carried:
        if self.recipe.numbers("opacity", index, time) <= 0:
            dream = image
        else:
            dream = self.dreamer.dream(
                image, image, frame=index, time=time, whole=True, conditioning=conditioning
            ).clamp(0, 255)
        return _Carried(shot, dream, 0, () if self.flow is None else (Tone.of(image), Tone.of(dream)))

    def _carried_on(
        self,
        index: int,
        shot: Shot,
        image: Tensor,
        before: _Carried,
        movement: Movement,
        conditioning: FrameConditioning,
    ) -> _Carried:
        """Dream on a frame of the same scene, from the last one's dream moved to where things are now."""
        recipe, time = self.recipe, float(shot.pts * self.clip.time_base)
        detail = movement.carried(array(before.dream) - before.shot.pixels())
        dreamed = self._is_dreamed(before.since_cut + 1)
        share = recipe.coherence if dreamed else 1.0
        dream = image + share * tensor(detail, image.device)
        if dreamed and recipe.numbers("opacity", index, time) > 0:
            dream = self.dreamer.dream(
                dream, image, frame=index, time=time, whole=False, conditioning=conditioning
            )
        # The frame's own tone, changed as the dream changed it where the scene began.
        wanted = Tone.of(image).shifted(*before.tones)
        dream = apply_anchor(dream, wanted, hold=recipe.anchor).clamp(0, 255)
        return _Carried(shot, dream, before.since_cut + 1, before.tones)

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
