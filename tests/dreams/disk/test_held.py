"""Pictures on disk that a device holds, and tiles that nobody waits for: the same dream, and as safe."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from batcountry.backend.graphs import steps_run
from batcountry.dreams.disk import canvas, held
from batcountry.dreams.disk.ascending import ascend
from batcountry.dreams.disk.canvas import Canvas
from batcountry.dreams.disk.canvases import Canvases
from batcountry.dreams.disk.held import HeldCanvas, HeldLevels, written_through
from batcountry.dreams.disk.update import update
from batcountry.errors import RecipeError, WorkDamaged
from batcountry.models import open_model
from batcountry.objectives import layer
from batcountry.optim.tiles import TileScorer
from batcountry.recipe import Recipe

CPU = torch.device("cpu")
SIZE = (97, 131)


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def values(seed: int, size=SIZE) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).uniform(0, 255, (1, 3, *size)).astype(np.float32))


def filled(path, content: torch.Tensor) -> Canvas:
    found = Canvas(path, tuple(content.shape[-2:])).blank()
    found.write(range(content.shape[-2]), content)
    return found


def whole(found) -> torch.Tensor:
    return found.read(range(found.size[0]))


def scorer_of(objective):
    scorer = TileScorer(open_model("efficientnet-lite0"), objective)
    tiles = scorer.halo.tiles(SIZE, 48)
    return scorer, tiles, scorer.units(tiles)


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("shift", [(0, 0), (-17, 9)])
def test_a_gradient_without_waiting_is_that_tile_by_tile(tmp_path, together, shift):
    scorer, tiles, units = scorer_of(layer("blocks.2"))
    image = filled(tmp_path / "image", values(0))
    found = {}
    for name, kind in {"plain": "plain", "disk": "static", "held": "static"}.items():
        on_device = name == "held"
        picture = HeldCanvas.of(image, CPU) if on_device else image
        gradient = HeldCanvas(SIZE, CPU) if on_device else Canvas(tmp_path / name, SIZE).blank()
        with steps_run(kind):
            found[name] = (
                ascend(picture, gradient, scorer, tiles, units, shift, together),
                whole(gradient),
            )
    for name in ("disk", "held"):
        assert found[name][0] == pytest.approx(found["plain"][0], rel=1e-5)
        apart = (found[name][1] - found["plain"][1]).norm() / found["plain"][1].norm()
        assert float(apart) < 1e-4


@pytest.mark.parametrize("on_device", [True, False])
def test_a_gradient_that_is_not_finite_is_said_in_the_same_sentence(tmp_path, on_device):
    scorer, tiles, units = scorer_of(1e40 * layer("blocks.2"))
    image = filled(tmp_path / "image", values(0))
    said = []
    for kind in ("plain", "static"):
        picture = HeldCanvas.of(image, CPU) if on_device else image
        gradient = HeldCanvas(SIZE, CPU) if on_device else Canvas(tmp_path / kind, SIZE).blank()
        with steps_run(kind), pytest.raises(RecipeError) as raised:
            ascend(picture, gradient, scorer, tiles, units, (0, 0), 2)
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_a_damaged_canvas_ends_the_work(tmp_path):
    scorer, tiles, units = scorer_of(layer("blocks.2"))
    image = filled(tmp_path / "image", values(0))
    with image.path.open("r+b") as file:
        file.truncate(97 * 131 * 6)
    with steps_run("static"), pytest.raises(WorkDamaged):
        ascend(image, Canvas(tmp_path / "gradient", SIZE).blank(), scorer, tiles, units, (0, 0), 2)


@pytest.mark.parametrize(
    ("rows", "columns"), [((3, 20), (5, 131)), ((-8, 15), (120, 140)), ((90, 300), (-5, 9))]
)
def test_pieces_that_go_on_at_the_other_side_are_those_of_a_canvas(tmp_path, rows, columns):
    rows, columns = range(*rows), range(*columns)
    disk = filled(tmp_path / "image", values(0))
    device = HeldCanvas.of(disk, CPU)
    assert torch.equal(device.read(rows, columns), disk.read(rows, columns))
    added = values(1, (len(rows), len(columns)))
    for each in (disk, device):
        each.add(rows, columns, added)
    assert torch.allclose(whole(device), whole(disk), rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 5, 1000])
@pytest.mark.parametrize("wrap", ["none", "xy"])
@pytest.mark.parametrize("normalize", ["bands", "mean"])
@pytest.mark.parametrize("param", ["decorrelated", "pixels"])
def test_a_held_picture_changes_as_one_on_disk_and_is_on_disk_too(
    tmp_path, monkeypatch, rows, wrap, normalize, param
):
    for module in (canvas, held):
        monkeypatch.setattr(module, "_STRIP", rows * SIZE[1] * 12)
    recipe = Recipe(param=param, normalize=normalize, wrap=wrap, step_size=4.5)
    image, gradient = filled(tmp_path / "image", values(0)), filled(tmp_path / "slope", values(1) - 120)
    device, slope = HeldCanvas.of(image, CPU), HeldCanvas.of(gradient, CPU)
    result, through = Canvas(tmp_path / "result", SIZE).blank(), Canvas(tmp_path / "through", SIZE).blank()
    small = update(Canvases(tmp_path), image, gradient, result, recipe)
    with written_through(device, through) as both:
        small_of_held = update(HeldLevels(CPU), device, slope, both, recipe)
    assert torch.allclose(whole(device), whole(result), atol=1e-3)
    assert torch.equal(whole(through), whole(device))
    assert torch.allclose(small_of_held.image, small.image, atol=1e-3)


def test_a_full_disk_is_said_while_a_held_picture_goes_there(tmp_path, monkeypatch):
    monkeypatch.setattr(held, "_STRIP", SIZE[1] * 12)

    def full(*_):
        raise OSError(28, "No space left on device")

    device, disk = HeldCanvas(SIZE, CPU), Canvas(tmp_path / "image", SIZE).blank()
    monkeypatch.setattr(Canvas, "write", full)
    with pytest.raises(OSError, match="No space"), written_through(device, disk) as both:
        for row in range(SIZE[0]):
            both.write(range(row, row + 1), torch.zeros(1, 3, 1, SIZE[1]))
