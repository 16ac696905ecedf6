"""What a step says of itself: in words, in a notebook, as a small file, and as what to go on from."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from batcountry.dreams.steps import Step, step_figure, where
from batcountry.errors import RecipeError
from batcountry.image.html import LONGEST

GRAYS = (30.0, 90.0, 210.0)
"""Of the pictures in `made`, one each, so that a small file says which it is of."""


def made(size=(200, 700), opened=None, keep=None):
    """The third of five steps in the second of four octaves, with a picture in each of `GRAYS`."""
    image = torch.tensor(GRAYS)[:, None, None, None].expand(3, 3, *size)
    return Step(1, 2, 4, 5, size, 1234.567, 0.125, image, opened, keep)


def picture(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def in_html(html):
    return picture(base64.b64decode(re.search(r'base64,([^"]+)"', html)[1]))


class Opened:
    """Notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def preview(self, image, index, side):
        self.asked.append((image[:, 0, 0, 0].tolist(), index, side))
        return b"small"


def test_where_a_dream_is_counts_from_1_and_says_width_before_height():
    assert where(made()) == "octave 2/4, iteration 3/5, 700×200"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_preview_is_of_the_picture_that_was_asked_for(index):
    small = picture(made().preview(35, index))
    assert small.size == (35, 10) and small.format == "JPEG"
    assert np.asarray(small).mean() == pytest.approx(GRAYS[index], abs=2)


def test_a_preview_is_of_the_first_picture_and_512_pixels_where_nothing_is_said():
    small = picture(made().preview())
    assert small.size == (512, 146)
    assert np.asarray(small).mean() == pytest.approx(GRAYS[0], abs=2)


def test_a_preview_is_made_by_what_was_given_for_it():
    opened = Opened()
    step = made(opened=opened)
    assert step.preview(64, 2) == step.preview(index=1) == step.preview() == b"small"
    assert opened.asked == [([210.0], 2, 64), ([90.0], 1, 512), ([30.0], 0, 512)]


def test_what_a_step_keeps_is_what_to_go_on_from():
    assert made(keep=lambda: "kept").checkpoint() == "kept"
    with pytest.raises(RecipeError, match="not made by a dream that can be stored"):
        made().checkpoint()


def test_a_notebook_shows_a_step_with_where_it_is_its_score_and_how_much_is_done():
    html = made()._repr_html_()
    for caption in (r'alt="([^"]+)"', r"<figcaption>(.+?)</figcaption>"):
        assert re.search(caption, html)[1] == "octave 2/4, iteration 3/5, 700×200, score 1235, 12 %"
    small = in_html(html)
    assert max(small.size) == LONGEST
    assert np.asarray(small).mean() == pytest.approx(GRAYS[0], abs=2)


@pytest.mark.parametrize("longest", [70, 350])
def test_a_figure_is_as_large_as_was_asked_for(longest):
    assert in_html(step_figure(made(), longest=longest)).size == (longest, longest * 2 // 7)
