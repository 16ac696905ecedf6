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


def test_recipes_of_all_kinds_give_there_what_they_give_on_the_processor():
    script = Path(__file__).with_name("elsewhere.py")
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(RECIPES)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *dreams, tone = json.loads(done.stdout.splitlines()[-1])
    for recipe, found in zip(RECIPES, dreams, strict=True):
        assert isinstance(found, list), (recipe, found)
        off, change = found
        assert change > 1
        # Beside a processor pictures are scaled within a grid that stays; waves without a size turn either way by a last digit.
        if "transforms" not in recipe and recipe.get("param") != "maco":
            assert off < 0.1 * change, recipe
    assert tone == pytest.approx(0, abs=1e-2)
