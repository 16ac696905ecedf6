"""How much of a card's memory dreams take, and what happens where that is not there."""

import logging

import numpy as np
import pytest
import torch

import batcountry
from batcountry.dreams.dreamer import Dreamer
from batcountry.image.sky import sky

pytestmark = [pytest.mark.cuda, pytest.mark.usefixtures("free_card")]


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_memory_is_predicted_within_a_fifth(network, precision):
    image = sky(1280, 800)
    dreamer = Dreamer(device="cuda", precision=precision, iterations=2, **network)
    predicted = dreamer.planned(image).plan.peak
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    for _ in dreamer.dreaming(image):
        pass
    taken = torch.cuda.max_memory_reserved()
    assert abs(predicted / taken - 1) < 0.2, (predicted, taken)


def test_out_of_memory_falls_back_to_tiles(network, caplog):
    image = sky(1536, 1536)
    options = {"device": "cuda", "precision": "exact", "octaves": 1, "iterations": 1, "jitter": 0, **network}
    options |= {"param": "pixels", "clip": False, "normalize": "mean", "step_size": 50.0}
    (whole,) = batcountry.dreaming(image, **options)
    wanted = whole.image.cpu()
    taken = torch.cuda.max_memory_reserved()
    del whole
    batcountry.dream(sky(256, 256), **options)  # the network is there
    torch.cuda.empty_cache()
    room = torch.cuda.memory_reserved() + (taken - torch.cuda.memory_reserved()) * 6 // 10
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.get_device_properties(0).total_memory)
    with caplog.at_level(logging.WARNING, "batcountry"):
        (tiled,) = batcountry.dreaming(image, **options)
    assert "going on in tiles" in caplog.text
    off = (tiled.image.cpu() - wanted).abs().mean()
    assert float(off) < 0.05 * 50.0


def test_fewer_views_go_at_once_where_memory_is_short(caplog):
    image, options = sky(640, 480), {"device": "cuda", "octaves": 1, "iterations": 1, "views": 8}
    options |= {"objective": 'logit("lion")'}  # which there are no tiles of
    many = Dreamer(**options).planned(image).plan
    one = Dreamer(**options, view_batch=1).planned(image).plan
    room = f"{(many.peak + one.peak) // 2 // 10**6}MB"
    fewer = Dreamer(**options, max_memory=room).planned(image).plan
    assert many.views == 8
    assert fewer.views < 8
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    batcountry.dream(image, **options, max_memory=room)
    assert torch.cuda.max_memory_reserved() < 1.2 * fewer.peak


def test_dreams_one_after_the_other_do_not_fill_the_card(picture):
    batcountry.dream(picture, device="cuda", iterations=1)
    sizes = [(333 + 16 * at, 250 + 8 * at) for at in range(12)]
    seen = []
    for width, height in sizes:
        batcountry.dream(np.uint8(sky(width, height)), device="cuda", iterations=1)
        seen.append(torch.cuda.memory_reserved())
    assert seen[-1] < 3 * seen[2] + 10**9
