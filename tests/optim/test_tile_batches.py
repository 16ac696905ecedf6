"""Tiles that go together are tiles one by one, and nothing is read from the device between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from batcountry import dream
from batcountry.backend.graphs import steps_run
from batcountry.errors import RecipeError
from batcountry.models import open_model
from batcountry.objectives import channel, layer, region
from batcountry.optim.gradient import tiled_gradient, whole_gradient
from batcountry.optim.tile_batches import TileBatches, TileWork
from batcountry.optim.tiles import TileScorer


@pytest.fixture(scope="module")
def model():
    return open_model("efficientnet-lite0")


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    values = np.random.RandomState(seed).uniform(0, 255, (1, channels, height, width))
    return torch.from_numpy(values.astype(np.float32))


WANTED = layer("blocks.2") + 0.5 * channel("blocks.2", 3) - 0.2 * channel("stem", 5)


class Reads(TorchDispatchMode):
    """Counts how often a number is read from a tensor, for which one waits on a graphics card."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def both(model, wanted, image, planes=None, *, together, wrap=(False, False), side=48):
    """Return score and gradient of tiles one by one and of tiles that go together."""
    found = []
    for kind in ("plain", "static"):
        with steps_run(kind):
            gradient = tiled_gradient(model, wanted, side, wrap, together=together)
            found.append(gradient(image, planes or {}))
    return found


def assert_alike(one, other):
    (score, gradient), (score_together, gradient_together) = one, other
    assert float(score_together) == pytest.approx(float(score), rel=1e-5)
    assert float((gradient_together - gradient).norm() / gradient.norm()) < 1e-4


@pytest.mark.parametrize("together", [1, 2, 5, 100])
@pytest.mark.parametrize("wrap", [(False, False), (True, False), (True, True)])
def test_tiles_together_are_tiles_one_by_one(model, together, wrap):
    image = picture(131, 157)
    assert len(TileScorer(model, WANTED).halo.tiles((131, 157), 48, wrap)) > 5
    one, other = both(model, WANTED, image, together=together, wrap=wrap)
    assert_alike(one, other)


def test_tiles_together_are_the_whole(model):
    image = picture(97, 113)
    _, together = both(model, WANTED, image, together=3)
    assert_alike(whole_gradient(model, WANTED)(image), together)


def test_pictures_beside_go_along_with_their_tiles(model):
    wanted = region(np.uint8(np.arange(48).reshape(6, 8) * 5), layer("blocks.2"))
    (name,) = wanted.aux_inputs
    planes = {name: picture(131, 157, 1, seed=1) / 255}
    one, other = both(model, wanted, picture(131, 157), planes, together=3)
    assert_alike(one, other)
    assert float((one[1] - both(model, WANTED, picture(131, 157), together=3)[0][1]).norm()) > 0


def test_several_pictures_are_a_batch_already(model):
    images = torch.cat([picture(70, 90), picture(70, 90, seed=2)])
    one, other = both(model, WANTED, images, together=3)
    assert torch.equal(one[1], other[1]) and torch.equal(one[0], other[0])


def test_nothing_is_read_from_the_device_for_each_tile(model):
    counts = []
    for size in ((97, 113), (211, 223)):
        with steps_run("static"):
            gradient = tiled_gradient(model, WANTED, 48, together=2)
            gradient(picture(*size))  # what is made once
            with Reads() as reads:
                gradient(picture(*size, seed=1))
        counts.append(reads.count)
    assert counts[0] == counts[1] <= 1


def test_the_same_buffers_give_the_same_again(model):
    scorer, image = TileScorer(model, WANTED), picture(131, 157)
    tiles = scorer.halo.tiles((131, 157), 48)
    units = scorer.units(tiles)
    work, results = TileWork(scorer, tiles[0].read(image), {}, 2), []
    for tile in (tiles[0], tiles[4], tiles[0]):
        work.put(0, tile, units, image, {})
        work.leave_out(1)
        work.run()
        results.append((work.score.clone(), work.gradient.clone()))
    assert torch.equal(results[0][1], results[2][1]) and torch.equal(results[0][0], results[2][0])
    assert not torch.equal(results[0][1], results[1][1])
    assert not results[0][1][1].any()  # nothing is asked of the place that is left out


def test_batches_are_as_even_as_they_can_be(model):
    scorer, image = TileScorer(model, WANTED), picture(131, 157)
    tiles = scorer.halo.tiles((131, 157), 48)
    like = tiles[0].read(image)
    counts = [TileBatches(scorer, most).work(tiles, like, {}).count for most in (1, 4, len(tiles), 1000)]
    assert counts[0] == 1 and counts[2] == counts[3] == len(tiles)
    assert -(-len(tiles) // counts[1]) == -(-len(tiles) // 4) and counts[1] <= 4


def test_what_is_not_finite_is_said_in_the_same_sentence(model):
    said = []
    for kind in ("plain", "static"):
        with steps_run(kind), pytest.raises(RecipeError) as raised:
            tiled_gradient(model, 1e40 * layer("blocks.2"), 48, together=2)(picture(131, 157))
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_a_dream_in_tiles_together_is_one_in_tiles():
    photo = picture(97, 113)[0].permute(1, 2, 0).numpy()
    found = []
    for kind in ("plain", "static"):
        with steps_run(kind):
            found.append(
                dream(photo, layer="blocks.2", octaves=1, iterations=2, tile=48, device="cpu").pixels
            )
    assert np.abs(found[0] - found[1]).mean() < 0.1
