"""A dreamer that several threads dream with at once."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from batcountry.dreams.dreamer import Dreamer

OPTIONS = {
    "decorrelated": {"objective": 'layer("blocks.1") - 0.01*tv() - 2*drift()'},
    "tiles": {"layer": "blocks.1", "tile": 32, "param": "pixels"},
    "windows": {"layer": "blocks.1", "windows": "32x32"},
    "redirected": {"layer": "blocks.1", "redirect_relu": 1},
    "growing": {"objective": 'layer("blocks.1") - growing(tv(), 0.1, 0.1, 1)'},
}


def pictures():
    """Two different pictures, of one size each, so that plans are shared too."""
    return [np.random.RandomState(seed).randint(0, 256, (59, 83, 3)).astype(np.uint8) for seed in (1, 2)]


def numbers(dreamer, picture, barrier=None):
    """Return what each step of a dream is: picture, score and what the terms of the image came to."""
    found = []
    if barrier is not None:
        barrier.wait()
    for step in dreamer.dreaming(picture):
        found.append((step.image.numpy().copy(), step.score, dict(step.terms)))
        if barrier is not None:
            barrier.wait()  # so that steps of both alternate, whatever the machine
    return found


def assert_same(found, expected):
    assert len(found) == len(expected)
    for (image, score, terms), (other, its_score, its_terms) in zip(found, expected, strict=True):
        assert np.array_equal(image, other) and score == its_score and terms == its_terms


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_two_threads_get_what_each_gets_alone(options):
    recipe = {"octaves": 2, "iterations": 3, "precision": "exact", "seed": 3, **options}
    expected = [numbers(Dreamer(**recipe), each) for each in pictures()]
    assert not np.array_equal(expected[0][-1][0], expected[1][-1][0])
    dreamer, barrier = Dreamer(**recipe), Barrier(2, timeout=60)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda each: numbers(dreamer, each, barrier), pictures()))
    finally:
        sys.setswitchinterval(before)
    for found, each in zip(together, expected, strict=True):
        assert_same(found, each)


def test_terms_of_the_image_are_said_of_the_step_that_they_are_of():
    steps = list(Dreamer(**OPTIONS["decorrelated"], octaves=1, iterations=3).dreaming(pictures()[0]))
    assert all(
        set(step.terms) == {"tv(2.0, 'sobel', 1.0)", "drift()"} or len(step.terms) == 2 for step in steps
    )
    assert len({tuple(step.terms.values()) for step in steps}) == 3
