"""Dreams run on devices that are neither a processor nor NVIDIA's, tried on a stand-in that refuses float64 and two devices at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = [
    {"preset": "classic", "tile": 20},
    {"precision": "fast", "wrap": "xy"},
    {"transforms": "pad(4), jitter(3), rotate(5), scale(0.9, 1.1), blur(0, 1), noise(2)"},
    {"optimizer": "adam", "param": "fourier", "objective": 'channel("blocks.5", 3)'},
    {"optimizer": "rmsprop", "normalize": "mean", "param": "maco"},
]

OBJECTIVES = [
    'layer("blocks.5") - 0.1*grain(1.5) - 0.1*pnorm(6) - 0.01*tv(1.5) - growing(tv(), 0.5, 0.1, 50)',
    'amplify("blocks.5") - recolor("chroma") - recolor("palette") - drift() - drift("blocks.2") - input_diff("start")',
    'logit("tabby") + strongest("blocks.5", 3) + neuron("blocks.5", 3) + penalize_boundary_complexity()',
    'caricature("blocks.5", "start", power=2) - 0.1*L1() - 0.1*L2() - 0.1*blur_input_each_step()',
    'deepdream("blocks.5") + channel_weight("blocks.5", %s)' % ([0.5] * 80),
]
STEPS = {
    "iterations": 3,
    "transforms": "pad(4), jitter(3), rotate(5), blur(0, 1), noise(2), flip(), crop(32)",
}
WATCHED = [
    *({**STEPS, "objective": objective} for objective in OBJECTIVES),
    {"iterations": 3, "param": "pixels", "normalize": "bands", "views": 2},
    {
        "iterations": 3,
        "param": "fourier",
        "normalize": "rms",
        "alpha": True,
        "objective": 'layer("blocks.5") - opacity()',
    },
    {"iterations": 3, "optimizer": "rmsprop-cnn-vis", "redirect_relu": 2, "precision": "fast"},
]


@pytest.fixture(scope="module")
def found():
    script = Path(__file__).with_name("elsewhere.py")
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(RECIPES + WATCHED)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_recipes_of_all_kinds_give_there_what_they_give_on_the_processor(found):
    *dreams, tone = found
    for recipe, dreamed in zip(RECIPES, dreams, strict=False):
        assert isinstance(dreamed, list), (recipe, dreamed)
        off, change, _ = dreamed
        assert change > 1
        # Beside a processor pictures are scaled within a grid that stays; waves without a size turn either way by a last digit.
        if "transforms" not in recipe and recipe.get("param") != "maco":
            assert off < 0.1 * change, recipe
    assert tone == pytest.approx(0, abs=1e-2)


def test_steps_there_copy_nothing_and_read_nothing(found):
    for recipe, dreamed in zip(WATCHED, found[len(RECIPES) : -1], strict=True):
        assert isinstance(dreamed, list), (recipe, dreamed)
        assert dreamed[2] == [], recipe
