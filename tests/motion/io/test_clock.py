"""Recordings that were joined go on one after the other, with their sound."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from batcountry.motion import save_video
from batcountry.motion.io.clock import OneClock
from batcountry.motion.io.sources import clip_of
from motion.clips import facts, make_clip, moving

MILLISECOND = Fraction(1, 1000)


def times(*given, step=40):
    clock = OneClock(MILLISECOND)
    return [clock.time_of(each, step) for each in given]


def test_times_that_begin_anew_go_on():
    assert times(500, 540, 580, 0, 40, 80, 120) == [500, 540, 580, 620, 660, 700, 740]
    assert times(0, 400, 0, 400, 0, 400) == [0, 400, 440, 840, 880, 1280]


def test_times_that_stand_still_or_are_wrong_once_move_none_after_them():
    assert times(0, 40, 40, 80, 70, 120) == [0, 40, 41, 80, 81, 120]
    assert times(1000, 1040, 3, 1120, 1160) == [1000, 1040, 1080, 1120, 1160]


def test_a_joined_recording_keeps_its_pictures_and_its_sound(tmp_path, two_channels):
    part = make_clip(tmp_path / "part.ts", moving(10), tone=True)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    shots = list(clip_of(joined).shots())
    assert len(shots) >= 18
    assert {each.duration for each in shots} == {3600}
    save_video(joined, tmp_path / "out.mkv", model=two_channels, opacity=0, coherence=0)
    sounds = [when[0] for kind, when, _ in facts(tmp_path / "out.mkv").packets if kind == "audio"]
    assert len(sounds) >= 30
    assert max(b - a for a, b in pairwise(sounds)) < 0.05
    assert len({*sounds}) == len(sounds)
