"""Where places of one blob lie in another: what Caffe's own tests of `coord_map` ask for, in numbers, and what FCN does."""

import numpy as np
import pytest

import batcountry.caffe as caffe
from batcountry.caffe import layers as L
from batcountry.caffe import params as P
from batcountry.caffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)


def hourglass(kernel=3, stride=1, pad=0, pool=2, up=2, up_pad=0, side=100):
    """A convolution, a pooling and a deconvolution, whose window is twice its stride."""
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [2, 1, side, side]})
    n.aux = L.Input(shape={"dim": [2, 1, 20, 20]})
    n.conv = L.Convolution(n.data, num_output=10, kernel_size=kernel, stride=stride, pad=pad)
    n.pool = L.Pooling(n.conv, pool=P.Pooling.MAX, kernel_size=pool, stride=pool, pad=0)
    width = [2 * each for each in up] if isinstance(up, list) else 2 * up
    n.deconv = L.Deconvolution(n.pool, num_output=10, kernel_size=width, stride=up, pad=up_pad)
    return n


def mapped(n):
    axis, scale, shift = coord_map_from_to(n.deconv, n.data)
    return axis, np.ravel(scale).tolist(), np.ravel(shift).tolist()


@pytest.mark.parametrize(
    ("options", "scale", "shift"),
    [
        ({}, [1], [0]),
        ({"pool": 4, "up": 4}, [1], [-1]),
        ({"pad": 7}, [1], [-7]),
        ({"up_pad": 7}, [1], [7]),
        ({"pad": 7, "up_pad": 7}, [1], [0]),
        ({"kernel": 5, "stride": 2, "pad": 10}, [2], [-10]),
        ({"kernel": [3, 5], "stride": [1, 2], "pad": [0, 10]}, [1, 2], [0, -10]),
        ({"pool": 3}, [1.5], [-0.25]),
    ],
)
def test_a_deconvolution_is_mapped_to_the_data(options, scale, shift):
    assert mapped(hourglass(**options)) == (1, pytest.approx(scale), pytest.approx(shift))


def test_what_leaves_places_alone_changes_no_map():
    n = hourglass(pool=4, up=4)
    n.relu = L.ReLU(n.deconv)
    n.same = L.Convolution(n.relu, num_output=10, kernel_size=1, stride=1, pad=0)
    n.sum = L.Eltwise(n.same, n.deconv)
    for top in (n.relu, n.same, n.sum):
        assert coord_map_from_to(top, n.data) == coord_map_from_to(n.deconv, n.data) == (1, 1, -1)


def test_blobs_of_one_layer_are_mapped_alike():
    n = hourglass()
    n.left, n.right = L.Convolution(n.data, n.aux, ntop=2, num_output=10, kernel_size=5, stride=2, pad=0)
    assert coord_map_from_to(n.left, n.data) == coord_map_from_to(n.right, n.aux) == (1, 2, 2)


def test_more_axes_are_mapped_each():
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [2, 3, 100, 100, 100]})
    n.conv = L.Convolution(n.data, num_output=10, kernel_size=[3, 3, 3], stride=[1, 1, 1], pad=[0, 1, 2])
    n.pool = L.Pooling(n.conv, pool=P.Pooling.MAX, kernel_size=2, stride=2, pad=0)
    n.deconv = L.Deconvolution(n.pool, num_output=10, kernel_size=4, stride=2, pad=0)
    assert mapped(n) == (1, [1, 1, 1], [0, -1, -2])


@pytest.mark.parametrize("offset", [0, 3, [2, 5]])
def test_a_crop_moves_the_map_by_its_offset(offset):
    n = hourglass()
    for made in (
        L.Crop(n.deconv, n.data, axis=2, offset=offset),
        L.Crop(n.deconv, n.data, crop_param={"offset": offset}),
    ):
        axis, scale, shift = coord_map_from_to(made, n.data)
        assert (axis, scale.tolist()) == (1, [1])
        assert np.ravel(shift).tolist() == np.ravel(offset).tolist()


def test_dilation_widens_a_window():
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [1, 1, 50, 50]})
    n.conv = L.Convolution(n.data, num_output=1, kernel_size=3, dilation=4, pad=1)
    assert coord_map(n.conv.fn) == (1, 1, 1 - 4)
    assert coord_map_from_to(n.conv, n.data) == (1, 1, 3)


def test_a_crop_is_written_and_cuts_to_the_data(tmp_path):
    n = hourglass(pad=10, side=37)
    n.score = crop(n.deconv, n.data)
    assert n.score.fn.params == {"crop_param": {"axis": 2, "offset": [10]}}
    (tmp_path / "net.prototxt").write_text(str(n.to_proto()))
    net = caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    net.params["deconv"][0].data[...] = 1
    net.blobs["pool"].data[...] = 0
    net.forward()
    assert net.blobs["score"].shape == (2, 10, 37, 37)
    np.testing.assert_array_equal(net.blobs["score"].data, net.blobs["deconv"].data[:, :, 10:47, 10:47])


def test_a_crop_lays_a_pulse_where_it_was(tmp_path):
    """What FCN needs: a bright place of the data is at the same place of what was scaled up and cropped."""
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [1, 1, 64, 48]})
    n.conv = L.Convolution(n.data, num_output=1, kernel_size=3, pad=16, bias_term=False)
    n.pool = L.Pooling(n.conv, pool=P.Pooling.AVE, kernel_size=4, stride=4)
    n.up = L.Deconvolution(
        n.pool, convolution_param={"num_output": 1, "kernel_size": 8, "stride": 4, "bias_term": False}
    )
    n.score = crop(n.up, n.data)
    (tmp_path / "net.prototxt").write_text(str(n.to_proto()))
    net = caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    net.params["conv"][0].data[...] = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    tent = np.convolve(np.ones(4), np.ones(5))
    net.params["up"][0].data[...] = np.outer(tent, tent)
    net.blobs["data"].data[0, 0, 29:33, 21:25] = 1
    score = net.forward()["score"][0, 0]
    assert score.shape == (64, 48)
    for axis, middle in ((1, 30.5), (0, 22.5)):
        profile = score.sum(axis)
        assert (profile * np.arange(len(profile))).sum() / profile.sum() == pytest.approx(middle, abs=0.51)


def test_blobs_that_no_places_connect_have_no_map():
    n = hourglass()
    n.dense = L.InnerProduct(n.deconv, num_output=10)
    with pytest.raises(RuntimeError, match="connected by spatial layers"):
        coord_map_from_to(n.dense, n.data)
    with pytest.raises(UndefinedMapException, match="InnerProduct"):
        coord_map(n.dense.fn)
    with pytest.raises(UndefinedMapException, match="kernel_size"):
        coord_map(L.Pooling(n.data, global_pooling=True).fn)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pool": 3}, "scale mismatch"),
        ({"up_pad": 10}, "negative"),
        ({"kernel": 4, "pad": 2}, "noninteger"),
    ],
)
def test_a_crop_that_cannot_be_is_refused(options, said):
    n = hourglass(**options)
    with pytest.raises(AssertionError, match=said):
        crop(n.deconv, n.data)


def test_windows_said_side_by_side_are_refused():
    n = hourglass()
    for fields in ({"kernel_h": 3, "kernel_w": 3}, {"convolution_param": {"kernel_size": 3, "pad_h": 1}}):
        with pytest.raises(AssertionError, match="give lists"):
            coord_map(L.Convolution(n.data, num_output=1, **fields).fn)


def test_maps_of_different_axes_do_not_go_together():
    with pytest.raises(AxisMismatchException, match=r"axis 1 .* axis 2"):
        compose((1, 2, 0), (2, 1, 0))
    assert compose((None, 1, 0), (2, 3, 4)) == (2, 3, 4)
    assert compose((1, 2, 3), (None, 1, 0)) == (1, 2, 3)
    assert inverse((1, 2, 3)) == (1, 0.5, -1.5)


def test_a_blob_is_cropped_to_itself_from_its_first_place():
    n = hourglass()
    assert crop(L.ReLU(n.data), n.data).fn.params["crop_param"] == {
        "axis": 2,
        "offset": [0],
    }
