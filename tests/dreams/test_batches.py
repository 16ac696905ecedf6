"""How many pictures grow at once."""

import pytest
import torch

import batcountry
from batcountry.dreams.batches import evened, most_at_once

CPU, CARD = torch.device("cpu"), torch.device("xpu")


@pytest.mark.parametrize(
    ("asked", "pixels", "device", "count"),
    [
        (None, 224 * 224, CPU, 16),
        (None, 9_000_000, CPU, 16),
        (5, 224 * 224, CPU, 5),
        (500, 224 * 224, CARD, 500),
        (None, 224 * 224, CARD, 64),
        (None, 400 * 500, CARD, 20),
        (None, 9_000_000, CARD, 16),
    ],
)
def test_a_card_takes_as_many_as_keep_it_busy_and_a_processor_a_usual_number(asked, pixels, device, count):
    assert most_at_once(asked, pixels, device, usual=16) == count


def test_batches_on_a_card_are_even_and_on_a_processor_as_large_as_can_be():
    assert evened(None, 112, 64, CARD) == 56
    assert evened(None, 24, 64, CARD) == 24
    assert evened(None, 10, 4, CARD) == 4
    assert evened(None, 112, 16, CPU) == 16
    assert evened(48, 112, 48, CARD) == 48
    assert evened(None, 0, 8, CARD) == 8


def test_a_list_of_pictures_goes_in_batches_of_eight_on_a_processor(photo, two_channels):
    small = photo[:16, :16]
    steps = batcountry.dreaming([small] * 9, model=two_channels, layer="sum", octaves=1, iterations=1)
    assert [step.indices for step in steps] == [tuple(range(8)), (8,)]
