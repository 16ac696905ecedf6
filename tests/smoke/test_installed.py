"""What has to work wherever the package is installed, with the lowest versions of what it needs, too: no extras."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import batcountry
from batcountry.caffe import Net

COMMAND = Path(sys.executable).with_name("bat-country")
QUICK = {"size": 96, "octaves": 2, "iterations": 2}
NET = """
name: "small"
input: "data" input_shape { dim: 1 dim: 3 dim: 13 dim: 17 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "norm" type: "LRN" bottom: "conv" top: "norm" }
layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
"""


def bat_country(*args, cwd):
    return subprocess.run([COMMAND, *args], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "file", ["py.typed", "models/zoo/zoo.json", "atlas/look.html", "atlas/page.html", "image/viewer.html"]
)
def test_files_that_are_no_modules_come_along(file):
    assert (files("batcountry") / file).is_file()


def test_the_command_answers(tmp_path):
    assert "dream" in bat_country("--help", cwd=tmp_path)
    assert batcountry.__version__ in bat_country("--version", cwd=tmp_path)
    assert "efficientnet-lite0" in bat_country("models", cwd=tmp_path)


def test_a_dream_is_dreamed_again_from_its_file(tmp_path):
    options = [f"--{name}={value}" for name, value in QUICK.items()]
    bat_country("dream", "-o", "dream.png", *options, cwd=tmp_path)
    bat_country("again", "dream.png", "-o", "again.png", cwd=tmp_path)
    first, second = (batcountry.read_picture(tmp_path / name) for name in ("dream.png", "again.png"))
    assert first.recipe == second.recipe
    assert np.array_equal(np.asarray(first), np.asarray(second))


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "classic"},
        {"precision": "fast", "strength": "wild"},
        {"objective": 'channel("blocks.3", 1) - 0.01*tv()', "color": "keep"},
        {"param": "fourier", "optimizer": "adam", "transforms": "jitter(4), blur(1)"},
        {"wrap": "x", "tile": 64},
        {"alpha": True},
    ],
    ids=str,
)
def test_dreams_change_the_picture(options):
    ramp = np.add.outer(np.linspace(0, 120, 53), np.linspace(0, 90, 97))[..., None]
    before = np.uint8(ramp + np.array([0, 20, 40]))
    after = np.asarray(batcountry.dream(before, octaves=2, iterations=2, **options))
    assert after.shape[:2] == (53, 97)
    assert np.abs(after[..., :3].astype(int) - before).max() > 3


def test_a_channel_is_made_visible():
    (picture,) = batcountry.visualize(['channel("blocks.3", 2)'], preset="thumbnail", size=64, iterations=2)
    assert picture.size == (64, 64)


def test_a_caffe_net_runs_forward_and_backward(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    net = Net(str(tmp_path / "net.prototxt"))
    net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=(1, 3, 13, 17))
    net.forward()
    net.blobs["pool"].diff[...] = 1
    net.backward(start="pool")
    assert np.abs(net.blobs["data"].diff).max() > 0
