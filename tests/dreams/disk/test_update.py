"""One step's change of a picture on disk, strip by strip, beside the same in memory."""

import numpy as np
import pytest
import torch

from batcountry.dreams.disk import canvas
from batcountry.dreams.disk import update as updating
from batcountry.dreams.disk.canvas import Canvas
from batcountry.dreams.disk.canvases import Canvases
from batcountry.optim.optimizers import Schedule, optimizer
from batcountry.optim.param import PARAMS
from batcountry.recipe import Recipe


def filled(folder, name, values):
    found = Canvas(folder / name, (values.shape[-2], values.shape[-1])).blank()
    found.write(range(values.shape[-2]), values)
    return found


@pytest.mark.parametrize("rows", [1, 5, 1000])
@pytest.mark.parametrize("wrap", [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", [(37, 53), (64, 30), (3, 7)])
@pytest.mark.parametrize(
    ("param", "normalize"),
    [("decorrelated", "bands"), ("decorrelated", "mean"), ("pixels", "bands"), ("pixels", "mean")],
)
def test_a_step_on_disk_is_the_step_in_memory(tmp_path, monkeypatch, rows, wrap, size, param, normalize):
    monkeypatch.setattr(canvas, "_STRIP", rows * size[1] * 12)
    rng = np.random.RandomState(1)
    image = torch.from_numpy(np.float32(rng.uniform(1, 254, (1, 3, *size))))
    slope = torch.from_numpy(np.float32(rng.normal(size=(1, 3, *size))))
    held = PARAMS[param](image)
    shown = held.image()
    (gradient,) = torch.autograd.grad(shown, held.tensors, slope)
    optimizer("ascent", Schedule(4.5), normalize, wrap=wrap)(held.tensors).update([gradient])
    held.constrain(True)
    recipe = Recipe(
        param=param,
        normalize=normalize,
        step_size=3.0,
        strength="wild",
        wrap={(False, False): "none", (False, True): "x", (True, True): "xy"}[wrap],
    )
    result = filled(tmp_path, "result.raw", torch.zeros_like(image))
    small = updating.update(
        Canvases(tmp_path),
        filled(tmp_path, "image.raw", image),
        filled(tmp_path, "gradient.raw", slope),
        result,
        recipe,
    )
    wanted = held.image().detach()
    torch.testing.assert_close(result.read(range(size[0])), wanted, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(small.image, wanted, rtol=1e-4, atol=1e-3)
