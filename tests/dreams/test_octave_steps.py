"""Dreams on buffers that stay, as graphics cards run them, here on the CPU, where they have to be the same."""

import logging
import threading

import numpy as np
import pytest
import torch

from batcountry import dream, open_model
from batcountry.backend.graphs import steps_run
from batcountry.dreams.dreamer import Dreamer
from batcountry.errors import BatCountryError
from batcountry.image.sky import sky
from batcountry.optim import static_climb

IMAGE = np.float32(sky(64, 48))
SHORT = {"octaves": 2, "iterations": 3, "layer": "blocks.2", "device": "cpu", "precision": "exact"}


@pytest.fixture
def net():
    return open_model("efficientnet-lite0")


@pytest.fixture
def made(monkeypatch):
    """Count the steps that are made for one shape."""
    count = []
    init = static_climb.StaticClimb.__init__

    def counted(self, *arguments):
        init(self, *arguments)
        count.append(self)

    monkeypatch.setattr(static_climb.StaticClimb, "__init__", counted)
    return count


def pixels(**options):
    return dream(IMAGE, **{**SHORT, **options}).pixels


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"transforms": "pad(5), rotate(9), noise(1, 4), flip(), crop(40, 50)", "octaves": 1},
        {"optimizer": "adam", "decay": 0.5, "decay_every": 2},
        {"optimizer": "rmsprop"},
        {"param": "pixels", "optimizer": "rmsprop-cnn-vis"},
        {"param": "pixels", "normalize": "bands"},
        {"alpha": True},
        {"redirect_relu": 2},
        {"layer": None, "objective": 'layer("blocks.2") - 0.01*growing(total_variation(), 1, 1, 1)'},
        {"layer": None, "objective": 'layer("blocks.2") - 0.1*content("start", "blocks.1")'},
    ],
    ids=str,
)
def test_a_dream_is_the_same_bit_for_bit(net, made, options):
    plain = pixels(model=net, **options)
    assert not made
    with steps_run("static"):
        assert np.array_equal(pixels(model=net, **options), plain)
    assert made


def test_a_mask_and_several_pictures_are_the_same_bit_for_bit(net):
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, 30:] = 255
    options = {**SHORT, "model": net, "mask": mask}
    plain = dream([IMAGE, IMAGE[::-1].copy()], **options)
    with steps_run("static"):
        static = dream([IMAGE, IMAGE[::-1].copy()], **options)
    for one, other in zip(plain, static, strict=True):
        assert np.array_equal(one.pixels, other.pixels)


def test_scores_and_terms_are_the_same_and_those_that_are_kept_stay(net):
    options = {
        **SHORT,
        "layer": None,
        "objective": 'layer("blocks.2") - 0.01*total_variation()',
        "model": net,
    }
    plain = [(step.score, dict(step.terms), step.image) for step in Dreamer(**options).dreaming(IMAGE)]
    with steps_run("static"):
        kept = list(Dreamer(**options).dreaming(IMAGE))
    assert [step.score for step in kept] == [score for score, _, _ in plain]
    assert [dict(step.terms) for step in kept] == [terms for _, terms, _ in plain]
    for step, (_, _, image) in zip(kept, plain, strict=True):
        assert torch.equal(step.image, image)


def test_nobody_reads_what_nobody_asks_for(net, monkeypatch):
    reads = []
    for name in ("__float__", "__bool__", "__int__", "item", "tolist", "numpy"):
        read = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, *a, read=read: reads.append(1) or read(self, *a))

    def count(iterations):
        with steps_run("static"):
            dreaming = Dreamer(**{**SHORT, "model": net, "octaves": 1, "iterations": iterations}).dreaming(
                IMAGE
            )
            next(dreaming)  # which draws ahead
            reads.clear()
            assert sum(1 for _ in dreaming) == iterations - 1
            return len(reads)

    assert count(9) == count(3)


def test_the_next_dream_and_other_dreamers_use_the_same_steps(net, made):
    with steps_run("static"):
        first = pixels(model=net)
        assert len(made) == 2
        assert np.array_equal(pixels(model=net), first)
        pixels(model=net, seed=5, octaves=1)
        assert len(made) == 2
        pixels(model=net, layer="blocks.1")
        assert len(made) == 4
    assert len(net.idle_steps) == 4


def test_steps_of_another_guide_or_step_size_are_others(net, made):
    plain = pixels(model=net, step_size=4.0), pixels(model=net, guide=sky(40, 40))
    with steps_run("static"):
        pixels(model=net, step_size=1.0), pixels(model=net, guide=255 - sky(40, 40))
        assert np.array_equal(pixels(model=net, step_size=4.0), plain[0])
        assert np.array_equal(pixels(model=net, guide=sky(40, 40)), plain[1])
    assert len(made) == 8


def test_dreams_that_go_on_beside_one_another_do_not_disturb_each_other(net):
    alone = pixels(model=net)
    results = {}

    def run(name):
        with steps_run("static"):
            results[name] = pixels(model=net)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with steps_run("static"):
        dreamer = Dreamer(**SHORT, model=net)
        pairs = list(zip(dreamer.dreaming(IMAGE), dreamer.dreaming(IMAGE), strict=True))
    results |= {"one": pairs[-1][0].picture().pixels, "other": pairs[-1][1].picture().pixels}
    assert all(np.array_equal(each, alone) for each in results.values())


def test_a_dream_that_was_left_off_gives_its_steps_back(net):
    with steps_run("static"):
        dreaming = Dreamer(**SHORT, model=net).dreaming(IMAGE)
        next(dreaming)
        dreaming.close()
    assert len(net.idle_steps) == 1


@pytest.mark.parametrize("ways", [("static", "plain"), ("plain", "static"), ("static", "static")], ids=str)
def test_a_checkpoint_is_gone_on_with_by_either_kind_of_steps(net, ways):
    whole = pixels(model=net, transforms="noise(2)")
    dreamer = Dreamer(**SHORT, model=net, transforms="noise(2)")
    with steps_run(ways[0]):
        for step in dreamer.dreaming(IMAGE):
            if (step.octave, step.iteration) == (1, 1):
                checkpoint = step.checkpoint()
                break
    with steps_run(ways[1]):
        *_, last = dreamer.dreaming(IMAGE, checkpoint=checkpoint)
    assert np.array_equal(last.picture().pixels, whole)


def test_hooks_functions_and_own_transforms_run_plainly_and_that_is_said_once(net, made, caplog):
    caplog.set_level(logging.INFO, "batcountry")

    def said():
        return [each.getMessage() for each in caplog.records if "piece by piece" in each.getMessage()]

    with steps_run("static"):
        for _ in range(2):
            pixels(model=net, transforms=lambda pictures: pictures * 1)
        assert not made
        assert len(said()) == 1
        assert "lambda" in said()[0]
        pixels(model=net, layer=None, objective=lambda at: at["blocks.2"].mean())
        assert not made
        assert "function" in said()[-1]
        seen = []
        hook = net.module.get_submodule("blocks.1").register_forward_hook(lambda *_: seen.append(1))
        pixels(model=net)
        assert not made
        assert len(seen) >= 6
        hook.remove()
        pixels(model=net)
        assert made


def test_other_weights_are_not_dreamed_on_with_the_old_ones(net, made):
    with steps_run("static"):
        pixels(model=net)
        first = next(iter(net.network.parts.values())).convolutions[0]
        object.__setattr__(first, "weight", first.weight * 2)
        changed = pixels(model=net)
    assert len(made) == 4
    assert np.array_equal(changed, pixels(model=net))


def test_memory_that_is_not_there_for_buffers_is_asked_for_piece_by_piece(net, monkeypatch):
    plain = pixels(model=net)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate memory")

    monkeypatch.setattr(static_climb.StaticClimb, "__init__", full)
    with steps_run("static"):
        assert np.array_equal(pixels(model=net), plain)


def test_a_step_that_went_wrong_is_said_at_the_octaves_end_if_nobody_looked(net):
    """What is said is said in `tests/optim/test_static_climb.py`."""
    with steps_run("static"):
        steps = []
        dreaming = Dreamer(**{**SHORT, "iterations": 2}, model=net).dreaming(IMAGE)
        steps.append(next(dreaming))
        for part in net.network.parts.values():
            part.convolutions[0].weight.mul_(float("nan"))
        with pytest.raises(BatCountryError, match="not finite"):
            steps.extend(dreaming)
    assert [(step.octave, step.iteration) for step in steps] == [(0, 0), (0, 1)]
    with pytest.raises(BatCountryError, match="not finite"), steps_run("static"):
        dream(IMAGE, model=net, callback=lambda step: step.score, **SHORT)
