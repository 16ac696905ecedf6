import numpy as np
import pytest

import batcountry.caffe as caffe
from conftest import REFERENCE


@pytest.fixture
def net():
    folder = REFERENCE / "layers" / "mini_inception"
    return caffe.Net(str(folder / "net.prototxt"), str(folder / "net.caffemodel"), caffe.TEST)


def test_views_stay_live_through_passes(net):
    data, diff = net.blobs["data"].data, net.blobs["data"].diff
    data[...] = np.random.RandomState(0).normal(size=data.shape)
    name, top = next(iter(net.forward().items()))
    net.blobs[name].diff[...] = 1
    net.backward()
    assert data is not top and np.shares_memory(diff, net.blobs["data"].diff)
    first = diff.copy()
    assert np.abs(first).max() > 0
    before = top.copy()
    data *= 0.5
    net.forward()
    assert not np.array_equal(before, top)


def test_what_a_program_writes_between_the_passes_counts_in_the_backward_pass(net):
    relu = next(n for n in net._nodes if n.layer.type == "ReLU" and n.in_place)
    blob = net.blobs[relu.tops[0]]
    values = blob.data
    net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=net.blobs["data"].shape)
    net.forward(end=relu.name)
    values[...] = -1
    blob.diff[...] = 1
    net.backward(start=relu.name)
    assert not blob.diff.any()


def test_writing_weights_is_seen_by_the_next_pass(net):
    net.blobs["data"].data[...] = 1
    name = next(iter(net.params))
    before = net.forward(end=name)[name].copy()
    net.params[name][1].data[...] += 2
    np.testing.assert_allclose(net.forward(end=name)[name], before + 2, rtol=1e-5)


def test_an_unknown_layer_or_blob_is_answered_with_the_nearest(net):
    with pytest.raises(ValueError, match=r"'conv9' is not in list; did you mean"):
        net.forward(end="conv9")
    with pytest.raises(KeyError, match="did you mean 'data'"):
        net.blobs["dat"]


def test_reshaping_the_input_reshapes_the_net(net):
    net.blobs["data"].reshape(1, 3, 41, 29)
    net.reshape()
    shapes = {name: blob.shape for name, blob in net.blobs.items()}
    net.forward()
    assert {name: blob.data.shape for name, blob in net.blobs.items()} == shapes


def test_a_batch_is_run_as_its_pictures_one_by_one(net):
    pictures = np.random.RandomState(1).normal(size=(3, 3, 23, 31)).astype(np.float32)
    net.blobs["data"].reshape(*pictures.shape)
    together = {name: array.copy() for name, array in net.forward(data=pictures).items()}
    net.blobs["data"].reshape(1, *pictures.shape[1:])
    for index in range(3):
        for name, array in net.forward(data=pictures[index : index + 1]).items():
            np.testing.assert_allclose(array[0], together[name][index], rtol=1e-4, atol=1e-5)
