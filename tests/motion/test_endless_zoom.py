"""Zooms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from batcountry import Recipe, dream
from batcountry.errors import RecipeError
from batcountry.image.sky import sky
from batcountry.motion import ZoomRecipe, zoom
from batcountry.motion.camera import looked_at, view
from batcountry.motion.color_anchor import Tone
from batcountry.motion.frame import tensor
from motion.clips import moving

QUICK = {
    "layer": "stem",
    "octaves": 2,
    "iterations": 2,
    "frame_octaves": 1,
    "frame_iterations": 1,
    "jitter": 2,
}


@pytest.fixture
def photo():
    return moving(1, 48, 80)[0]


def pixels(*arguments, **options):
    return [frame.pixels for frame in zoom(*arguments, **options)]


def test_the_first_frame_is_the_plain_dream(photo):
    wanted = dream(photo, **{k: v for k, v in QUICK.items() if not k.startswith("frame")}).pixels
    assert np.allclose(pixels(photo, frames=1, **QUICK)[0], wanted, atol=1e-3)


def test_without_dreams_frames_are_the_picture_seen_by_the_camera(photo):
    found = pixels(photo, frames=3, opacity=0, anchor=0, zoom=1.1, rotate=3, pan_x=2, pan_y=-1)
    image = tensor(np.float32(photo), torch.device("cpu"))
    for _ in range(2):
        image = looked_at(image, view(1.1, 3, pan_x=2, pan_y=-1, width=80)).clamp(0, 255)
    assert np.allclose(found[2], image[0].permute(1, 2, 0), atol=1e-3)


def test_frames_are_kept_as_floats_between(photo):
    last = pixels(photo, frames=2, opacity=0, anchor=0)[1]
    assert np.abs(last - np.rint(last)).mean() > 0.1


def test_frames_follow_keyframes(photo):
    still = pixels(photo, frames=4, opacity=0, anchor=0, zoom={0: 1.2, 1: 1.2, 2: 1.0})
    assert not np.allclose(still[0], still[1], atol=1)
    assert np.allclose(still[1], still[2], atol=0.1) and np.allclose(still[2], still[3], atol=0.1)


def test_any_number_of_the_recipe_has_keyframes(photo):
    plain = pixels(photo, frames=3, **QUICK)
    keyed = pixels(photo, frames=3, keys={"step_size": "0: 2.7, 1: 2.7, 2: 8"}, **QUICK)
    assert np.allclose(plain[1], keyed[1])
    assert np.abs(plain[2] - keyed[2]).mean() > 0.5


def test_layers_fade_into_each_other(photo):
    layers = {"layer": "0: stem, 2: blocks.2"}
    options = {name: value for name, value in QUICK.items() if name != "layer"}
    faded = pixels(photo, frames=3, keys=layers, **options)
    start = pixels(photo, frames=1, **QUICK)
    assert np.allclose(faded[0], start[0], atol=1e-3)
    assert all(np.isfinite(each).all() for each in faded)
    assert np.abs(faded[2] - pixels(photo, frames=3, **QUICK)[2]).mean() > 0.3


def test_a_preset_is_put_in_before_other_options(photo):
    classic, own = (
        pixels(photo, frames=1, preset="classic", **QUICK, **more)[0] for more in ({}, {"step_size": 6})
    )
    assert np.abs(classic - own).mean() > 0.5
    assert np.allclose(classic, pixels(photo, frames=1, param="pixels", **QUICK)[0])


def test_opacity_keeps_a_share_of_each_dream(photo):
    none, half, whole = (pixels(photo, frames=1, opacity=each, **QUICK)[0] for each in (0, 0.5, 1))
    assert np.allclose(half, (none + whole) / 2, atol=0.01)


@pytest.mark.parametrize("moves", [{"zoom": 1.06}, {"zoom": 0.96}, {"zoom": 1.0, "pan_x": 4}, {"rotate": 6}])
def test_a_loop_ends_where_it_begins(moves):
    photo = sky(160, 96, seed=3)
    frames = pixels(photo, frames=40, loop=True, opacity=0, anchor=0, **moves)
    image = tensor(frames[-1], torch.device("cpu"))
    recipe = ZoomRecipe.of(moves)
    at = {name: recipe.numbers(name, 0, 0) for name in ("zoom", "rotate", "pan_x", "pan_y")}
    following = looked_at(image, view(**at, width=160))[0].permute(1, 2, 0).numpy()
    inner = slice(12, -12)
    seam = np.abs(following - frames[0])[inner, inner].mean()
    assert seam < 4
    unlooped = pixels(photo, frames=40, opacity=0, anchor=0, **moves)
    assert seam < np.abs(unlooped[-1] - frames[0])[inner, inner].mean() / 3
    steps = [np.abs(a - b).mean() for a, b in pairwise(frames)]
    assert np.abs(frames[0] - frames[-1]).mean() < 1.5 * max(steps)


def test_brightness_is_held_over_many_frames():
    options = {"layer": "blocks.2", "octaves": 2, "iterations": 2, "frame_iterations": 1, "step_size": 4}
    tones = [Tone.of(tensor(each, torch.device("cpu"))) for each in pixels(sky(96, 54), frames=60, **options)]
    means = np.array([float(each.mean[0]) for each in tones[30:]])
    deviations = np.array([float(each.std[0]) for each in tones[30:]])
    assert np.abs(means / means[0] - 1).max() < 0.05
    assert np.abs(deviations / deviations[0] - 1).max() < 0.05


def test_times_follow_the_rate(photo):
    frames = list(zoom(photo, frames=3, fps="30000/1001", opacity=0))
    assert [float(each.time) for each in frames] == pytest.approx([0, 1001 / 30_000, 2002 / 30_000])
    assert ZoomRecipe.of({"seconds": 4, "fps": "12.5"}).count == 50


def test_a_recipe_or_one_for_its_dreams_may_be_given(photo):
    recipe = ZoomRecipe.of({**QUICK, "frames": 2})
    base = Recipe(layer="stem", octaves=2, iterations=2, jitter=2)
    rest = {name: QUICK[name] for name in ("frame_octaves", "frame_iterations")}
    assert np.array_equal(pixels(photo, recipe)[1], pixels(photo, base, frames=2, **rest)[1])
    assert ZoomRecipe.read(recipe.model_dump_json()) == recipe
    with pytest.raises(RecipeError, match="no option 'speed'"):
        zoom(photo, speed=3)
