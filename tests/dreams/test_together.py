"""Two dreams in one process at once: each gives what it gives alone."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import batcountry
from batcountry.dreams.dreamer import Dreamer

QUICK = {"octaves": 2, "iterations": 3, "jitter": 5}


def alone(image, **options):
    return batcountry.dream(image, **options).pixels


def together(*jobs):
    """Run jobs in threads that take their steps in turns, and return the last picture of each."""
    gate = Barrier(len(jobs))

    def run(job):
        steps = []
        for step in job():
            steps.append(step)
            gate.wait(60)
        return steps[-1].picture().pixels

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def dreaming(image, **options):
    return lambda: batcountry.dreaming(image, **options)


def test_two_dreams_at_once_are_those_that_each_is_alone(photo):
    first = {**QUICK, "seed": 3, "layer": "blocks.2"}
    second = {**QUICK, "seed": 4, "layer": "blocks.5", "param": "fourier", "optimizer": "adam"}
    other = photo[::-1].copy()
    wanted = alone(photo, **first), alone(other, **second)
    found = together(dreaming(photo, **first), dreaming(other, **second))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("options", [{"transforms": "noise(20)"}, {"alpha": True}, {"start": "noise"}])
def test_what_is_drawn_in_one_dream_is_drawn_from_its_own_seed(photo, two_channels, options):
    jobs = [{**QUICK, "model": two_channels, **options, "seed": seed} for seed in (5, 6)]
    image = None if "start" in options else photo
    canvas = {"canvas": "37x53"} if image is None else {}
    wanted = [alone(image, **job, **canvas) for job in jobs]
    found = together(*(dreaming(image, **job, **canvas) for job in jobs))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(*found)


def test_redirected_relus_of_one_dream_are_not_those_of_another(photo):
    plain = {**QUICK, "layer": "blocks.2", "precision": "exact"}
    wanted = alone(photo, **plain), alone(photo, **plain, redirect_relu=100)
    found = together(dreaming(photo, **plain), dreaming(photo, **plain, redirect_relu=100))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_dreamer_dreams_in_two_threads(photo, two_channels):
    dreamer = Dreamer(model=two_channels, objective='layer("sum") - 0.1*tv()', **QUICK)
    pictures = [photo, photo[:, ::-1].copy()]
    wanted = [[step.picture().pixels for step in dreamer.dreaming(each)][-1] for each in pictures]
    found = together(*(lambda each=each: dreamer.dreaming(each) for each in pictures))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_dream_leaves_the_global_generators_as_they_were(photo, two_channels):
    import random

    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    batcountry.dream(photo, model=two_channels, alpha=True, transforms="noise(9)", **QUICK)
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()
    assert before[0] == after[0]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(before[1], after[1], strict=True))
    assert torch.equal(before[2], after[2])
