"""A dream in memory that is stored after any step, and gone on with: the same bit for bit."""

from __future__ import annotations

import pytest
import torch

from batcountry.dreams.checkpoint import Checkpoint
from batcountry.dreams.dreamer import Dreamer
from batcountry.errors import RecipeError
from batcountry.optim.gradient import SparingGradient

OPTIONS = {
    "layer": "sum",
    "canvas": "29x43",
    "octaves": 3,
    "octave_scale": 1.3,
    "iterations": 3,
    "start": "pink",
}
PIXELS = 29 * 43

LOOKS = {
    "default": {},
    "pixels": {"param": "pixels", "clip": False},
    "adam": {"optimizer": "adam", "decay_every": 2, "decay": 0.5},
    "rmsprop and maco": {"optimizer": "rmsprop", "param": "maco"},
    "fourier": {"param": "fourier"},
    "alpha": {"alpha": True},
    "alpha in waves": {"alpha": True, "param": "soft-fourier", "optimizer": "adam"},
    "transforms": {"transforms": "scale(0.9, 1.1), noise(2, 9), rotate(5)"},
    "windows": {"windows": "23x23", "octaves": 1},
    "windows with adam": {"windows": "23x23", "octaves": 1, "optimizer": "adam"},
    "redirected": {"redirect_relu": 4},
    "whole pictures": {"carry": "picture"},
    "wrap": {"wrap": "x"},
    "a penalty": {"objective": 'layer("sum") - 0.1 * tv()', "layer": None},
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_gone_on_with_after_any_step_it_ends_as_if_it_had_not_been_stopped(two_channels, tmp_path, look):
    def dreamer():
        return Dreamer(**{**OPTIONS, **look, "model": two_channels})

    steps = []
    for step in dreamer().dreaming():
        step.checkpoint().save(tmp_path / str(len(steps)))
        steps.append(step)
    for index, step in enumerate(steps):
        rest = list(dreamer().dreaming(checkpoint=Checkpoint.load(tmp_path / str(index), PIXELS)))
        assert [each.done for each in rest] == [each.done for each in steps[index:]]
        assert (rest[0].octave, rest[0].iteration, rest[0].score) == (step.octave, step.iteration, step.score)
        for found, wanted in zip(rest, steps[index:], strict=True):
            assert torch.equal(found.image, wanted.image)


def test_tiles_that_were_halved_stay_so(two_channels, monkeypatch):
    made = []

    class Watched(SparingGradient):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr("batcountry.dreams.gradients.SparingGradient", Watched)
    dreamer = Dreamer(**{**OPTIONS, "tile": 16, "model": two_channels})
    steps = dreamer.dreaming()
    next(steps)
    made[0].halve(8)
    next(dreamer.dreaming(checkpoint=next(steps).checkpoint()))
    assert [each.halved for each in made] == [8, 8]


@pytest.fixture
def checkpoint(two_channels):
    step = next(Dreamer(**OPTIONS, model=two_channels).dreaming())
    return step.checkpoint()


@pytest.mark.parametrize(
    "other", [{"octaves": 1}, {"canvas": "31x43"}, {"optimizer": "adam"}, {"alpha": True}]
)
def test_one_of_another_dream_is_refused(two_channels, checkpoint, other):
    with pytest.raises(RecipeError, match="the checkpoint is of another dream"):
        next(Dreamer(**{**OPTIONS, **other}, model=two_channels).dreaming(checkpoint=checkpoint))


def test_several_pictures_have_none(two_channels, checkpoint, photo):
    with pytest.raises(RecipeError, match="a checkpoint is of one picture"):
        Dreamer(**OPTIONS, model=two_channels).dreaming([photo, photo], checkpoint=checkpoint)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:50], lambda data: b"\xff" * 8 + data, lambda data: b"", None]
)
def test_damage_is_one_sentence(checkpoint, tmp_path, damage):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path)
    path.write_bytes(damage(path.read_bytes())) if damage else path.unlink()
    with pytest.raises(RecipeError, match="is damaged or missing; start the dream anew"):
        Checkpoint.load(path, PIXELS)


def test_a_file_that_is_too_large_is_not_read(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "a")
    with (tmp_path / "a").open("ab") as file:
        file.truncate(10_000_000)
    with pytest.raises(RecipeError, match="is damaged or missing"):
        Checkpoint.load(tmp_path / "a", PIXELS)


def test_nothing_half_written_stays(checkpoint, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("no space")

    monkeypatch.setattr("batcountry.backend.tensor_files.save_file", fails)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_an_optimizer_of_torch_that_a_caller_gives_is_stored_too(two_channels, tmp_path):
    options = {**OPTIONS, "optimizer": torch.optim.NAdam, "step_size": 2.0, "model": two_channels}
    steps = []
    for step in Dreamer(**options).dreaming():
        step.checkpoint().save(tmp_path / str(len(steps)))
        steps.append(step)
    *_, last = Dreamer(**options).dreaming(checkpoint=Checkpoint.load(tmp_path / "4", PIXELS))
    assert torch.equal(last.image, steps[-1].image)


def test_an_optimizer_that_says_nothing_of_what_it_remembers_is_said(two_channels):
    class Mine:
        def __init__(self, tensors):
            self.tensors = tensors

        def update(self, slopes):
            for tensor, slope in zip(self.tensors, slopes, strict=True):
                tensor.data += slope

    step = next(Dreamer(**OPTIONS, optimizer=Mine, model=two_channels).dreaming())
    with pytest.raises(RecipeError, match=r"Mine has no state\(\) and load\(state\)"):
        step.checkpoint()
