"""Steps that are captured on a CUDA card, beside the same ones that are not."""

import gc
import threading

import numpy as np
import pytest
import torch

from batcountry import dream, open_model
from batcountry.backend.graphs import steps_run
from batcountry.dreams.dreamer import Dreamer
from batcountry.errors import RecipeError
from batcountry.image.sky import sky

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here"),
]

IMAGE = np.float32(sky(320, 240))
SHORT = {"octaves": 2, "iterations": 6, "device": "cuda", "precision": "exact"}


@pytest.fixture(scope="module")
def net():
    return open_model("efficientnet-lite0")


def captured(net):
    """Return how many of the steps that nobody uses are graphs."""
    return sum(climb._graph is not None for climb, _ in net.idle_steps._kept.values())


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_captured_steps_give_what_steps_give_that_are_not(net, precision):
    options = {**SHORT, "model": net, "precision": precision}
    net.idle_steps.clear()
    found = [dream(IMAGE, **options).pixels for _ in range(2)]
    assert captured(net) == 2
    with steps_run("static"):
        found.append(dream(IMAGE, **options).pixels)
    for other in found[1:]:
        assert np.array_equal(found[0], other)


@pytest.mark.parametrize(
    "options",
    [
        {"transforms": 'pad(5, "reflect"), noise(1, 4), flip(), crop(160)'},
        {"optimizer": "adam", "decay": 0.5, "decay_every": 2},
        {"optimizer": "rmsprop"},
        {"param": "pixels", "optimizer": "rmsprop-cnn-vis"},
        {"param": "soft-fourier", "optimizer": "adam"},
        {"alpha": True},
        {"redirect_relu": 2},
        {"objective": 'layer("blocks.5") - 0.01*growing(total_variation(), 1, 1, 1)'},
        {"objective": 'layer("blocks.5") - 0.1*content("start", "blocks.3")'},
        {"objective": 'channel("blocks.5", 3) + neuron("blocks.8", 7)'},
    ],
    ids=str,
)
def test_recipes_are_captured_and_their_first_step_is_the_same(net, options):
    options = {**SHORT, "model": net, **options}
    net.idle_steps.clear()
    *_, last = Dreamer(**options).dreaming(IMAGE)
    assert np.isfinite(last.score)
    assert captured(net) == 2
    first = next(Dreamer(**options).dreaming(IMAGE))
    with steps_run("static"):
        other = next(Dreamer(**options).dreaming(IMAGE))
    torch.testing.assert_close(first.image, other.image, rtol=0, atol=0.05)
    assert first.score == pytest.approx(other.score, rel=1e-4)


def test_what_is_predicted_is_taken_within_a_fifth(net):
    gc.collect()
    dreamer = Dreamer(**{**SHORT, "model": net, "octaves": 3})
    picture = np.float32(sky(1024, 576))
    plan = dreamer.planned(picture).plan
    torch.cuda.reset_peak_memory_stats()
    *_, last = dreamer.dreaming(picture)
    last.picture()
    assert plan.peak == pytest.approx(torch.cuda.max_memory_allocated(), rel=0.2)


def test_two_threads_dream_at_once(net):
    alone, found = dream(IMAGE, model=net, **SHORT).pixels, []
    threads = [
        threading.Thread(target=lambda: found.append(dream(IMAGE, model=net, **SHORT).pixels))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(each, alone) for each in found)
    assert len(found) == 2


def test_dreams_are_cut_where_memory_is_short_or_refused(net):
    torch.cuda.synchronize()
    allowed = torch.cuda.memory_allocated() + (600 << 20)
    picture = np.float32(sky(1600, 1200))
    options = {**SHORT, "model": net, "octaves": 1, "iterations": 2, "max_memory": f"{allowed}B"}
    try:
        planned = Dreamer(**options).planned(picture)
    except RecipeError as error:
        assert "memory" in str(error)
    else:
        assert planned.recipe.tile
