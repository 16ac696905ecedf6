"""Random numbers drawn ahead."""

import numpy as np
import torch

from batcountry.optim.draws import Draws, Layout
from batcountry.optim.schedule import Schedule
from batcountry.optim.transforms import jitter, noise, scale

CPU = torch.device("cpu")
LAYOUT = Layout.of([jitter(5), scale(0.8, 1.2), noise(1, 3)], (7, 9), 4)
DECAY = Schedule(2.0, 0.5, 3)


def rows(draws, count):
    return torch.stack([draws.next() for _ in range(count)])


def test_the_layout_knows_the_size_that_each_transform_gets():
    assert [size for _, size in LAYOUT.transforms] == [(7, 9), (7, 9), (8, 11)]
    assert LAYOUT.shapes == ((2,), (2,), (3, 8, 11))
    assert LAYOUT.length == 2 + 2 + 2 + 3 * 8 * 11


def test_rows_have_the_numbers_that_are_drawn_step_by_step():
    rng, other = np.random.RandomState(4), np.random.RandomState(4)
    found = rows(Draws(LAYOUT, DECAY, rng, CPU), 70)
    for step, row in enumerate(found):
        assert row[:2].tolist() == [2.0 * 0.5 ** (step // 3), step]
        for (transform, size), (_, drawn) in zip(LAYOUT.transforms, LAYOUT.parts(row), strict=True):
            assert torch.equal(drawn, transform.draw(other, size))


def test_no_more_is_drawn_than_there_are_steps():
    rng, control = np.random.RandomState(4), np.random.RandomState(4)
    rows(Draws(LAYOUT, DECAY, rng, CPU, (2, 7)), 5)
    for _ in range(5):
        LAYOUT.row(control, 1.0, 0)
    assert rng.randint(1 << 30) == control.randint(1 << 30)


def test_rewound_the_rng_is_where_it_is_without_drawing_ahead():
    rng, control = np.random.RandomState(4), np.random.RandomState(4)
    draws = Draws(LAYOUT, DECAY, rng, CPU)
    rows(draws, 3)
    for _ in range(3):
        LAYOUT.row(control, 1.0, 0)
    here = draws.rng()
    assert here.get_state()[2] == control.get_state()[2]
    draws.rewind()
    assert rng.randint(1 << 30) == here.randint(1 << 30) == control.randint(1 << 30)


def test_numbers_that_others_draw_from_are_not_drawn_before_their_time():
    before = np.random.get_state()
    try:
        np.random.seed(4)
        draws = Draws(LAYOUT, DECAY, np.random, CPU)
        first = draws.next()
        control = np.random.RandomState(4)
        assert torch.equal(first, LAYOUT.row(control, 2.0, 0))
        assert np.random.randint(1 << 30) == control.randint(1 << 30)
        assert torch.equal(draws.next(), LAYOUT.row(control, 2.0, 1))
    finally:
        np.random.set_state(before)


def test_noise_of_a_large_picture_is_drawn_for_few_steps_at_once():
    layout = Layout.of([noise(1)], (1200, 1600), 3)
    rng, control = np.random.RandomState(0), np.random.RandomState(0)
    Draws(layout, DECAY, rng, CPU).next()
    control.randint(0, 2**31 - 1, 2)
    assert rng.randint(1 << 30) == control.randint(1 << 30)
