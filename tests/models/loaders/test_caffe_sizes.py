"""Feature maps of a size that the file states, which follow the picture in dreams."""

import numpy as np
import pytest
import torch

from batcountry import caffe, open_model
from batcountry.caffe.formats.weights import write_weights
from batcountry.errors import ModelError
from caffe.nets import inputs, layer

POOL = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
SEGNET = (
    layer("Pooling", "p", "data", "p m", POOL)
    + layer("Pooling", "q", "p", "q n", POOL)
    + layer("Upsample", "v", "q n", settings="upsample_param { scale: 2 upsample_h: 5 upsample_w: 6 }")
    + layer("Upsample", "u", "v m", settings="upsample_param { scale: 2 upsample_h: 9 upsample_w: 12 }")
)


def opened(folder, text):
    (folder / "deploy.prototxt").write_text(text)
    write_weights(folder / "net.caffemodel", [("none", "X", [])])
    return open_model(folder, mean=(0, 0, 0))


def unpooled(x):
    """Return a picture with all but the largest of each window of 2×2 set to 0, and then of those of 4×4."""
    for side in (2, 4):
        kept = np.zeros_like(x)
        for row in range(0, x.shape[2], side):
            for column in range(0, x.shape[3], side):
                window = x[:, :, row : row + side, column : column + side]
                largest = np.where(window == window.max((2, 3), keepdims=True), window, 0)
                kept[:, :, row : row + side, column : column + side] = largest
        x = kept
    return x


@pytest.mark.parametrize("size", [(9, 12), (8, 8), (13, 17), (11, 30)])
def test_upsampling_goes_to_the_size_that_was_pooled(tmp_path, size):
    image = (
        np.random.RandomState(0).permutation(3 * size[0] * size[1]).reshape(1, 3, *size).astype(np.float32)
        + 1
    )
    model = opened(tmp_path, inputs(data=(1, 3, 9, 12)) + SEGNET)
    found = model.activations(torch.from_numpy(image), ["u"])["u"].numpy()
    np.testing.assert_array_equal(found[:, ::-1], unpooled(image))


def test_a_program_has_the_sizes_of_the_file(tmp_path):
    opened(tmp_path, inputs(data=(1, 3, 9, 12)) + SEGNET)
    net = caffe.Net(tmp_path / "deploy.prototxt", caffe.TEST)
    assert net.blobs["u"].shape == (1, 3, 9, 12) and net.bottom_names["u"] == ["v", "m"]
    net.blobs["data"].reshape(1, 3, 30, 30)
    with pytest.raises(ModelError, match="not of one shape"):
        net.reshape()


PYRAMID = (
    layer("Power", "f", "data", settings="power_param { scale: 2 }")
    + layer("Pooling", "p", "f", settings="pooling_param { pool: AVE kernel_size: 8 stride: 8 }")
    + layer("Interp", "i", "p", settings="interp_param { height: 16 width: 16 }")
    + layer("Concat", "y", "f i")
    + layer("Interp", "z", "y", settings="interp_param { height: 33 width: 33 }")
)


@pytest.mark.parametrize("size", [(16, 16), (24, 32), (25, 40)])
def test_interp_goes_to_the_size_of_what_it_is_joined_with(tmp_path, size):
    model = opened(tmp_path, inputs(data=(1, 3, 16, 16)) + PYRAMID)
    found = model.activations(torch.rand(1, 3, *size) * 255, ["y", "z"])
    assert found["y"].shape == (1, 6, *size) and found["z"].shape == (1, 6, 33, 33)
