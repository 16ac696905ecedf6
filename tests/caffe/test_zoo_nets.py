"""Networks that were published for Caffe, in the dialects in which they are found, open and dream."""

import logging
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest

import batcountry
from batcountry import open_model
from batcountry.caffe.formats.weights import write_weights
from caffe.zoo_nets import NETS


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Give the function that opens a published network, once, and returns its model and what was logged of it.

    Its weights are random, and its BatchNorms change nothing.
    """

    @cache
    def open_once(name):
        folder, text = tmp_path_factory.mktemp("net"), NETS[name]()
        (folder / "deploy.prototxt").write_text(text, encoding="utf-8", newline="")
        norms = getattr(text, "norms", {})
        blobs = {norm: [np.zeros(n, "f4"), np.ones(n, "f4"), np.ones(1, "f4")] for norm, n in norms.items()}
        write_weights(
            folder / "net.caffemodel", [("none", "X", []), *((n, "BatchNorm", b) for n, b in blobs.items())]
        )
        np.random.seed(0)
        with logged("batcountry") as notes:
            model = open_model(folder)
        return model, [note.replace(str(folder), "") for note in notes]

    return open_once


@contextmanager
def logged(name):
    """Give the list of all that is logged within."""
    notes, handler = [], logging.Handler()
    handler.emit = lambda record: notes.append(record.getMessage())
    logging.getLogger(name).addHandler(handler)
    try:
        yield notes
    finally:
        logging.getLogger(name).removeHandler(handler)


def dreams(model, width, height):
    pixels = np.random.RandomState(1).uniform(0, 255, (height, width, 3)).astype(np.float32)
    dream = batcountry.dream(pixels, model=model, octaves=1, iterations=1).array()
    assert dream.shape == pixels.shape and np.isfinite(dream).all() and np.abs(dream - pixels).max() > 0.5


# The deepest, and those that differ from another only by their depth or size, take half of the time.
DEEP = {
    "VGG-19", "ResNet-101", "ResNet-152", "ResNeXt-50", "DPN-92", "DenseNet-121", "Inception v4", "Inception-ResNet v2",
    "Inception v3", "SE-Inception", "MobileNet v1", "MobileNet v2", "SSD512", "R-FCN", "FCN-16s", "FCN-32s", "Gender",
    "DeepLab v2", "ResNet-50", "VGG-Face", "CaffeNet",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in DEEP)) for name in NETS]
)
def test_a_published_network_opens_and_dreams(opened, name):
    dreams(opened(name)[0], 224, 224)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_a_published_network_dreams_on_pictures_of_other_sizes(opened, name):
    model, _ = opened(name)
    dreams(model, 320, 240)
    dreams(model, 1024, 575)


# What is left out of each, and how much of it: heads that find things, and writers of files.
LEFT_OUT = {
    "Faster R-CNN (ZF)": ("proposal", 11),
    "Faster R-CNN (VGG-16)": ("proposal", 11),
    "R-FCN": ("proposal", 4),
    "DeepLab v1": ("fc8_mat", 1),
    "OpenPose": ("resize", 2),
}


def test_nothing_but_heads_is_left_out(opened):
    nets = {name: opened(name) for name in NETS if name in LEFT_OUT or "SSD" in name}
    left_out = {name: model.refused for name, (model, _) in nets.items()}
    assert {name: (next(iter(each)), len(each)) for name, each in left_out.items() if each} == LEFT_OUT
    notes = [note for _, own in nets.values() for note in own]
    assert any("'resize' (ImResize) (OpenPose)" in note for note in notes)
    assert max(map(len, notes)) < 300


STRIDES = {"DeepLab v1": ("fc7", 8), "VGG-16": ("conv5_3", 16), "SSD300": ("conv4_3_norm", 8), "SegNet": ("conv5_3_D", 16), "DenseNet-121": ("conv4_blk", 16)}  # fmt: skip


def test_layers_have_the_strides_of_the_papers(opened):
    strides = {name: (layer, opened(name)[0].layer(layer).stride) for name, (layer, _) in STRIDES.items()}
    assert strides == STRIDES
