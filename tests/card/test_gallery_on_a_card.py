"""Every recipe of the gallery, two steps each, on a card."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import batcountry
from batcountry.dreams.dreamer import Dreamer

pytestmark = pytest.mark.cuda

GALLERY = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "gallery.py"))
NAMES = list(GALLERY["recipes"](Path("there")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the pictures are that recipes read."""
    place = tmp_path_factory.mktemp("gallery")
    for name, image in (("start", "still"), ("disc", "disc"), ("woven", "checks")):
        GALLERY[image]().save(place / f"{name}.png")
    return place


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_of_the_gallery_runs(folder, name):
    options = {**GALLERY["BASE"], **GALLERY["recipes"](folder)[name], "iterations": 2}
    start = None if "start" in options else GALLERY["still"]()
    made = batcountry.dream(start, device="cuda", **options)
    assert np.isfinite(made.pixels).all()
    assert float(np.std(np.float32(made.pixels))) > 5


def test_the_first_step_of_each_scores_what_it_does_on_the_processor(folder):
    for name in NAMES:
        options = {**GALLERY["BASE"], **GALLERY["recipes"](folder)[name], "iterations": 1, "octaves": 1}
        start = None if "start" in options else GALLERY["still"]()
        scores = [
            float(list(Dreamer(**options, device=device).dreaming(start))[-1].score)
            for device in ("cpu", "cuda")
        ]
        assert scores[1] == pytest.approx(scores[0], rel=5e-3, abs=1e-4), name
