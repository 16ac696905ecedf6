"""What a card works out is what the processor does, each way of running steps gives it, and it is the same again."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import batcountry
from batcountry import dreaming

pytestmark = pytest.mark.cuda

STEP = {"param": "pixels", "normalize": "mean", "clip": False, "jitter": 0, "octaves": 1, "iterations": 1}
MOVES = "pad(6), rotate(10), scale(0.9, 1.1), noise(5)"

CODE = """
import hashlib, sys
import numpy as np
import batcountry
from batcountry.image.sky import sky
made = batcountry.dream(np.uint8(sky(333, 250)), device="cuda", iterations=4, seed=5)
print(hashlib.sha256(np.ascontiguousarray(made.pixels).tobytes()).hexdigest())
"""


def change(image, device, precision, **options):
    """What the first step changes, which is the gradient but for its size; a large step drowns the picture's rounding."""
    (step,) = dreaming(image, device=device, precision=precision, step_size=200.0, **STEP, **options)
    start = torch.from_numpy(np.float32(image)).permute(2, 0, 1)[None]
    return step.image.detach().float().cpu().double() - start.double()


def test_the_exact_gradient_is_the_processors(network, picture):
    wanted = change(picture, "cpu", "exact", **network)
    found = change(picture, "cuda", "exact", **network)
    assert float((found - wanted).norm() / wanted.norm()) < 1e-3


def test_exact_is_float32_whatever_the_process_allows(network, picture):
    wanted = change(picture, "cuda", "exact", **network)
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    try:
        torch.backends.cudnn.allow_tf32 = True
        torch.set_float32_matmul_precision("high")
        found = change(picture, "cuda", "exact", **network)
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.backends.cudnn.allow_tf32 = before[0]
        torch.set_float32_matmul_precision(before[1])
    assert float((found - wanted).norm() / wanted.norm()) < 1e-4


def test_the_fast_gradient_points_where_the_exact_one_does(network, picture):
    exact, fast = (change(picture, "cuda", each, **network) for each in ("exact", "fast"))
    cosine = float(torch.nn.functional.cosine_similarity(exact.flatten(), fast.flatten(), 0))
    assert cosine > (0.97 if "model" in network else 0.9)  # of a sky; the aims are for photographs


@pytest.mark.parametrize("options", [{}, {"transforms": MOVES}, {"views": 3, "transforms": MOVES}], ids=str)
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_captured_steps_give_what_the_same_steps_give_one_by_one(network, picture, precision, options):
    graphs = pytest.importorskip("batcountry.backend.graphs")
    made = {}
    for kind in ("static", "captured"):
        with graphs.steps_run(kind):
            steps = list(
                dreaming(
                    picture, device="cuda", precision=precision, octaves=2, iterations=3, **network, **options
                )
            )
        made[kind] = steps[-1].image.cpu()
        assert np.isfinite(float(steps[-1].score))
    assert torch.equal(made["static"], made["captured"])


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_the_same_recipe_gives_the_same_pixels_whatever_was_dreamed_between(network, picture, precision):
    options = {"device": "cuda", "precision": precision, "iterations": 3, **network}
    one = batcountry.dream(picture, seed=3, **options).pixels
    batcountry.dream(picture[::-1].copy(), seed=4, **options)
    batcountry.dream(picture[:200, :300].copy(), seed=4, **options)
    assert np.array_equal(batcountry.dream(picture, seed=3, **options).pixels, one)


def test_two_processes_on_one_card_each_give_what_one_gives_alone(picture):
    made = batcountry.dream(picture, device="cuda", iterations=4, seed=5)
    wanted = hashlib.sha256(np.ascontiguousarray(made.pixels).tobytes()).hexdigest()
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [each.communicate(timeout=300) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert [out.strip() for out, _ in said] == [wanted, wanted]


def test_views_in_one_batch_are_those_one_after_the_other(network, picture):
    options = {"device": "cuda", "precision": "exact", "views": 4, "jitter": 9, **network}
    one, parts = (_viewed(picture, options, count) for count in (4, 1))
    assert float((one - parts).norm() / one.norm()) < 1e-3


def _viewed(image, options, count):
    given = {**STEP, **options, "view_batch": count}
    (step,) = dreaming(image, step_size=200.0, **given)
    return (
        step.image.detach().float().cpu().double()
        - torch.from_numpy(np.float32(image)).permute(2, 0, 1)[None]
    )


def test_pictures_that_grow_at_once_are_those_made_alone():
    aims = ['logit("lion")', 'logit("castle")', 'logit("daisy")']
    options = {"preset": "class-small", "iterations": 3, "device": "cuda", "precision": "exact"}
    together = batcountry.visualize(aims, **options)
    for aim, picture in zip(aims, together, strict=True):
        (alone,) = batcountry.visualize([aim], **options)
        apart = np.abs(np.float32(alone.pixels) - np.float32(picture.pixels)).mean()
        assert apart < 0.5, aim
